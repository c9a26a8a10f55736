"""A tensor on a page: in numbers where they are few, else as a picture with what is in it."""

from __future__ import annotations

from math import isfinite
from typing import Any, NamedTuple

from funcdl.arguments import show
from funcdl.html.elements import element, escaped
from funcdl.html.picture import grid, png
from funcdl.tensor import Tensor

__all__ = ["Detail", "card", "number", "statistics", "words"]

SHADES = 4
"""Of a number's ground, by its share of the largest."""

WIDE = 6
"""So many numbers stand in a row on a phone."""


class Detail(NamedTuple):
    """How much of a tensor is shown.

    Attributes:
        numbers: so many at most are written.
        pictures: whether more than these are drawn.
    """

    numbers: int
    pictures: bool


def number(value: float, digits: int = 3) -> str:
    """Write a number with so many digits.

    >>> number(0.123456), number(-1e-9), number(float("nan")), number(3)
    ('0.123', '−1e-09', 'NaN', '3')
    """
    if value != value:
        return "NaN"
    if isinstance(value, (bool, int)):
        return str(value).replace("-", "−")
    if not isfinite(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value + 0.0:.{digits}g}"
    return text.replace("-", "−", 1) if value < 0 else text


class Statistics(NamedTuple):
    """What is told of many numbers: of those that are finite, and how many are not."""

    least: float
    mean: float
    most: float
    nans: int
    infinite: int


def statistics(t: Tensor) -> Statistics:
    """Look at the numbers of a tensor.

    >>> from funcdl.tensor import empty
    >>> statistics(empty(2, 3).fill_(2))
    Statistics(least=2.0, mean=2.0, most=2.0, nans=0, infinite=0)
    """
    wide = t.detach().double().flatten()
    finite = wide[wide.isfinite()]
    nans = int(wide.isnan().sum())
    infinite = wide.numel() - finite.numel() - nans
    if not finite.numel():
        return Statistics(float("nan"), float("nan"), float("nan"), nans, infinite)
    return Statistics(
        float(finite.min()), float(finite.mean()), float(finite.max()), nans, infinite
    )


def words(t: Tensor) -> str:
    """Say what is in a tensor, in a line."""
    if not t.numel():
        return "no numbers"
    found = statistics(t)
    said = []
    if found.nans + found.infinite < t.numel():
        least, mean, most = map(number, found[:3])
        said = [f"min {least}", f"mean {mean}", f"max {most}"]
    said += [f"{found.nans:,} NaN"] * (found.nans > 0)
    said += [f"{found.infinite:,} infinite"] * (found.infinite > 0)
    return " · ".join(said)


def kind(t: Tensor) -> str:
    """Name the dtype of a tensor as it is written in short."""
    return str(t.dtype).removeprefix("torch.")


def card(name: str, t: Any, detail: Detail, image: bool = False, mark: str = "") -> str:
    """Show a tensor under its name, with its shape and dtype.

    Args:
        name: what it is: `x`, `dparams.w`.
        t: the tensor; None for a cotangent that there is not.
        detail: how much is shown.
        image: whether it is (…, height, width, channels).
        mark: a class, for its colour.
    """
    head = element("b", escaped(name))
    if t is None:
        return element("div", element("p", head, " none"), kind=f"value {mark}".strip())
    head += " " + element("span", f"{escaped(show(t.shape))} {kind(t)}")
    inside = [element("p", head)]
    if not t.numel():
        inside.append(element("p", "no numbers", kind="told"))
    elif t.numel() <= detail.numbers and (not t.ndim or t.shape[-1] <= WIDE or t.ndim == 1):
        inside.append(_numbers(name, t))
    else:
        if detail.pictures:
            inside.append(_drawn(name, t, image))
        inside.append(element("p", escaped(words(t)), kind="told"))
    return element("div", *inside, kind=f"value {mark}".strip())


def _numbers(name: str, t: Tensor) -> str:
    """Write all numbers of a tensor, on a ground that is darker the larger they are."""
    if not t.ndim:
        value: Any = t.tolist()
        return element("p", number(value), kind="alone")
    width = t.shape[-1] if t.ndim > 1 else min(len(t), WIDE)
    flat = t.detach().flatten().tolist()
    most = max((abs(v) for v in flat if isfinite(v)), default=0) or 1
    block = t.shape[-2] if t.ndim > 2 else 0
    lines = []
    for i in range(0, len(flat), width):
        cells = [
            element("td", number(v), kind=_ground(v, most) or None) for v in flat[i : i + width]
        ]
        gap = "gap" if block and i and i // width % block == 0 else None
        lines.append(element("tr", *cells, kind=gap))
    return element("table", *lines, kind="numbers", aria_label=f"{name}: {show(t.shape)}")


def _ground(value: float, most: float) -> str:
    if value != value:
        return "nan"
    share = min(1.0, abs(value) / most)
    shade = round(share * SHADES)
    return "" if not shade else f"{'p' if value > 0 else 'm'}{shade}"


def _drawn(name: str, t: Tensor, image: bool) -> str:
    picture = grid(t.detach().double(), image)
    across, down = picture.size
    wide, high = max(2, min(12, 256 // across)), max(2, min(12, 160 // down))
    if image:
        wide = high = min(wide, high)
    wide, high = wide * across, high * down
    told = f"heat map of {name}, {show(t.shape)}: {words(t)}"
    drawing = element(
        "img",
        src=png(picture.rows),
        alt=told,
        width=wide,
        style=f"aspect-ratio:{wide}/{high}",
    )
    return drawing + (element("p", escaped(picture.what), kind="told") if picture.what else "")
