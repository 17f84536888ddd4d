"""Download the original files of a data set from a mirror into a folder; no other part of the package uses the network.

Every file is first written under a temporary name, then checked against the sha256 below, and only then gets its own
name: a folder never holds half a file or a wrong file. A failure that may pass is tried again, at every mirror in turn,
after longer and longer waits. No file is run or unpickled, and no archive decides where its files go.

The checksums of Fashion-MNIST are those of the unpacked files in Debian's dataset-fashion-mnist
0.0~git20200523.55506a9-1, for gzip headers differ between mirrors; those of MNIST and CIFAR-10 are of the packed files,
as TensorFlow Datasets 4.9.10 lists them.
"""

import contextlib
import dataclasses
import functools
import gzip
import hashlib
import http.client
import os
import pathlib
import tarfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib

from feedbackalign.data.cifar10 import ARCHIVE, FOLDER, TEST_FILE, TRAIN_FILES, read_records
from feedbackalign.data.idx import GZIP_MAGIC, DataError
from feedbackalign.data.writing import naming
from feedbackalign.validation import require_known
from feedbackalign.version import __version__

ROUNDS = 3                      # tries at every mirror
WAIT = 1.0                      # seconds before the second round; doubled before each further one
TIMEOUT = 30.0                  # seconds without a byte
CHUNK = 1 << 16
SCHEMES = ("https", "http", "file")


class FetchError(RuntimeError):
    """No mirror gave the file; the message has the reason for each mirror, and what to do without a network."""


class BadCopyError(ValueError):
    """This is not the wanted file."""


class MirrorError(Exception):
    """A mirror gave nothing, or only a part; `is_final` if asking again would not help."""

    def __init__(self, reason, is_final=False):
        super().__init__(reason)
        self.is_final = is_final


@dataclasses.dataclass(frozen=True)
class Remote:
    """A file, and the checksum and size in bytes of its content; `is_unpacked` if they are of the unpacked content."""

    name: str
    sha256: str
    size: int
    is_unpacked: bool = False

    def check(self, path):
        """BadCopyError unless the file at this path is the wanted one."""
        digest, count = hashlib.sha256(), 0
        with open(path, "rb") as file:
            start = file.read(200)
        if start.lstrip()[:1] == b"<":
            raise BadCopyError(f"got a web page instead ({' '.join(start[:60].decode('ascii', 'replace').split())})")
        is_packed = self.is_unpacked and start.startswith(GZIP_MAGIC)
        try:
            with (gzip.open if is_packed else open)(path, "rb") as file:
                while count <= self.size and (chunk := file.read(CHUNK)):
                    digest.update(chunk)
                    count += len(chunk)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise BadCopyError(f"got a broken gzip file ({error})") from error
        what = "bytes when unpacked" if self.is_unpacked else "bytes"
        if count != self.size:
            raise BadCopyError(f"expected {self.size} {what}, got {count if count < self.size else 'more'}")
        if digest.hexdigest() != self.sha256:
            raise BadCopyError(f"expected the sha256 {self.sha256}, got {digest.hexdigest()}: its content was changed")


@dataclasses.dataclass(frozen=True)
class Source:
    """The files of a data set, its mirrors, and what to do without a network."""

    files: tuple
    mirrors: tuple
    otherwise: str


TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"

MNIST = Source(
    files=(Remote(TRAIN_IMAGES, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9_912_422),
           Remote(TRAIN_LABELS, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28_881),
           Remote(TEST_IMAGES, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1_648_877),
           Remote(TEST_LABELS, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4_542)),
    mirrors=("https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/"),
    otherwise="copy the four files from a computer that has them; --data digits needs none")

