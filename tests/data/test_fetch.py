"""Files from a server on this machine, and from folders: what comes whole and right is kept, all else is refused."""

import dataclasses
import gzip
import hashlib
import http.server
import io
import os
import re
import sys
import tarfile
import threading

import numpy as np
import pytest

from feedbackalign.data import DataError, cifar10, fetch, mnist, read_idx
from feedbackalign.data.cifar10 import ARCHIVE, FOLDER, TEST_FILE, TRAIN_FILES
from feedbackalign.data.fetch import BadCopyError, FetchError, Remote, Source
from feedbackalign.data.mnist import DEBIAN_FASHION
from tests.data.test_cifar10 import COUNT, write_folder
from tests.data.test_mnist import write_folder as write_idx_folder

CONTENT = bytes(range(256)) * 300                                       # more than one chunk
PAGE = b"\n<!DOCTYPE html>\n<html><body>Please log in to the network</body></html>"


def remote(content=CONTENT, name="images", **more):
    return Remote(name, hashlib.sha256(content).hexdigest(), len(content), **more)


@dataclasses.dataclass
class Answer:
    """What the server says once: a status, a body, and how long it claims that to be."""

    body: bytes = CONTENT
    status: int = 200
    length: object = "true"


class Server(http.server.ThreadingHTTPServer):
    """Answers every path by its list of answers, the last one for ever; keeps what it was asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.asked = {}, []
        self.url = f"http://127.0.0.1:{self.server_port}/"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, self.headers["User-Agent"]))
        answers = self.server.answers.get(self.path, [Answer(b"no such page", 404)])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(answer.status)
        if answer.length is not None:
            self.send_header("Content-Length", str(len(answer.body) if answer.length == "true" else answer.length))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(fetch, "WAIT", 0.0)
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def one_file(monkeypatch):
    """A data set of a single file, known by its own checksum."""
    def known(*files):
        monkeypatch.setitem(fetch.SOURCES, "mnist", Source(files or (remote(),), ("http://127.0.0.1:9/",), "do this"))
    known()
    return known


def get(folder, *mirrors, **more):
    said = []
    paths = fetch.fetch("mnist", folder, mirrors=mirrors or None, say=said.append, **more)
    return paths, said


def held(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ---------------------------------------------------------------------------------------------------- what goes well

def test_a_file_comes_under_its_own_name_and_nothing_else_stays(server, one_file, tmp_path):
    server.answers["/images"] = [Answer()]
    told = []
    paths, said = get(tmp_path / "new" / "folder", server.url, progress=lambda *news: told.append(news))
    assert paths == [tmp_path / "new" / "folder" / "images"] and held(tmp_path) == {"images": CONTENT}
    assert said == ["images: 76,800 bytes"] and told[-1] == ("images", 76_800, 76_800) and len(told) > 1
    assert len(server.asked) == 1 and server.asked[0][1].startswith("feedbackalign/")


def test_what_is_there_and_right_is_left_alone(server, one_file, tmp_path):
    (tmp_path / "images").write_bytes(CONTENT)
    _, said = get(tmp_path, server.url)
    assert said == ["images: is there already"] and server.asked == []
    (tmp_path / "images").write_bytes(CONTENT[:-1])
    server.answers["/images"] = [Answer()]
    _, said = get(tmp_path, server.url)
    assert "is there, but wrong (expected 76800 bytes, got 76799), fetching it again" in said[0]
    assert held(tmp_path) == {"images": CONTENT}


@pytest.mark.parametrize("first, reason", [
    (Answer(CONTENT[:1000], length=len(CONTENT)), "was cut off after 1000 of 76800 bytes"),
    (Answer(CONTENT[:1000], length=None), "expected 76800 bytes, got 1000"),
    (Answer(PAGE), "got a web page instead (<!DOCTYPE html> <html><body>Please log in"),
    (Answer(CONTENT[:-1] + b"x"), "its content was changed"),
    (Answer(b"busy", 503), "HTTP 503 Service Unavailable"), (Answer(b"slowly", 429), "HTTP 429"),
    (Answer(CONTENT + b"x", length=None), "expected at most 76800 bytes, got more"),
    (Answer(b""), "expected 76800 bytes, got 0"),
], ids=["cut", "cut unnoticed", "web page", "changed", "busy", "too often", "too long", "empty"])
def test_what_fails_in_passing_is_tried_again(server, one_file, tmp_path, first, reason):
    server.answers["/images"] = [first, Answer()]
    _, said = get(tmp_path, server.url)
    assert held(tmp_path) == {"images": CONTENT} and len(server.asked) == 2
    assert said[0].startswith(f"{server.url}images: ") and reason in said[0]

    server.answers["/images"] = [first]                             # and if it never passes
    (tmp_path / "images").unlink()
    with pytest.raises(FetchError, match=re.escape(reason)) as error:
        get(tmp_path, server.url)
    assert held(tmp_path) == {} and len(server.asked) == 2 + fetch.ROUNDS
    assert str(error.value).startswith(f"images could not be downloaded ({server.url}: ")
    assert str(error.value).endswith("). Without a network: do this")


def test_waits_grow_and_the_last_failure_waits_for_nothing(server, one_file, tmp_path, monkeypatch):
    waits = []
    monkeypatch.setattr(fetch.time, "sleep", waits.append)
    monkeypatch.setattr(fetch, "WAIT", 1.0)
    server.answers["/images"] = [Answer(b"", 500)]
    with pytest.raises(FetchError):
        get(tmp_path, server.url)
    assert waits == [1.0, 2.0] and len(server.asked) == 3


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_mirror_without_the_file_is_asked_once_then_the_next(server, one_file, tmp_path, status):
    server.answers |= {"/old/images": [Answer(b"gone", status)], "/new/images": [Answer()]}
    get(tmp_path, server.url + "old", server.url + "new")
    assert [path for path, _ in server.asked] == ["/old/images", "/new/images"]
    (tmp_path / "images").unlink()
    server.answers["/new/images"] = [Answer(b"gone", status)]
    with pytest.raises(FetchError, match=f"old/: HTTP {status} .*new/: HTTP {status}"):
        get(tmp_path, server.url + "old", server.url + "new")
    assert len(server.asked) == 4 and held(tmp_path) == {}


def test_a_busy_mirror_keeps_nobody_waiting_while_there_is_another(server, one_file, tmp_path):
    server.answers |= {"/busy/images": [Answer(b"", 503)], "/free/images": [Answer()]}
    get(tmp_path, server.url + "busy", server.url + "free")
    assert [path for path, _ in server.asked] == ["/busy/images", "/free/images"]


def test_no_network(one_file, tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(fetch, "WAIT", 0.0)
    (tmp_path / "images").write_bytes(b"a wrong one")
    with pytest.raises(FetchError, match="refused.*Without a network: do this"):
        get(tmp_path, "http://127.0.0.1:9/")                        # where nobody listens
    assert held(tmp_path) == {"images": b"a wrong one"}             # what was there is not taken away


def test_a_redirection_is_followed(server, one_file, tmp_path):
    server.answers["/images"] = [Answer()]
    handler = server.RequestHandlerClass
    original = handler.do_GET

    def do_get(self):
        if self.path != "/moved/images":
            return original(self)
        self.send_response(302)
        self.send_header("Location", "/images")
        self.end_headers()
    handler.do_GET = do_get
    try:
        get(tmp_path, server.url + "moved/")
    finally:
        handler.do_GET = original
    assert held(tmp_path) == {"images": CONTENT}


# ------------------------------------------------------------------------------------------------ from a folder

def test_from_a_folder(one_file, tmp_path):
    source, target = tmp_path / "a source", tmp_path / "target"
    source.mkdir()
    (source / "images").write_bytes(CONTENT)
    get(target, source.as_uri())
    assert held(target) == {"images": CONTENT} == held(source)


def test_a_folder_without_the_file_is_asked_once(one_file, tmp_path):
    with pytest.raises(FetchError, match="No such file"):
        _, said = get(tmp_path, tmp_path.as_uri())
    assert held(tmp_path) == {}


# ------------------------------------------------------------------------------------------------------- gzip

def test_the_header_of_gzip_may_differ_and_the_content_may_not(one_file, tmp_path):
    one_file(remote(is_unpacked=True))
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    for packed in (gzip.compress(CONTENT, 9, mtime=0), gzip.compress(CONTENT, 1, mtime=1e9), CONTENT):
        (source / "images").write_bytes(packed)
        get(target, source.as_uri())
        assert held(target) == {"images": packed}
        (target / "images").unlink()


@pytest.mark.parametrize("content, message", [
    (gzip.compress(CONTENT)[:-1], "got a broken gzip file"), (gzip.compress(CONTENT)[:500], "got a broken gzip file"),
    (gzip.compress(CONTENT)[:12] + b"\xff" * 99, "got a broken gzip file"),
    (gzip.compress(CONTENT[:-1]), "expected 76800 bytes when unpacked, got 76799"),
    (gzip.compress(CONTENT + b"x"), "expected 76800 bytes when unpacked, got more"),
    (gzip.compress(b"\0" + CONTENT[1:-1] + b"x"), "its content was changed"), (PAGE, "got a web page instead"),
])
def test_what_is_no_copy(content, message, tmp_path):
    (tmp_path / "images").write_bytes(content)
    with pytest.raises(BadCopyError, match=re.escape(message)):
        remote(is_unpacked=True).check(tmp_path / "images")


def test_a_gzip_bomb_is_unpacked_no_further_than_the_size(tmp_path, monkeypatch):
    (tmp_path / "images").write_bytes(gzip.compress(bytes(50_000_000)))
    unpacked, read = [], gzip.GzipFile.read

    def counting(self, size=-1):
        unpacked.append(size)
        return read(self, size)
    monkeypatch.setattr(gzip.GzipFile, "read", counting)
    with pytest.raises(BadCopyError, match="got more"):
        remote(is_unpacked=True).check(tmp_path / "images")
    assert 0 < sum(unpacked) <= len(CONTENT) + 2 * fetch.CHUNK and min(unpacked) > 0


# ------------------------------------------------------------------------------------------------------- CIFAR-10

@pytest.fixture
def archive(tmp_path, monkeypatch):
    """Makes the archive of short files, known by its checksum: archive({member: content or TarInfo}) -> its folder."""
    monkeypatch.setattr(sys.modules["feedbackalign.data.cifar10"], "RECORDS", COUNT)

    def make(**changes):
        folder = write_folder(tmp_path / "original")
        members = {f"{FOLDER}/{name}": (folder / name).read_bytes() for name in (*TRAIN_FILES, TEST_FILE)}
        members |= {f"{FOLDER}/readme.html": b"<html>"} | changes.get("more", {})
        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        with tarfile.open(source / ARCHIVE, "w:gz") as tar:
            for name, content in members.items():
                if content is None:
                    continue
                info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
                if content is not info:
                    info.size = len(content)
                tar.addfile(info, None if content is info else io.BytesIO(content))
        packed = (source / ARCHIVE).read_bytes()
        known = Source((remote(packed, ARCHIVE),), ("http://127.0.0.1:9/",), "do that")
        monkeypatch.setitem(fetch.SOURCES, "cifar10", known)
        return source
    return make


def link(name, target):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info


def test_six_files_come_out_of_the_archive_by_name_and_nothing_else(archive, tmp_path):
    source = archive(more={"../evil": b"evil", str(tmp_path / "absolute"): b"evil", f"{FOLDER}/../../up": b"evil"})
    target = tmp_path / "deep" / "target"
    paths = fetch.fetch("cifar10", target, mirrors=[source.as_uri()])
    assert sorted(held(tmp_path / "deep")) == sorted([*TRAIN_FILES, TEST_FILE])
    assert [path.parent for path in paths] == [target / FOLDER] * 6
    assert not (tmp_path / "absolute").exists() and not list(tmp_path.rglob("evil")) + list(tmp_path.rglob("up"))
    assert len(cifar10(target, validation=0).train) == 5 * COUNT
    said = []
    fetch.fetch("cifar10", target, mirrors=[(tmp_path / "no such").as_uri()], say=said.append)
    assert said == ["cifar-10-batches-bin: is there already"]
    (target / FOLDER / "data_batch_3.bin").write_bytes(b"cut")
    fetch.fetch("cifar10", target, mirrors=[source.as_uri()], say=said.append)
    assert "data_batch_3.bin: expected 61460 bytes" in said[1] and len(cifar10(target, validation=0).test) == COUNT


@pytest.mark.parametrize("member", [None, link(f"{FOLDER}/test_batch.bin", "/etc/passwd")], ids=["missing", "a link"])
def test_an_archive_without_a_file_or_with_a_link_in_its_place(archive, member, tmp_path):
    source = archive(more={f"{FOLDER}/test_batch.bin": member})
    with pytest.raises(BadCopyError, match="expected the regular file cifar-10-batches-bin/test_batch.bin in it"):
        fetch.fetch("cifar10", tmp_path / "target", mirrors=[source.as_uri()])
    assert TEST_FILE not in held(tmp_path / "target") and not list((tmp_path / "target").rglob("*.part"))


def test_an_archive_of_other_content_is_not_opened(archive, tmp_path, monkeypatch):
    source = archive()
    changed = bytearray((source / ARCHIVE).read_bytes())
    changed[-1] ^= 1
    (source / ARCHIVE).write_bytes(changed)
    monkeypatch.setattr(fetch, "WAIT", 0.0)
    monkeypatch.setattr(tarfile, "open", lambda *arguments: pytest.fail("opened"))
    with pytest.raises(FetchError, match="its content was changed"):
        fetch.fetch("cifar10", tmp_path / "target", mirrors=[source.as_uri()])
    with pytest.raises(DataError):
        cifar10(tmp_path / "target")


# ----------------------------------------------------------------------------------------------- what is known

def test_the_known_files_are_those_that_the_readers_want():
    names = {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz",
             "t10k-labels-idx1-ubyte.gz"}
    for name in ("mnist", "fashion"):
        assert {file.name for file in fetch.SOURCES[name].files} == names
    assert [file.name for file in fetch.SOURCES["cifar10"].files] == ["cifar-10-binary.tar.gz"]
    sums = [file.sha256 for source in fetch.SOURCES.values() for file in source.files]
    assert len(set(sums)) == 9 and all(re.fullmatch("[0-9a-f]{64}", each) for each in sums)
    for source in fetch.SOURCES.values():
        assert source.otherwise and [fetch.checked_mirror(url) for url in source.mirrors] == list(source.mirrors)


@pytest.mark.parametrize("file", fetch.SOURCES["fashion"].files, ids=lambda file: file.name)
def test_sizes_of_fashion_are_those_of_idx_files(file):
    count = 60_000 if file.name.startswith("train") else 10_000
    assert file.is_unpacked and file.size == (16 + 784 * count if "images" in file.name else 8 + count)


@pytest.mark.skipif(not os.path.isdir(DEBIAN_FASHION), reason="the original files are not installed")
def test_fashion_as_debian_has_it(tmp_path):
    paths = fetch.fetch("fashion", tmp_path, mirrors=[f"file://{DEBIAN_FASHION}"])
    assert read_idx(paths[0]).shape == (60_000, 28, 28) and read_idx(paths[3]).shape == (10_000,)


def test_fetched_idx_files_can_be_read(tmp_path, monkeypatch):
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    write_idx_folder(source, zipped=True)
    files = tuple(remote(gzip.decompress(path.read_bytes()), path.name, is_unpacked=True)
                  for path in sorted(source.iterdir()))
    monkeypatch.setitem(fetch.SOURCES, "mnist", Source(files, (source.as_uri(),), ""))
    assert len(fetch.fetch("mnist", target)) == 4
    assert np.array_equal(mnist(target, validation=0).train.x, mnist(source, validation=0).train.x)


# ---------------------------------------------------------------------------------------------------------- refused

@pytest.mark.parametrize("arguments, message", [
    ({"name": "fashon"}, "unknown data set to fetch 'fashon': did you mean 'fashion'"),
    ({"name": "digits"}, "unknown data set to fetch 'digits'"),
    ({"mirrors": []}, "mirrors: expected at least one URL"),
    *[({"mirrors": [url]}, "mirror: expected the URL of a folder") for url in ("ftp://host/", "/here", "http:///x", 3)],
])
def test_fetch_refuses(arguments, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        fetch.fetch(**{"name": "mnist", "folder": tmp_path / "new"} | arguments)
    assert not (tmp_path / "new").exists()


def test_a_full_disk_is_no_fault_of_a_mirror(server, one_file, tmp_path, monkeypatch):
    server.answers["/images"] = [Answer()]

    def full(*arguments, **more):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(fetch, "open", full, raising=False)
    with pytest.raises(OSError, match="No space left"):
        get(tmp_path, server.url)
    assert len(server.asked) == 1 and held(tmp_path) == {}
