"""MNIST's digits at 14x14, and pairs drawn from them."""

from __future__ import annotations

from pairs.data.digits import Digits, Mnist, halve, load_digits, read_digits
from pairs.data.draw import Pairs, Split, check_counts, draw_pairs, draw_split
from pairs.data.errors import DataError
from pairs.data.idx import read_idx

__all__ = [
    "DataError",
    "Digits",
    "Mnist",
    "Pairs",
    "Split",
    "check_counts",
    "draw_pairs",
    "draw_split",
    "halve",
    "load_digits",
    "read_digits",
    "read_idx",
]
