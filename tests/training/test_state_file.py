"""A checkpoint that can still be read and is not what was written is refused by name; none trains on to other numbers.

`altered` makes such files: members lost, added, reshaped, swapped, one bit flipped and the zip's own sum mended, and so
on. What changes only the file's form, such as the order of its members, must resume to the same bytes.
"""

import contextlib
import io
import json
import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from feedbackalign import optimizer
from feedbackalign.training import state_file
from feedbackalign.training.checkpoints import CheckpointError, read_checkpoint, read_meta
from tests.small_runs import Killed, SmallRun, kill_at, without_times

RUNS = {"closed form": lambda draw: SmallRun("pfa", draw=draw),
        "explicit, adam": lambda draw: SmallRun("pfa", draw=draw, opt=optimizer.Adam(0.01)),
        "mirror": lambda draw: SmallRun("wm", draw=draw),
        "targets": lambda draw: SmallRun("dtp", draw=draw)}


def test_what_was_written_comes_back_free_to_be_changed(tmp_path):
    matrix = np.random.default_rng(0).normal(size=(3, 4))
    arrays = {"C": matrix, "Fortran": np.asfortranarray(matrix), "part": matrix[:, ::2], "number": np.array(3),
              "none": np.zeros((0, 2)), "text": np.array("größer"), "mask": matrix > 0}
    state_file.write(tmp_path / "file.npz", {"version": "1"}, {"epoch": 2, "stream": np.arange(3)}, arrays)
    meta, back = state_file.read(tmp_path / "file.npz", {"version": "1"})
    assert (meta["epoch"], meta["stream"]) == (2, [0, 1, 2]) and list(back) == list(arrays)
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype and back[name].shape == array.shape, name
        assert back[name].tobytes() == array.tobytes() and back[name].flags.fnc == array.flags.fnc, name
        assert back[name].flags.writeable, name


# ------------------------------------------------------------------------------------------- files that can be read

def members_of(path):
    """{name: bytes} of the members of a zip file."""
    with zipfile.ZipFile(path) as file:
        return {info.filename: file.read(info) for info in file.infolist()}


def write_members(path, members, packed=None, before=b""):
    """A zip file of these members, with the sums of its own that are right for them."""
    path.write_bytes(before)
    with zipfile.ZipFile(path, "a") as file:
        for name, content in members.items():
            file.writestr(name, content, zipfile.ZIP_DEFLATED if name == packed else zipfile.ZIP_STORED)


def array_in(content):
    return np.load(io.BytesIO(content), allow_pickle=False)


