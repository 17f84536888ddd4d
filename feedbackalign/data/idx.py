"""Read an IDX file, the format of MNIST, without trusting its header.

    bytes 0, 1    zero
    byte 2        type code, see TYPES
    byte 3        rank r
    4 r bytes     r lengths, unsigned 32-bit, big-endian
    the rest      the entries in C order, big-endian

Format: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".

A header of twenty bytes can claim gigabytes. So the claim is first compared with the size of the file, and a gzip
stream is read chunk by chunk, until it ends or gives one byte more than claimed: memory grows with what is there.
"""

import gzip
import math
import os
import stat
import struct
import zlib

import numpy as np

from feedbackalign.validation import require_path

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MAX_RANK = 32                   # NumPy's own limit up to version 1.26
MAX_BYTES = 2**63 - 1
MAX_GZIP_RATIO = 1032           # deflate cannot pack tighter: 258 bytes in 2 bits
GZIP_MAGIC = b"\x1f\x8b"
CHUNK = 1 << 20


class DataError(ValueError):
    """A file is missing or is not what it should be; the message names it, what was expected, and what came."""


def read_idx(path):
    """The array of an IDX file, plain or gzip (its content decides, not its name).

    Returns an array of the header's shape in native byte order: uint8, int8, int16, int32, float32 or float64. Raises
    DataError for anything else: no such file, not a regular file, wrong magic number, broken or cut gzip, fewer or more
    bytes than the header claims; TypeError if `path` is no path.

    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "labels"
    >>> size = file.write_bytes(bytes([0, 0, 8, 1]) + bytes([0, 0, 0, 3]) + bytes([7, 2, 1]))
    >>> read_idx(file)
    array([7, 2, 1], dtype=uint8)
    """
    name = str(require_path(path, "path"))
    try:
        size = _regular_file_size(name)
        with open(name, "rb") as file:
            is_gzip = file.read(2) == GZIP_MAGIC
            file.seek(0)
            if not is_gzip:
                return _read_array(file, name, most=size)
            with gzip.GzipFile(fileobj=file) as unpacked:
                return _read_array(unpacked, name, most=size * MAX_GZIP_RATIO)
    except DataError:
        raise
    except (zlib.error, gzip.BadGzipFile, EOFError) as error:
        raise DataError(f"{name}: expected an IDX file, got a broken gzip file ({error})") from error
    except OSError as error:
        raise DataError(f"{name}: expected an IDX file, could not read it ({error})") from error


def _regular_file_size(name):
    status = os.stat(name)
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"{name}: expected an IDX file, got something that is not a regular file")
    return status.st_size


def _read_array(stream, name, most):
    """Header, then entries; `most` is the largest number of bytes that this file can hold when unpacked."""
    dtype, shape = _read_header(stream, name)
    claim = math.prod(shape) * dtype.itemsize
    text = f"{name}: expected {claim} bytes for the shape {shape} of {dtype.name} in the IDX header"
    if claim > most:
        raise DataError(f"{text}, but a file of this size cannot hold more than {most}")
    content = _read_up_to(stream, claim + 1)
    if len(content) != claim:
        came = f"only {len(content)}" if len(content) < claim else "more"
        raise DataError(f"{text}, got {came}")
    entries = np.frombuffer(content, dtype).reshape(shape)
    return entries.astype(dtype.newbyteorder("="), copy=False)


def _read_header(stream, name):
    magic = _read_up_to(stream, 4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES:
        codes = ", ".join(f"{code:02x}" for code in TYPES)
        raise DataError(f"{name}: expected an IDX file, which starts with 00 00, a type code ({codes}) and a rank, "
                        f"got {magic.hex(' ') or 'an empty file'}")
    rank = magic[3]
    if not 1 <= rank <= MAX_RANK:
        raise DataError(f"{name}: expected an IDX file of rank 1 to {MAX_RANK}, got rank {rank}")
    lengths = _read_up_to(stream, 4 * rank)
    if len(lengths) < 4 * rank:
        raise DataError(f"{name}: expected {rank} lengths of 4 bytes in the IDX header, got {len(lengths)} bytes")
    dtype, shape = np.dtype(TYPES[magic[2]]), struct.unpack(f">{rank}I", lengths)
    if math.prod(length or 1 for length in shape) * dtype.itemsize > MAX_BYTES:     # NumPy refuses (0, huge, huge) too
        raise DataError(f"{name}: expected the shape of an array, got {shape} in the IDX header")
    return dtype, shape


def _read_up_to(stream, count):
    """The next `count` bytes, or fewer where the stream ends."""
    content = bytearray()
    while len(content) < count:
        chunk = stream.read(min(CHUNK, count - len(content)))
        if not chunk:
            break
        content += chunk
    return content