FASHION = Source(
    files=(Remote(TRAIN_IMAGES, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888", 47_040_016, True),
           Remote(TRAIN_LABELS, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9", 60_008, True),
           Remote(TEST_IMAGES, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b", 7_840_016, True),
           Remote(TEST_LABELS, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34", 10_008, True)),
    mirrors=("https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
             "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"),
    otherwise="apt install dataset-fashion-mnist (found by itself), or copy the four files from a computer that has "
              "them; --data fashion-mini needs none")

CIFAR10 = Source(
    files=(Remote(ARCHIVE, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd", 170_052_171),),
    mirrors=("https://www.cs.toronto.edu/~kriz/",),                     # --from URL names another
    otherwise=f"copy {ARCHIVE} from a computer that has it and give --from file:///ITS/FOLDER/; --data fashion-mini "
              "needs none")

SOURCES = {"mnist": MNIST, "fashion": FASHION, "cifar10": CIFAR10}


def fetch(name, folder, *, mirrors=None, say=None, progress=None):
    """Get the files of a data set into a folder; a right file that is there already is left alone.

    Parameters
    ----------
    name : str
        One of SOURCES: mnist, fashion, cifar10.
    folder : str or path
        It is made if it is not there.
    mirrors : sequence of str, optional
        URLs (https, http, file) of folders that hold the files, instead of the known mirrors. The contents are checked
        in any case.
    say : callable, optional
        Gets one line about every file and every failure that is tried again.
    progress : callable, optional
        Gets (file name, bytes so far, bytes in all or None).

    Returns the list of paths that the loader of the data set reads. Raises FetchError if no mirror gave the right file,
    ValueError for an unknown name or a mirror that is no URL, OSError if the folder cannot be written to.
    """
    source = SOURCES[require_known(name, SOURCES, "data set to fetch")]
    mirrors = [checked_mirror(mirror) for mirror in (source.mirrors if mirrors is None else mirrors)]
    if not mirrors:
        raise ValueError("mirrors: expected at least one URL, got none")
    say = say or (lambda line: None)
    folder = pathlib.Path(folder).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    get = functools.partial(_get, mirrors=mirrors, otherwise=source.otherwise, say=say, progress=progress)
    if name == "cifar10":
        return _fetch_cifar10(folder, source.files[0], get, say)
    return [_fetch_file(folder / remote.name, remote, get, say) for remote in source.files]


def _fetch_file(path, remote, get, say):
    """One file under its own name."""
    if path.exists():
        try:
            remote.check(path)
            say(f"{path.name}: is there already")
            return path
        except BadCopyError as error:
            say(f"{path.name}: is there, but wrong ({error}), fetching it again")
    with _temporary(path) as part:
        get(remote, part)
        os.replace(part, path)
    say(f"{path.name}: {path.stat().st_size:,} bytes")
    return path


def _fetch_cifar10(folder, remote, get, say):
    """The six files of the archive, which is not kept."""
    paths = [folder / FOLDER / name for name in (*TRAIN_FILES, TEST_FILE)]
    if all(path.exists() for path in paths):
        try:
            read_records(paths)
            say(f"{FOLDER}: is there already")
            return paths
        except DataError as error:
            say(f"{FOLDER}: is there, but wrong ({error}), fetching it again")
    with _temporary(folder / remote.name) as part:
        get(remote, part)
        unpack(part, paths)
    say(f"{FOLDER}: {len(paths)} files")
    return paths


def unpack(archive, paths):
    """Unpack the members FOLDER/NAME of a tar.gz to these paths, and nothing else of the archive.

    BadCopyError if one is missing or is not a regular file: a link could lead to any path.
    """
    with tarfile.open(archive, "r:gz") as held:
        members = {member.name: member for member in held.getmembers()}
        for path in paths:
            member = members.get(f"{FOLDER}/{path.name}")
            if member is None or not member.isreg():
                raise BadCopyError(f"{archive.name}: expected the regular file {FOLDER}/{path.name} in it, "
                                   f"got {'none' if member is None else 'something else'}")
            path.parent.mkdir(exist_ok=True)
            with _temporary(path) as part:
                with held.extractfile(member) as content, open(part, "wb") as file:
                    while chunk := content.read(CHUNK):
                        file.write(chunk)
                os.replace(part, path)


# ------------------------------------------------------------------------------------------------ from some mirror

def _get(remote, path, *, mirrors, otherwise, say, progress):
    """Download the file to `path` from the first mirror that gives the right one; FetchError if none does."""
    reasons, left = {}, list(mirrors)
    for attempt in range(ROUNDS):
        if attempt and left:
            time.sleep(WAIT * 2**(attempt - 1))
        for mirror in list(left):
            try:
                _download(mirror + remote.name, path, remote, progress)
                remote.check(path)
                return
            except (MirrorError, BadCopyError) as error:
                reasons[mirror] = str(error)
                if getattr(error, "is_final", False):
                    left.remove(mirror)
                if left and (attempt < ROUNDS - 1 or mirror != left[-1]):           # else the error below says it
                    say(f"{mirror + remote.name}: {error}")
    failures = "; ".join(f"{mirror}: {reason}" for mirror, reason in reasons.items())
    raise FetchError(f"{remote.name} could not be downloaded ({failures}). Without a network: {otherwise}")


def _download(url, path, remote, progress):
    """Write what a URL serves into a file; MirrorError if it serves nothing, too much, or stops before the end."""
    most = 2 * remote.size + CHUNK if remote.is_unpacked else remote.size           # a gzip file is never this large
    request = urllib.request.Request(url, headers={"User-Agent": f"feedbackalign/{__version__}"})
    with _asking(url):
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    with response, open(path, "wb") as file:
        length = response.headers.get("Content-Length", "")
        length = int(length) if length.isdigit() else None
        count = 0
        while True:
            with _asking(url):
                chunk = response.read(CHUNK)
            if not chunk:
                break
            file.write(chunk)
            count += len(chunk)
            if count > most:
                raise MirrorError(f"expected at most {most} bytes, got more")
            if progress:
                progress(remote.name, count, length)
    if length is not None and count < length:
        raise MirrorError(f"was cut off after {count} of {length} bytes")


@contextlib.contextmanager
def _asking(url):
    """Turn errors of the network into a MirrorError."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        may_pass = error.code >= 500 or error.code in (408, 425, 429)
        raise MirrorError(f"HTTP {error.code} {error.reason}", is_final=not may_pass) from error
    except (OSError, http.client.HTTPException) as error:                           # a URLError is an OSError
        reason = getattr(error, "reason", None) or error
        raise MirrorError(str(reason) or type(error).__name__, is_final=url.startswith("file:")) from error


@contextlib.contextmanager
def _temporary(path):
    """A file name beside `path` for this process alone; the file is deleted afterwards unless it was renamed."""
    part = path.with_name(f".{path.name}-{os.getpid()}.part")
    with naming(path):
        try:
            yield part
        finally:
            part.unlink(missing_ok=True)


def checked_mirror(mirror, what="mirror"):
    """The URL of a folder, with a slash at its end; ValueError, which begins with `what`, if it is no such URL.

    >>> checked_mirror("file:///media/stick")
    'file:///media/stick/'
    """
    try:
        parts = urllib.parse.urlsplit(mirror if isinstance(mirror, str) else "")
    except ValueError:                                                              # "http://["
        parts = urllib.parse.urlsplit("")
    if parts.scheme not in SCHEMES or not (parts.netloc or parts.scheme == "file" and parts.path):
        raise ValueError(f"{what}: expected the URL of a folder ({', '.join(SCHEMES)}), got {mirror!r}")
    return mirror if mirror.endswith("/") else mirror + "/"
