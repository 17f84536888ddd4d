"""read_idx returns the array that was written, or DataError: never a crash, never a guess, never the claimed memory."""

import contextlib
import gzip
import itertools
import os
import pathlib
import struct
import tempfile
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from feedbackalign.data import DataError, read_idx

CODES = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}
MB = 2**20


def header(code, *shape):
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, code, len(shape), *shape)


def as_idx(array):
    return header(CODES[array.dtype.name], *array.shape) + array.astype(array.dtype.newbyteorder(">")).tobytes()


def pack(content):
    return gzip.compress(content, mtime=0)


@contextlib.contextmanager
def a_file(content):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "some-file"
        path.write_bytes(content)
        yield path


def read_bytes(content):
    with a_file(content) as path:
        return read_idx(path)


# ---- What was written comes back -------------------------------------------------------------------------------------

@settings(deadline=None)
@given(name=st.sampled_from(sorted(CODES)), shape=st.lists(st.integers(0, 4), min_size=1, max_size=6),
       zipped=st.booleans(), seed=st.integers(0, 2**32 - 1))
@example(name="float64", shape=[1] * 32, zipped=False, seed=0)
@example(name="int16", shape=[0, 2**32 - 1], zipped=True, seed=0)
def test_round_trip(name, shape, zipped, seed):
    count = int(np.prod(shape, dtype=object))
    entries = np.random.default_rng(seed).bytes(count * np.dtype(name).itemsize)        # any bits, NaN too
    array = np.frombuffer(entries, name).reshape(shape)
    content = as_idx(array)
    back = read_bytes(pack(content) if zipped else content)
    assert back.dtype == np.dtype(name) and back.dtype.isnative and back.shape == array.shape
    assert back.tobytes() == array.tobytes()


def test_known_bytes():
    """By hand, from the description of the format: no code of ours on the writing side."""
    content = bytes.fromhex("00000b02" "00000002" "00000003" "0001 0002 0003 fffe 7fff 8000")
    np.testing.assert_array_equal(read_bytes(content), np.array([[1, 2, 3], [-2, 32767, -32768]]))
    np.testing.assert_array_equal(read_bytes(bytes.fromhex("00000d01" "00000002" "3f800000" "c0200000")), [1.0, -2.5])


def test_the_array_is_yours_to_write():
    array = read_bytes(as_idx(np.arange(3, dtype=np.uint8)))
    array[0] = 9
    np.testing.assert_array_equal(array, [9, 1, 2])


def test_gzip_is_told_by_content_not_by_name(tmp_path):
    array = np.arange(4, dtype=np.int32)
    (tmp_path / "plain.gz").write_bytes(as_idx(array))
    (tmp_path / "zipped").write_bytes(pack(as_idx(array)))
    for name in ("plain.gz", "zipped"):
        np.testing.assert_array_equal(read_idx(tmp_path / name), array)
    np.testing.assert_array_equal(read_idx(str(tmp_path / "zipped")), array)


def test_gzip_in_several_members_is_one_stream():
    content = as_idx(np.arange(6, dtype=np.uint8))
    np.testing.assert_array_equal(read_bytes(pack(content[:5]) + pack(content[5:])), np.arange(6))


def test_more_than_one_chunk():
    array = np.random.default_rng(0).integers(0, 256, size=(3, 2**20 + 7), dtype=np.uint8)
    np.testing.assert_array_equal(read_bytes(pack(as_idx(array))), array)


# ---- What is wrong is refused ----------------------------------------------------------------------------------------

