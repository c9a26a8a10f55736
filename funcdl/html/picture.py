"""Many numbers as a small picture: a heat map in PNG, made of the standard library alone."""

from __future__ import annotations

from base64 import b64encode
from math import ceil, isfinite
from struct import pack
from zlib import compress, crc32

from funcdl.tensor import Tensor

__all__ = ["Picture", "grid", "png"]

ABOVE, BELOW, ODD = (0x2F, 0x83, 0xD6), (0xDB, 0x70, 0x2A), (0xC8, 0x1E, 0x9A)
"""The colours of what is above 0, below it, and no number: seen on white and on black."""

SHADES, NONE, NAN = 7, 7, 15
"""Shades of either colour; what is 0 or nothing, where the page is seen; what is no number."""

MOST, ACROSS, ALONG = 2048, 6, 32
"""The most cells of a picture, its most tiles in a row, and where a row of numbers is broken."""

Rows = list[list[float]]


class Picture:
    """A tensor's numbers as rows of cells.

    Attributes:
        rows: of numbers; None where tiles leave a gap.
        what: how the tensor was laid out, in words; empty where there is nothing to say.
    """

    def __init__(self, rows: list[list[float | None]], what: str) -> None:
        self.rows, self.what = rows, what

    @property
    def size(self) -> tuple[int, int]:
        """Give width and height in cells."""
        return len(self.rows[0]), len(self.rows)


def grid(t: Tensor, image: bool = False) -> Picture:
    """Lay a tensor out: its last two axes are a tile, and those before them count the tiles.

    Args:
        t: of one number or more.
        image: whether it is (…, height, width, channels): then a tile is a channel.

    >>> from funcdl.tensor import empty
    >>> grid(empty(2, 3, 4).zero_()).size      # two tiles, and a gap
    (9, 3)
    """
    if t.ndim < 2:
        return _line(t.flatten().tolist())
    turned = not image and t.shape[-2] > 2 * max(8, t.shape[-1])
    if image:
        t = t.movedim(-1, -3)
    elif turned:
        t = t.mT
    tiles = t.reshape(-1, *t.shape[-2:])
    shown = min(len(tiles), 2 * ACROSS)
    room = MOST // shown
    step = max(1, ceil((t.shape[-2] * t.shape[-1] / room) ** 0.5))
    down, right = _steps(t.shape[-2], t.shape[-1], step, room)
    cells = tiles[:shown, ::down, ::right].tolist()
    words = ["transposed"] * turned
    if len(tiles) > 1:
        kind = "channels" if image else "slices"
        words.append(f"{kind} side by side" + f", {shown} of {len(tiles)}" * (shown < len(tiles)))
    if max(down, right) > 1:
        words.append(f"one number of {down * right}")
    return Picture(_tiled(cells), ", ".join(words))


def _steps(high: int, wide: int, step: int, room: int) -> tuple[int, int]:
    """Choose which rows and columns are left out: of a narrow tile only along its long side."""
    if wide <= 8:
        return max(1, ceil(high * wide / room)), 1
    if high <= 8:
        return 1, max(1, ceil(high * wide / room))
    return step, step


def _line(numbers: list[float]) -> Picture:
    """Break one row of numbers into several."""
    step = ceil(len(numbers) / MOST)
    kept: list[float | None] = [*numbers[::step]]
    rows = [kept[i : i + ALONG] for i in range(0, len(kept), ALONG)]
    rows[-1] += [None] * (len(rows[0]) - len(rows[-1]))
    return Picture(rows, f"one number of {step}" if step > 1 else "")


def _tiled(tiles: list[Rows]) -> list[list[float | None]]:
    """Put tiles beside and below each other, with a gap of one cell."""
    high, wide = len(tiles[0]), len(tiles[0][0])
    across = min(ACROSS, len(tiles))
    rows: list[list[float | None]] = []
    for first in range(0, len(tiles), across):
        line = tiles[first : first + across]
        if first:
            rows.append([None] * (across * (wide + 1) - 1))
        for i in range(high):
            row: list[float | None] = []
            for k in range(across):
                row += [None] * (k > 0)
                row += line[k][i] if k < len(line) else [None] * wide
            rows.append(row)
    return rows


def png(rows: list[list[float | None]]) -> str:
    """Colour cells by sign and size, and write them as the address of a picture.

    >>> png([[1.0, -1.0]])[:22]
    'data:image/png;base64,'
    """
    finite = [abs(v) for row in rows for v in row if v is not None and isfinite(v)]
    most = max(finite, default=0.0) or 1.0
    wide, high = len(rows[0]), len(rows)
    lines = b"".join(b"\0" + _packed([_shade(v, most) for v in row]) for row in rows)
    colours = [BELOW] * SHADES + [ABOVE] * (SHADES + 1) + [ODD]
    depths = [round(255 * abs(i - NONE) / SHADES) for i in range(2 * SHADES + 1)] + [255]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        [
            _chunk(b"IHDR", pack(">IIBBBBB", wide, high, 4, 3, 0, 0, 0)),
            _chunk(b"PLTE", bytes(part for colour in colours for part in colour)),
            _chunk(b"tRNS", bytes(depths)),
            _chunk(b"IDAT", compress(lines, 9)),
            _chunk(b"IEND", b""),
        ]
    )
    return "data:image/png;base64," + b64encode(data).decode()


def _shade(value: float | None, most: float) -> int:
    """Choose the colour of a number, by its share of the largest."""
    if value is None:
        return NONE
    if value != value:
        return NAN
    share = max(-1.0, min(1.0, value / most))
    # What is not 0 shows.
    return NONE + (ceil(share * SHADES) if share > 0 else -ceil(-share * SHADES))


def _packed(shades: list[int]) -> bytes:
    """Write two cells in a byte."""
    even = shades + [NONE] * (len(shades) % 2)
    return bytes(a << 4 | b for a, b in zip(even[::2], even[1::2]))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return pack(">I", len(data)) + kind + data + pack(">I", crc32(kind + data))
