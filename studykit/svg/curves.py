"""Means against a setting, with their intervals, as SVG that stands in a page: a line a model.

Lines and bands are drawn in a box of their own that stretches with the page, while widths and
words do not. A line has a colour, a dash and a mark, so that it can be told without the colour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from studykit.svg.elements import element, figure, line, stretched, words
from studykit.svg.scale import Scale, scale, ticks
from studykit.svg.value_axis import LEFT, RIGHT, ValueAxis, number

__all__ = ["Curve", "Point", "curves"]

HEIGHT = 260
"""Pixels of the box."""

LEGEND = 22
"""Pixels of a line of the legend."""

COLOURS = 8
DASHES = ("none", "7 4", "2 3", "9 3 2 3")
MARKS = ("", "square", "diamond")


class Point(NamedTuple):
    """A value of the setting, a mean there and the interval of it, None where there is none."""

    value: float | str
    mean: float
    low: float | None
    high: float | None


class Curve(NamedTuple):
    """The points of one line in the order of their values, at least one."""

    label: str
    points: Sequence[Point]


def curves(
    name: str,
    title: str,
    axis: str,
    up: str,
    lines: Sequence[Curve],
    whiskers: bool = False,
    beside: Sequence[Curve] = (),
    most: float = math.inf,
    log: bool = False,
) -> str:
    """Draw a line for each curve through its means.

    The axis has 0, or is logarithmic.

    Args:
        name: of the figure, unique in its page.
        title: what it shows, in a few words; its description has the numbers.
        axis: what the setting is.
        up: what the means are.
        lines: at least one, all finite, their values at least 0.
        whiskers: draw each interval as a bar of its own, side by side, not as a band: for lines
            that cross.
        most: where the axis ends at the latest; what is beyond is drawn at its end.
        log: whether the axis may be logarithmic, where means above 0 span a decade.
        beside: curves of other figures that this one is compared with, on the same axes.
    """
    across = ValueAxis([point.value for curve in [*lines, *beside] for point in curve.points])
    ends = [
        min(end, most)
        for curve in [*lines, *beside]
        for point in curve.points
        for end in (point.mean, point.low, point.high)
        if end is not None
    ]
    means = [point.mean for curve in [*lines, *beside] for point in curve.points]
    axis_up = scale(means, ends) if log else Scale(ticks(min(0, *ends), max(0, *ends)))
    top = LEGEND * len(lines) + 36
    apart = min(0.012, 0.6 * across.gap / len(lines))

    def height(mean: float) -> float:
        return HEIGHT * (1 - axis_up(mean))

    parts: list[str] = []
    for i, curve in enumerate(lines):
        shift = (i - (len(lines) - 1) / 2) * apart if whiskers else 0.0
        at = [(across(point.value) + shift, point) for point in curve.points]
        parts += [f'<g class="s{i % COLOURS}">', *_key(i, curve.label)]
        parts += _stretched(i, at, top, height, banded=not whiskers)
        for x, point in at:
            place = across.per_cent(x)
            if whiskers and point.low is not None and point.high is not None:
                low, high = (f"{top + height(end):.1f}" for end in (point.low, point.high))
                parts.append(line("whisker", place, place, high, low))
            parts.append(_mark(i, place, top + height(point.mean)))
        parts.append("</g>")
    over = f"{up} (logarithmic)" if axis_up.log else up
    return figure(
        name,
        title,
        " ".join(map(_said, lines)),
        top + HEIGHT + 42,
        [
            *_up(axis_up, top, height),
            words(over, "0", top - 12, kind="under"),
            *across.drawn(axis, top + HEIGHT),
            *parts,
        ],
    )


def _stretched(
    i: int,
    at: Sequence[tuple[float, Point]],
    top: int,
    height: Callable[[float], float],
    banded: bool,
) -> list[str]:
    """Draw what must reach from value to value: the line, under it the band."""

    def path(corners: Sequence[tuple[float, float]]) -> str:
        return "M" + "L".join(f"{1000 * x:.1f} {height(y):.1f}" for x, y in corners)

    parts = []
    low = [(x, point.low) for x, point in at if point.low is not None]
    high = [(x, point.high) for x, point in at if point.high is not None]
    if banded and low:
        parts.append(element("path", kind="band", d=f"{path([*high, *reversed(low)])}z"))
    dash, means = DASHES[i % len(DASHES)], path([(x, point.mean) for x, point in at])
    parts.append(element("path", kind="curve", stroke_dasharray=dash, d=means))
    return stretched(LEFT, RIGHT, top, HEIGHT, HEIGHT, parts)


def _key(i: int, label: str) -> Iterator[str]:
    """Draw a line of the legend."""
    y = LEGEND * i + 12
    dash = DASHES[i % len(DASHES)]
    yield element("line", kind="curve", stroke_dasharray=dash, x1=2, x2=40, y1=y, y2=y)
    yield _mark(i, "21", y)
    yield words(label, 50, y + 5, kind="label")


def _mark(i: int, x: str, y: float) -> str:
    kind, shape = "mark" if i // len(MARKS) % 2 == 0 else "mark hollow", MARKS[i % len(MARKS)]
    if not shape:
        return element("circle", kind=kind, cx=x, cy=f"{y:.1f}", r=4)
    return element("rect", kind=f"{kind} {shape}", x=x, y=f"{y:.1f}", width=8, height=8)


def _up(axis: Scale, top: int, height: Callable[[float], float]) -> Iterator[str]:
    for mark, told in axis.labels(10):
        y = f"{top + height(mark):.1f}"
        yield line("zero" if mark == 0 else "grid", f"{LEFT}%", f"{RIGHT}%", y, y)
        yield words(told, f"{LEFT - 1.5}%", f"{top + height(mark) + 4:.1f}", "end", "under")


def _said(curve: Curve) -> str:
    """Put a curve in words."""
    told = []
    for point in curve.points:
        near = ""
        if point.low is not None and point.high is not None:
            near = f" ({point.low:.2f} to {point.high:.2f})"
        told.append(f"{point.mean:.2f}{near} at {number(point.value)}".replace("-", "−"))
    return f"{curve.label}: {', '.join(told)}."