def content_of(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def leaves(value, *above):
    """The paths to all values in nested dicts and lists."""
    yield above
    for key, entry in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        yield from leaves(entry, *above, key)


def other_value(value):
    """Something of the same kind, where that can be."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, dict):
        return dict(list(value.items())[:-1]) or {"more": 1}
    return value[:-1] if value else 0                                   # a list; None


def altered_meta(content, path):
    """The member with the plain values, where the one at `path` is another one."""
    meta = json.loads(str(array_in(content)))
    *above, last = path
    place = meta
    for key in above:
        place = place[key]
    place[last] = other_value(place[last])
    return content_of(np.array(json.dumps(meta)))


KINDS = ("lost", "added", "shape", "dtype", "layout", "number", "bit", "swapped", "meta", "no meta", "packed",
         "order", "behind", "respelt")


def altered(members, rng):
    """-> (what was done, what the refusal must name or None where the file means the same, how it is written)."""
    members = dict(members)
    arrays = {name: array_in(content) for name, content in members.items()}
    data = [name for name in arrays if name != "meta.npy"]
    name = data[rng.integers(len(data))]
    array, word = arrays[name], name.removesuffix(".npy")
    kind = KINDS[rng.integers(len(KINDS))]
    if kind == "lost":
        del members[name]
    elif kind == "added":
        word = ["optimizer/velocity/fc9.weight", "network/extra", "rule/more", "anything"][rng.integers(4)]
        members[f"{word}.npy"] = members[name]
    elif kind == "shape":
        shapes = [array[None], array.reshape(1, *array.shape, 1), np.stack([array, array]),
                  *([array.reshape(-1), array[:1], array[:0]] if array.ndim > 1 else [])]
        members[name], word = content_of(shapes[rng.integers(len(shapes))]), f"{word} was written as"
    elif kind == "dtype":
        wider = {"f": np.float64 if array.dtype == np.float32 else np.float32, "U": f"<U{array.dtype.itemsize}"}
        members[name] = content_of(array.astype(wider.get(array.dtype.kind, np.int16)))
        word = f"{word} was written as"
    elif kind == "layout":
        turned = np.asfortranarray(array)
        if turned.flags.fnc == array.flags.fnc:                         # of one row or number
            return altered(members, rng)
        members[name], word = content_of(turned), f"{word} was written as .*'Fortran'"
    elif kind == "number":
        if array.dtype.kind == "f":
            array = array.copy()
            array.flat[rng.integers(array.size)] += 1e-3
            members[name] = content_of(array)
        else:
            members[name] = content_of(np.ones_like(array))
            if members[name] == content_of(array):
                return altered(members, rng)
    elif kind == "bit":
        content = bytearray(members[name])
        content[-1 - rng.integers(array.nbytes)] ^= 1 << rng.integers(8)
        members[name] = bytes(content)
        word = word if array.dtype.kind in "fbiu" else "(?s)."          # it may be no letter at all any longer
    elif kind == "swapped":
        twins = [other for other in data if arrays[other].shape == array.shape and arrays[other].dtype == array.dtype
                 and members[other] != members[name]]
        if not twins:
            return altered(members, rng)
        twin = twins[rng.integers(len(twins))]
        members[name], members[twin] = members[twin], members[name]
        word = f"({word}|{twin.removesuffix('.npy')})"
    elif kind == "meta":
        paths = list(leaves(json.loads(str(arrays["meta.npy"]))))[1:]
        path = paths[rng.integers(len(paths))]
        members["meta.npy"] = altered_meta(members["meta.npy"], path)
        kind, word = f"meta {path}", "meta|another (version|format)"
    elif kind == "no meta":
        del members["meta.npy"]
        word = "it lacks meta"
    elif kind == "respelt":
        meta = json.loads(str(arrays["meta.npy"]))
        members["meta.npy"], word = content_of(np.array(json.dumps(meta, indent=1, sort_keys=True))), None
    elif kind == "order":
        members, word = {each: members[each] for each in rng.permutation(list(members))}, None
    elif kind == "packed":
        return kind, f"{word}.npy is packed", {"members": members, "packed": name}
    elif kind == "behind":
        return kind, None, {"members": members, "before": b"something else"}
    return kind, word, {"members": members}


@pytest.fixture(scope="module", params=RUNS)
def half_done(request, tmp_path_factory):
    """A run, the bytes and rows that it ends with, and the files of its folder when it died in its second epoch."""
    make, folder = RUNS[request.param], tmp_path_factory.mktemp("half")
    whole = make(0)
    rows = without_times(whole.train(epochs=2))
    with pytest.raises(Killed):
        make(0).train(epochs=2, folder=folder, progress=kill_at(5), checkpoint_every=1)
    return make, whole.bytes(), rows, members_of(folder / "checkpoint.npz"), (folder / "record.jsonl").read_bytes()


def alter_and_resume(half_done, seed, folder):
    """Refused by the name of what was altered, and nothing touched; or resumed to the same bytes."""
    make, whole, rows, members, record = half_done
    kind, word, written = altered(members, np.random.default_rng(seed))
    path = folder / "checkpoint.npz"
    write_members(path, **written)
    (folder / "record.jsonl").write_bytes(record)
    run, held = make(1), path.read_bytes()
    before = run.bytes()
    if word is None:
        assert without_times(run.train(epochs=2, folder=folder, resume=True)) == rows, kind
        assert run.bytes() == whole, kind
        return
    with pytest.raises(CheckpointError, match=word) as caught:
        run.train(epochs=2, folder=folder, resume=True)
    assert str(path) in str(caught.value) and "start" in str(caught.value), kind        # what to do
    assert run.bytes() == before, kind
    assert path.read_bytes() == held and (folder / "record.jsonl").read_bytes() == record, kind


@pytest.mark.parametrize("seeds", [range(25), pytest.param(range(25, 500), marks=pytest.mark.slow)])
def test_no_altered_checkpoint_trains_on_to_other_numbers(half_done, seeds, tmp_path):
    for seed in seeds:
        alter_and_resume(half_done, seed, tmp_path)


def test_the_alterations_are_of_every_kind(half_done):
    found = [altered(half_done[3], np.random.default_rng(seed))[:2] for seed in range(100)]
    assert {kind.split(" (")[0] for kind, _ in found} == {*KINDS}
    assert 5 < sum(word is None for _, word in found) < 40


def test_every_single_plain_value_is_under_the_sum(half_done, tmp_path):
    members, path = half_done[3], tmp_path / "checkpoint.npz"
    paths = list(leaves(json.loads(str(array_in(members["meta.npy"])))))[1:]
    assert {("progress", "samples"), ("progress", "epoch"), ("record", "bytes")} < set(paths)
    for where in paths:
        write_members(path, members | {"meta.npy": altered_meta(members["meta.npy"], where)})
        with pytest.raises(CheckpointError, match="its meta is not what was written|made by another (version|format)"):
            read_meta(path)


# ------------------------------------------------------------------------------------- files of other kinds, and bombs

@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The bytes of a whole checkpoint, and of the record beside it."""
    folder = tmp_path_factory.mktemp("good")
    SmallRun("pfa").train(epochs=1, folder=folder)
    return (folder / "checkpoint.npz").read_bytes(), (folder / "record.jsonl").read_bytes()


def refused(path, data=None):
    """Nothing but the package's own error may come out; -> what it says, and what it came from."""
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    assert str(path) in str(caught.value) and "allow_pickle" not in str(caught.value)      # no advice to unpickle
    return f"{caught.value} {caught.value.__cause__}"


@example(b"")
@example(b"PK\x03\x04")
@example(b"PK\x05\x06" + bytes(18))
@example(b"\x93NUMPY\x01\x00\x46\x00{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999999,), }     \n")
@example(b"\x93NUMPY\x01\x00\x10\x00{'descr': '|O'} \n")
@given(st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_random_bytes_are_refused(tmp_path, data):
    refused(tmp_path / "checkpoint.npz", data)


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_a_truncated_checkpoint_is_refused(tmp_path, good, data):
    refused(tmp_path / "checkpoint.npz", good[0][:data.draw(st.integers(0, len(good[0]) - 1))])


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_a_flipped_byte_is_refused_or_does_no_harm(tmp_path, good, data):
    """Sums over every array find a flip in it; flips in what nobody reads, such as a time of day, go unnoticed."""
    where = data.draw(st.integers(0, len(good[0]) - 1))
    bad = bytearray(good[0])
    bad[where] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(good[0])
    meta, arrays = read_checkpoint(path)
    path.write_bytes(bad)
    with contextlib.suppress(CheckpointError):
        meta_now, arrays_now = read_checkpoint(path)
        assert meta_now == meta
        assert {key: array.tobytes() for key, array in arrays_now.items()} == {
            key: array.tobytes() for key, array in arrays.items()}


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_resuming_from_flipped_bytes_raises_nothing_else(tmp_path, good, data):
    bad = bytearray(good[0])
    for _ in range(3):
        bad[data.draw(st.integers(0, len(bad) - 1))] ^= data.draw(st.integers(1, 255))
    (tmp_path / "checkpoint.npz").write_bytes(bad)
    (tmp_path / "record.jsonl").write_bytes(good[1])
    with contextlib.suppress(CheckpointError):
        SmallRun("pfa").train(epochs=1, folder=tmp_path, resume=True)


def test_files_of_other_kinds_are_refused(tmp_path):
    path = tmp_path / "checkpoint.npz"
    np.savez(path, a=np.ones(3))
    assert "not a whole checkpoint" in refused(path)
    np.savez(path, meta=np.array(json.dumps({"epochs": 1})))
    assert "it lacks a version" in refused(path)
    np.savez(path, meta=np.array("[1, 2, 3]"))
    refused(path)
    np.savez(path, meta=np.array({"pickled": 1}, dtype=object))
    assert "meta holds objects of Python" in refused(path)
    with open(path, "wb") as file:
        np.save(file, np.ones(3))
    refused(path)
    refused(path, pickle.dumps({"a": 1}))
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("meta.npy", "text")
    refused(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(CheckpointError):
        read_checkpoint(path)


def test_a_member_that_stands_there_twice_is_refused(tmp_path, good):
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(good[0])
    with zipfile.ZipFile(path, "a") as file, pytest.warns(UserWarning, match="Duplicate name"):
        file.writestr("network/fc1.weight.npy", file.read("network/fc1.weight.npy"))
    assert "it holds network/fc1.weight, which was not written" in refused(path)


def header(descr, shape):
    """The npy form of an array of this kind and shape, without its numbers."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue()


def claiming(content, name, size):
    """A zip file in which one member says that it is as large as this."""
    content = bytearray(content)
    entry = content.index(b"PK\x01\x02")
    while content[entry + 46:entry + 46 + len(name)] != name.encode():
        entry = content.index(b"PK\x01\x02", entry + 1)
    content[entry + 20:entry + 28] = size.to_bytes(4, "little") * 2
    return bytes(content)


@pytest.mark.parametrize("member", ["meta", "network/fc1.weight", "anything"])
@pytest.mark.parametrize("bomb", ["shape", "objects", "packed", "size"])
def test_nobody_is_made_to_allocate_what_a_file_claims(bomb, member, tmp_path, good):
    """Eighty gigabytes by a header, objects of Python, 32 megabytes of zeros packed, and two gigabytes by the zip."""
    path, name = tmp_path / "checkpoint.npz", f"{member}.npy"
    path.write_bytes(good[0])
    held = members_of(path)
    if bomb == "packed":
        write_members(path, held | {name: header("<f4", (2**23,)) + bytes(2**25)}, packed=name)
    elif bomb == "size":
        write_members(path, {name: content_of(np.ones(3)), **held})
        path.write_bytes(claiming(path.read_bytes(), name, 2**31 - 2))
    else:
        head = header("<f8", (10**10,)) if bomb == "shape" else header("|O", (2,))
        write_members(path, held | {name: head + bytes(64)})
    tracemalloc.start()
    try:
        said = refused(path)
        if member == "meta":
            with pytest.raises(CheckpointError):
                read_meta(path)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
    assert member in said or bomb == "shape", said


def test_what_would_have_to_be_pickled_is_not_written(tmp_path):
    with pytest.raises(TypeError, match="rule/x: expected an array of numbers or text, got object array"):
        state_file.write(tmp_path / "checkpoint.npz", {}, {}, {"rule/x": None})
    assert list(tmp_path.iterdir()) == []
