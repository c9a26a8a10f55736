"""What a round tells beside its row: curves, mistakes, kinds, confusions, filters."""

from __future__ import annotations

from base64 import b64decode
from typing import Annotated, Any, NamedTuple

import torch
from torch import Tensor

from studykit.schema import IN_ORDER, Count, Form, Share, Sized, Within

__all__ = ["KINDS", "PICTURES", "SIDE", "Details", "Mistake", "decoded"]

KINDS = ("equal", "differ by one", "differ by more")
"""Kinds of pairs, in the order of `Details.kinds`."""

PICTURES = 6
"""Mistakes of a round whose pictures are kept."""

SIDE = 14


def decoded(text: str) -> Tensor:
    """Decode a kept picture: (2, 14, 14) uint8.

    Raises:
        ValueError: it is none.
    """
    data = bytearray(b64decode(text, validate=True))
    if len(data) != 2 * SIDE * SIDE:
        raise ValueError(f"expected a picture of {2 * SIDE * SIDE} bytes, got {len(data)}")
    return torch.frombuffer(data, dtype=torch.uint8).view(2, SIDE, SIDE)


def _encoded(text: Any) -> Any:
    decoded(text)
    return text


def _kernels(networks: Any) -> Any:
    """Return the filters of at most two networks: numbers in one shape each.

    Raises:
        ValueError, TypeError: they are none.
    """
    if not isinstance(networks, list) or len(networks) > 2:
        raise ValueError(networks)
    for network in networks:
        count, channels, height, width = torch.tensor(network, dtype=torch.float64).shape
        good = 1 <= count <= 1024 and channels in (1, 2) and 1 <= height <= SIDE
        if not (good and 1 <= width <= SIDE):
            raise ValueError(network)
        if not bool((torch.tensor(network, dtype=torch.float64).abs() <= 1e9).all()):
            raise ValueError(network)
    return networks


Digit = Annotated[int, Within(0, 9)]
Picture = Annotated[str, Form("a picture of two digits in base64", _encoded)]


class Mistake(NamedTuple):
    """A test pair that was answered wrongly.

    `pair` is its place among the round's test pairs, `classes` the two digits, `guesses` what the
    model takes them for, None where it learns no digits; `p` is P(first ≤ second).
    """

    pair: Count
    classes: tuple[Digit, Digit]
    guesses: tuple[Digit, Digit] | None
    p: Share


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
    round: Count
    losses: list[Annotated[float, Within(0, 1e38)]]
    test_errors: list[Share]
    mistakes: list[Annotated[Mistake, IN_ORDER]]
    pictures: Annotated[list[Picture], Sized(0, PICTURES)]
    kinds: Annotated[list[Annotated[list[Count], Sized(2)]], Sized(len(KINDS))]
    confusion: Annotated[list[Annotated[list[Count], Sized(10)]], Sized(10)] | None
    filters: Annotated[list[Any], Form("the filters of at most two networks", _kernels)]

    def contradiction(self) -> str | None:
        """Say where the parts cannot be of the same round."""
        curves, wrong = (len(self.losses), len(self.test_errors)), len(self.mistakes)
        told = sum(count for _, count in self.kinds)
        if curves[0] != curves[1]:
            return "losses: expected as many as test_errors, {1}, got {0}".format(*curves)
        if len(self.pictures) > wrong:
            return f"pictures: expected at most one a mistake, {wrong}, got {len(self.pictures)}"
        if any(count > pairs for pairs, count in self.kinds) or told != wrong:
            return f"kinds: expected the pairs and {wrong} mistakes among them, got {self.kinds}"
        return None
