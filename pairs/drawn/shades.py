"""Digits in the terminal, side by side, in characters of more or less ink."""

from __future__ import annotations

from torch import Tensor

__all__ = ["BLOCKS", "shades"]

BLOCKS = " ░▒▓█"
LETTERS = " .:-=+*#%@"
GAP = "   "


def shades(*digits: Tensor, blocks: bool = True) -> str:
    """Draw digits, two characters a pixel, which is about as wide as a line is high.

    Args:
        digits: (14, 14) uint8 each, 0 (background) to 255 (ink).
        blocks: with the block characters of Unicode; else in ASCII.

    Returns:
        14 lines.

    >>> import torch
    >>> print(shades(torch.tensor([[0, 64], [128, 255]], dtype=torch.uint8), blocks=False))
    |  ::|
    |++@@|
    """
    scale = BLOCKS if blocks else LETTERS
    left, right = "▕▏" if blocks else "||"
    rows = []
    for row in zip(*((digit.long() * len(scale) // 256).tolist() for digit in digits)):
        drawn = ("".join(2 * scale[level] for level in line) for line in row)
        rows.append(GAP.join(f"{left}{line}{right}" for line in drawn))
    return "\n".join(rows)
