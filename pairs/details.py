"""What a round tells beside its row: curves, mistakes, kinds, confusions, filters."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

__all__ = ["KINDS", "PICTURES", "SIDE", "Details", "Mistake", "checked", "decoded"]

KINDS = ("equal", "differ by one", "differ by more")
"""Kinds of pairs, in the order of `Details.kinds`."""

PICTURES = 6
"""Mistakes of a round whose pictures are kept."""

SIDE = 14
LARGEST = 2**53
"""Numbers up to here are whole in JSON wherever it is read."""


class Mistake(NamedTuple):
    """A test pair that was answered wrongly.

    `pair` is its place among the round's test pairs, `classes` the two digits, `guesses` what the
    model takes them for, None where it learns no digits; `p` is P(first ≤ second).
    """

    pair: int
    classes: tuple[int, int]
    guesses: tuple[int, int] | None
    p: float


class Details(NamedTuple):
    """One round of one model, watched.

    Attributes:
        model: its name.
        round: from 0.
        losses: after each epoch, the Boolean's mean cross-entropy on some of the training pairs.
        test_errors: after each epoch, the share of the test pairs that are answered wrongly.
        mistakes: all test pairs answered wrongly in the end, the most confident first.
        pictures: the images of the first few of them, base64 of 2·14·14 bytes each.
        kinds: for each of `KINDS` how many test pairs there are, and how many of them are wrong.
        confusion: how often each digit, a row, was taken for each, a column; None where the model
            learns none.
        filters: the kernels that read the images, [network][filter][channel][row][column]; in
            round 0 of a convolutional model alone.
    """

    model: str
    round: int
    losses: list[float]
    test_errors: list[float]
    mistakes: list[Mistake]
    pictures: list[str]
    kinds: list[list[int]]
    confusion: list[list[int]] | None
    filters: list[Any]


def decoded(text: str) -> Tensor:
    """Decode a kept picture: (2, 14, 14) uint8.

    Raises:
        ValueError: it is none.
    """
    data = bytearray(b64decode(text, validate=True))
    if len(data) != 2 * SIDE * SIDE:
        raise ValueError(f"expected a picture of {2 * SIDE * SIDE} bytes, got {len(data)}")
    return torch.frombuffer(data, dtype=torch.uint8).view(2, SIDE, SIDE)


def checked(fields: dict[str, Any]) -> Details:
    """Make details of what came out of a file, if it can be those of a round.

    Raises:
        ValueError: something is missing, of another type, or beyond what a round can have.
    """
    try:
        found = Details(**fields)
        wrong = [_mistake(mistake) for mistake in found.mistakes]
        good = (
            isinstance(found.model, str)
            and _whole(found.round, LARGEST)
            and _list(found.losses, lambda loss: _number(loss, 0, 1e38))
            and _list(found.test_errors, lambda error: _number(error, 0, 1))
            and len(found.losses) == len(found.test_errors)
            and _list(found.pictures, lambda text: isinstance(text, str))
            and len(found.pictures) <= min(PICTURES, len(wrong))
            and all(len(decoded(text)) == 2 for text in found.pictures)
            and _list(found.kinds, _kind, len(KINDS))
            and sum(kind[1] for kind in found.kinds) == len(wrong)
            and (found.confusion is None or _list(found.confusion, _taken, 10))
            and _filters(found.filters)
        )
    except (TypeError, IndexError, OverflowError) as error:
        raise ValueError(str(error)) from None
    if not good:
        raise ValueError("a value that no round can have")
    return found._replace(mistakes=wrong)


def _mistake(fields: Any) -> Mistake:
    pair, classes, guesses, p = fields
    if not (
        _whole(pair, LARGEST)
        and _list(classes, _digit, 2)
        and (guesses is None or _list(guesses, _digit, 2))
        and _number(p, 0, 1)
    ):
        raise ValueError("a mistake that no round can have")
    first, second = classes
    return Mistake(pair, (first, second), guesses and (guesses[0], guesses[1]), p)


def _filters(networks: Any) -> bool:
    """Tell whether each network's filters are numbers in one shape, (filters, 1 or 2, h, w)."""
    if not _list(networks, lambda network: isinstance(network, list)) or len(networks) > 2:
        return False
    for network in networks:
        # Raises ValueError or TypeError where the shape is none.
        kernels = torch.tensor(network, dtype=torch.float64)
        count, channels, height, width = kernels.shape
        if not (
            1 <= count <= 1024
            and channels in (1, 2)
            and max(height, width) <= SIDE
            and min(height, width) >= 1
            and bool((kernels.abs() <= 1e9).all())
        ):
            return False
    return True


def _list(value: Any, good: Callable[[Any], bool], count: int | None = None) -> bool:
    return (
        isinstance(value, list)
        and (count is None or len(value) == count)
        and all(good(entry) for entry in value)
    )


def _whole(value: Any, most: int) -> bool:
    return type(value) is int and 0 <= value <= most


def _number(value: Any, low: float, high: float) -> bool:
    return type(value) in (int, float) and low <= value <= high


def _digit(value: Any) -> bool:
    return _whole(value, 9)


def _kind(value: Any) -> bool:
    return _list(value, lambda count: _whole(count, LARGEST), 2) and value[1] <= value[0]


def _taken(value: Any) -> bool:
    return _list(value, lambda count: _whole(count, LARGEST), 10)
