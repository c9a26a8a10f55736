"""The embedded file's format: 14x14 digits and their labels in a few bytes, and a checksum.

The bytes under the compression are N labels, then the images by blocks of 2x2 pixels: block row,
block column, image, row in the block, column in the block. So the same block of every image lies
together, which is what makes it small: LZMA learns how each spot is distributed, knows which of
the block's four pixels is next (`lp=2`) and sees the pixel before it (`lc=2`).
"""

from __future__ import annotations

import hashlib
import lzma

import torch
from torch import Tensor

from pairs.data.errors import DataError

SIDE = 14
HALF = SIDE // 2
BYTES_PER_DIGIT = 1 + SIDE * SIDE
FILTER = {
    "id": lzma.FILTER_LZMA2,
    "preset": 9 | lzma.PRESET_EXTREME,
    "dict_size": 1 << 24,  # no less than the data; the preset's own would cost readers 64 MiB
    "lc": 2,
    "lp": 2,
    "pb": 2,
}


def pack(images: Tensor, labels: Tensor) -> bytes:
    """Compress digits; the same digits give the same bytes.

    Args:
        images: (N, 14, 14) uint8.
        labels: (N,) of any integer type, values 0..9.

    Returns:
        An .xz stream that `unpack` reads.
    """
    blocks = images.reshape(-1, HALF, 2, HALF, 2).permute(1, 3, 0, 2, 4)
    plain = bytearray(len(labels) * BYTES_PER_DIGIT)
    content = torch.cat((labels.to(torch.uint8), blocks.flatten()))
    torch.frombuffer(plain, dtype=torch.uint8).copy_(content)
    return lzma.compress(plain, check=lzma.CHECK_CRC32, filters=[FILTER])


def unpack(packed: bytes, count: int, where: str) -> tuple[Tensor, Tensor]:
    """Undo `pack`.

    Args:
        packed: an .xz stream.
        count: how many digits it must hold, at least one.
        where: what to call the stream in an error.

    Returns:
        images: (count, 14, 14) uint8, contiguous.
        labels: (count,) int64.

    Raises:
        DataError: the stream is damaged, or does not hold `count` digits.
    """
    size = count * BYTES_PER_DIGIT
    decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ)
    try:
        plain = bytearray(decoder.decompress(packed, max_length=size + 1))
    except lzma.LZMAError as error:
        raise DataError(f"{where}: expected an .xz stream, got a damaged one: {error}") from error
    # All the data may be there and the stream's end still missing: `eof` tells.
    if len(plain) != size or not decoder.eof:
        short = str(len(plain)) if decoder.eof else "a stream cut short"
        came = "more" if len(plain) > size else short
        raise DataError(f"{where}: expected {size} bytes for {count} digits, got {came}")
    content = torch.frombuffer(plain, dtype=torch.uint8)
    blocks = content[count:].view(HALF, HALF, count, 2, 2)
    images = blocks.permute(2, 0, 3, 1, 4).reshape(count, SIDE, SIDE)
    return images, content[:count].long()


def checksum(packed: bytes) -> str:
    """Return the SHA-256 of `packed`: 64 lower-case hexadecimal digits."""
    return hashlib.sha256(packed).hexdigest()


def verify(packed: bytes, line: str, where: str) -> None:
    """Check bytes against the line that `sha256sum` writes for them.

    Args:
        packed: the bytes.
        line: their SHA-256, then white space and a name.
        where: what to call the bytes in an error.

    Raises:
        DataError: the checksum is another one.
    """
    expected = (line.split() or ["nothing"])[0]
    if checksum(packed) != expected:
        raise DataError(f"{where}: expected the SHA-256 {expected}, got {checksum(packed)}")