GOOD = as_idx(np.arange(12, dtype=np.int16).reshape(3, 4))
WRONG = [
    ("empty", b"", "expected an IDX file.*got an empty file"),
    ("one byte", b"\0", "got 00"),
    ("three bytes", GOOD[:3], "got 00 00 0b"),
    ("not zero at first", b"\1" + GOOD[1:], "starts with 00 00.*got 01 00 0b 02"),
    ("not zero at second", GOOD[:1] + b"\1" + GOOD[2:], "got 00 01 0b 02"),
    ("type code between", GOOD[:2] + b"\x0a" + GOOD[3:], "type code.*got 00 00 0a 02"),
    ("type code above", GOOD[:2] + b"\x0f" + GOOD[3:], "type code.*got 00 00 0f 02"),
    ("little-endian magic", b"\x01\x08\x00\x00" + GOOD[4:], "got 01 08 00 00"),
    ("rank 0", header(8) + b"\1", "rank 1 to 32, got rank 0"),
    ("rank 33", header(8, *[1] * 33) + b"\1", "rank 1 to 32, got rank 33"),
    ("cut header", GOOD[:11], "2 lengths of 4 bytes in the IDX header, got 7 bytes"),
    ("header alone", GOOD[:12], "expected 24 bytes.*(got only 0|cannot hold more than 12)"),
    ("one byte short", GOOD[:-1], r"expected 24 bytes for the shape \(3, 4\) of int16.*got only 23"),
    ("one byte long", GOOD + b"\0", "expected 24 bytes.*got more"),
    ("twice", GOOD + GOOD, "expected 24 bytes.*got more"),
    ("an npy file", b"\x93NUMPY\x01\x00", "got 93 4e 55 4d"),
    ("a web page", b"<!DOCTYPE html>", "got 3c 21 44 4f"),
    ("shape beyond all memory", header(8, *[2**32 - 1] * 3), "expected the shape of an array"),
    ("empty beyond all memory", header(8, 0, *[2**32 - 1] * 3), "expected the shape of an array"),
]


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("content, message", [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_wrong_content_is_refused_by_name(content, message, zipped):
    with a_file(pack(content) if zipped else content) as path, pytest.raises(DataError, match=message) as caught:
        read_idx(path)
    assert str(path) in str(caught.value) and isinstance(caught.value, ValueError)


PACKED = pack(GOOD)
BROKEN = [
    ("magic alone", PACKED[:2]),
    ("cut in the gzip header", PACKED[:7]),
    ("cut in the stream", PACKED[:20]),
    ("cut in the checksum", PACKED[:-6]),
    ("wrong checksum", PACKED[:-8] + bytes([PACKED[-8] ^ 1]) + PACKED[-7:]),
    ("wrong length", PACKED[:-1] + b"\1"),
    ("unknown method", PACKED[:2] + b"\7" + PACKED[3:]),
    ("broken stream", PACKED[:10] + b"\xff" * 8 + PACKED[18:]),
    ("something behind it", PACKED + b"more"),
]


@pytest.mark.parametrize("content", [row[1] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_broken_gzip_is_refused(content):
    with pytest.raises(DataError, match="some-file: expected an IDX file, got a broken gzip file"):
        read_bytes(content)


def test_no_file_a_folder_and_no_name(tmp_path):
    for path, message in [(tmp_path / "nothing", "nothing.*could not read it"), (tmp_path, "not a regular file")]:
        with pytest.raises(DataError, match=message):
            read_idx(path)
    with pytest.raises(ValueError, match=r"^path: expected a path, got 'zero\\x00byte'"):
        read_idx("zero\0byte")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="not a regular file"):
        read_idx(tmp_path / "pipe")


@pytest.mark.parametrize("path", [None, 0, 3.0, ["a"]])
def test_what_is_no_path_is_a_type_error(path):
    with pytest.raises(TypeError):
        read_idx(path)


def any_bytes():
    """Bytes from quite random to nearly right, plain or in gzip, then with a few bytes changed or the end cut off."""
    nearly = st.builds(lambda code, shape, rest: header(code, *shape) + rest, st.integers(7, 15),
                       st.lists(st.integers(0, 3) | st.integers(0, 2**32 - 1), max_size=5), st.binary(max_size=40))
    content = st.binary(max_size=60) | nearly
    content = content | content.map(pack)
    changes = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 255)), max_size=3)
    return st.builds(damage, content, changes, st.none() | st.integers(0, 60))


def damage(content, changes, end):
    content = bytearray(content)
    for place, value in changes:
        if place < len(content):
            content[place] = value
    return bytes(content[:end])


@settings(deadline=None, max_examples=max(500, settings.default.max_examples))
@given(any_bytes())
def test_any_bytes_give_an_array_or_data_error(content):
    try:
        array = read_bytes(content)
    except DataError as error:
        assert "some-file" in str(error)
    else:
        assert isinstance(array, np.ndarray) and array.dtype.isnative
        assert array.nbytes <= MB


# ---- Memory is taken for what is there -------------------------------------------------------------------------------

def peak_of_refusing(content):
    with a_file(content) as path:
        tracemalloc.start()
        try:
            with pytest.raises(DataError):
                read_idx(path)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


CLAIMS = [header(8, 2**32 - 1), header(8, 60000, 28, 28, 50), header(14, 2**31), header(8, 2**20, 2**12),
          header(8, *[2**8] * 4)]


@pytest.mark.parametrize("claim, zipped", list(itertools.product(CLAIMS, [False, True])))
def test_a_claim_of_gigabytes_takes_little_memory(claim, zipped):
    content = claim + b"\1" * 1000
    assert peak_of_refusing(pack(content) if zipped else content) < 1 * MB


def test_a_claim_that_gzip_could_hold_but_does_not_takes_what_is_there():
    filler = np.random.default_rng(0).bytes(2 * MB)                     # does not compress: a claim of 2 GB is credible
    assert peak_of_refusing(pack(header(8, 2**31 - 8) + filler)) < 8 * MB


def test_a_gzip_bomb_is_read_no_further_than_the_claim():
    bomb = pack(header(8, 1000) + bytes(200 * MB))
    assert len(bomb) < MB
    assert peak_of_refusing(bomb) < 1 * MB
