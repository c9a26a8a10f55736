"""Numbers drawn one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Generator

__all__ = ["below", "one_of", "uniform"]

T = TypeVar("T")


def uniform(low: float, high: float, rng: Generator) -> float:
    """Draw a number between two."""
    return low + (high - low) * float(torch.rand((), generator=rng))


def below(count: int, rng: Generator) -> int:
    """Draw a whole number from 0 to count − 1."""
    return int(torch.randint(count, (), generator=rng))


def one_of(things: Sequence[T], rng: Generator) -> T:
    """Draw one of several things, each as likely."""
    return things[below(len(things), rng)]
