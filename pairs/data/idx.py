"""Reading one IDX file, the format that MNIST was published in.

A big-endian header comes first: a magic number, 0x00000801 for labels (one dimension) or
0x00000803 for images (three), then one 32-bit size for each dimension. The values follow, one
byte each, last dimension fastest.
"""

from __future__ import annotations

import gzip
import io
import math
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from pairs.data.errors import DataError

GZIP_MAGIC = b"\x1f\x8b"
BYTE_MAGIC = 0x00000800  # values are unsigned bytes; the number of dimensions is added
CHUNK = 1 << 20
LIMIT = 1 << 28  # five times MNIST's largest file


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[io.BufferedIOBase]:
    """Open a plain or gzipped file (told by its first two bytes) and yield its plain bytes.

    Raises:
        DataError: the file cannot be opened or read, or its gzip stream is damaged or cut short;
            reading inside the `with` block counts.
    """
    where = os.fspath(path)
    try:
        with open(where, "rb") as raw:
            zipped = raw.read(2) == GZIP_MAGIC
            raw.seek(0)
            yield gzip.GzipFile(fileobj=raw) if zipped else raw
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"{where}: expected a complete gzip file, got a damaged one: {error}"
        ) from error
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{where}: expected a readable file, got: {reason}") from error


def read_idx(path: str | os.PathLike[str], ndim: int) -> Tensor:
    """Read an IDX file of unsigned bytes, plain or gzipped.

    Args:
        path: the file.
        ndim: how many dimensions it must have: 1 for labels, 3 for images.

    Returns:
        A uint8 tensor of the shape that the header gives, values 0..255.

    Raises:
        DataError: the file cannot be read, its gzip stream is damaged, its magic number is
            another one, or the sizes in its header do not match the bytes that follow.
    """
    where = os.fspath(path)
    with opened(path) as stream:
        shape = _read_shape(stream, ndim, where)
        size = math.prod(shape)
        if not 0 < size <= LIMIT:
            raise DataError(
                f"{where}: expected 1 to {LIMIT} bytes of data, got a header for {_by(shape)}"
            )
        data = _read_up_to(stream, size + 1)
    if len(data) != size:
        came = "more" if len(data) > size else str(len(data))
        raise DataError(f"{where}: expected {_by(shape)} = {size} bytes of data, got {came}")
    return torch.frombuffer(data, dtype=torch.uint8).reshape(shape)


def _read_shape(stream: io.BufferedIOBase, ndim: int, where: str) -> tuple[int, ...]:
    """Read the header: check its magic number and give its sizes."""
    length = 4 * (1 + ndim)
    header = _read_up_to(stream, length)
    if len(header) >= 4:
        (magic,) = struct.unpack(">I", header[:4])
        if magic != BYTE_MAGIC + ndim:
            raise DataError(
                f"{where}: expected the magic number 0x{BYTE_MAGIC + ndim:08x}, got 0x{magic:08x}"
            )
    if len(header) < length:
        raise DataError(f"{where}: expected a header of {length} bytes, got {len(header)}")
    return struct.unpack(f">{ndim}I", header[4:])


def _read_up_to(stream: io.BufferedIOBase, size: int) -> bytearray:
    """Read `size` bytes, or fewer where the stream ends before."""
    data = bytearray()
    # By chunks, because one read of `size` allocates `size` before it sees how little is there.
    while len(data) < size and (chunk := stream.read(min(CHUNK, size - len(data)))):
        data += chunk
    return data


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
