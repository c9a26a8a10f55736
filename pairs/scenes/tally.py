"""What came of the scenes that were counted on: in all, with a digit, and with none."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any, NamedTuple

from pairs.drawn.doubt import LEAST
from pairs.scenes.nothing import NOTHING
from pairs.scenes.scenes import WITH_DIGIT

__all__ = ["Count", "counts", "summary", "tally", "wilson"]

PARTS: dict[str, Iterable[str]] = {
    "digits": WITH_DIGIT,
    "nothing": NOTHING,
    "all": [*WITH_DIGIT, *NOTHING],
    "untaught letters": [name for name in NOTHING if name.startswith("another letter")],
}


class Count(NamedTuple):
    """Answers that were sure and right, sure and wrong, and doubted."""

    right: int
    wrong: int
    doubted: int


def counts() -> dict[str, dict[str, dict[str, int]]]:
    """Read what `python -m pairs.scenes.measure` counted last, by condition and by hand."""
    told: dict[str, Any] = json.loads((files("pairs.data") / LEAST).read_text(encoding="utf-8"))
    found: dict[str, dict[str, dict[str, int]]] = told["counts"]
    return found


def tally(found: Mapping[str, Mapping[str, Mapping[str, int]]], of: str, hand: str = "") -> Count:
    """Add up counts of a part (of `PARTS`) or a condition, by one hand or all.

    >>> tally({"paper": {"MNIST": {"right": 3, "wrong": 1, "doubted": 2}}}, "paper")
    Count(right=3, wrong=1, doubted=2)
    """
    some = [
        Count(**count)
        for condition in PARTS.get(of, [of])
        for who, count in found[condition].items()
        if hand in ("", who)
    ]
    return Count(*map(sum, zip(*some)))


def wilson(count: int, of: int) -> tuple[float, float]:
    """Give the 95 % interval of a share, of which `count` of so many were seen.

    Wilson, "Probable inference, the law of succession, and statistical inference" (1927).

    >>> [round(bound, 3) for bound in wilson(5, 100)]
    [0.022, 0.112]
    """
    z = 1.959964
    middle = (count + z * z / 2) / (of + z * z)
    reach = z / (of + z * z) * math.sqrt(count * (of - count) / of + z * z / 4)
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def summary(of: str) -> str:
    """Put into a line what was counted of a part."""
    count = tally(counts(), of)
    low, high = wilson(count.wrong, sum(count))
    return (
        f"{of}: {count.right} right, {count.wrong} wrong, {count.doubted} doubted of {sum(count)}; "
        f"sure and wrong {count.wrong / sum(count):.2%} (95 %: {low:.2%} to {high:.2%})"
    )
