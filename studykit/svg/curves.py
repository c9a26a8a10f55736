"""Means against a setting, with their intervals, as SVG that stands in a page: a line a model.

Lines and bands are drawn in a box of their own that stretches with the page, while widths and
words do not. A line has a colour, a dash and a mark, so that it can be told without the colour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from studykit.svg.rows import escaped
from studykit.svg.scale import Scale, scale, ticks
from studykit.svg.value_axis import LEFT, RIGHT, ValueAxis, number

__all__ = ["Curve", "Point", "curves"]

HEIGHT = 260
"""Pixels of the box."""

LEGEND = 22
"""Pixels of a line of the legend."""

COLOURS = 8
DASHES = ("none", "7 4", "2 3", "9 3 2 3")
MARKS = (
    '<circle class="{}" cx="{x}" cy="{y:.1f}" r="4"/>',
    '<rect class="{} square" x="{x}" y="{y:.1f}" width="8" height="8"/>',
    '<rect class="{} diamond" x="{x}" y="{y:.1f}" width="8" height="8"/>',
)


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
    across = ValueAxis([point.value for line in [*lines, *beside] for point in line.points])
    ends = [
        min(end, most)
        for line in [*lines, *beside]
        for point in line.points
        for end in (point.mean, point.low, point.high)
        if end is not None
    ]
    means = [point.mean for line in [*lines, *beside] for point in line.points]
    axis_up = scale(means, ends) if log else Scale(ticks(min(0, *ends), max(0, *ends)))
    top = LEGEND * len(lines) + 36
    apart = min(0.012, 0.6 * across.gap / len(lines))

    def height(mean: float) -> float:
        return HEIGHT * (1 - axis_up(mean))

    parts: list[str] = []
    for i, line in enumerate(lines):
        shift = (i - (len(lines) - 1) / 2) * apart if whiskers else 0.0
        at = [(across(point.value) + shift, point) for point in line.points]
        parts += [f'<g class="s{i % COLOURS}">', *_key(i, line.label)]
        parts += _stretched(i, at, top, height, banded=not whiskers)
        for x, point in at:
            place = across.per_cent(x)
            if whiskers and point.low is not None and point.high is not None:
                parts.append(
                    f'<line class="whisker" x1="{place}" x2="{place}" '
                    f'y1="{top + height(point.high):.1f}" y2="{top + height(point.low):.1f}"/>'
                )
            parts.append(_mark(i, place, top + height(point.mean)))
        parts.append("</g>")
    return "\n".join(
        [
            f'<svg role="img" width="100%" height="{top + HEIGHT + 42}" '
            f'aria-labelledby="{name}-title {name}-desc">',
            f'<title id="{name}-title">{escaped(title)}</title>',
            f'<desc id="{name}-desc">{escaped(" ".join(map(_said, lines)))}</desc>',
            *_up(axis_up, top, height),
            f'<text class="under" x="0" y="{top - 12}">'
            f"{escaped(up)}{' (logarithmic)' if axis_up.log else ''}</text>",
            *across.drawn(axis, top + HEIGHT),
            *parts,
            "</svg>",
        ]
    )


def _stretched(
    i: int,
    at: Sequence[tuple[float, Point]],
    top: int,
    height: Callable[[float], float],
    banded: bool,
) -> Iterator[str]:
    """Draw what must reach from value to value: the line, under it the band."""

    def path(corners: Sequence[tuple[float, float]]) -> str:
        return "M" + "L".join(f"{1000 * x:.1f} {height(y):.1f}" for x, y in corners)

    yield (
        f'<svg x="{LEFT}%" y="{top}" width="{RIGHT - LEFT}%" height="{HEIGHT}" '
        f'viewBox="0 0 1000 {HEIGHT}" preserveAspectRatio="none">'
    )
    low = [(x, point.low) for x, point in at if point.low is not None]
    high = [(x, point.high) for x, point in at if point.high is not None]
    if banded and low:
        yield f'<path class="band" d="{path([*high, *reversed(low)])}z"/>'
    yield (
        f'<path class="curve" stroke-dasharray="{DASHES[i % len(DASHES)]}" '
        f'd="{path([(x, point.mean) for x, point in at])}"/>'
    )
    yield "</svg>"


def _key(i: int, label: str) -> Iterator[str]:
    """Draw a line of the legend."""
    y = LEGEND * i + 12
    dash = DASHES[i % len(DASHES)]
    yield f'<line class="curve" stroke-dasharray="{dash}" x1="2" x2="40" y1="{y}" y2="{y}"/>'
    yield _mark(i, "21", y)
    yield f'<text class="label" x="50" y="{y + 5}">{escaped(label)}</text>'


def _mark(i: int, x: str, y: float) -> str:
    kind = "mark" if i // len(MARKS) % 2 == 0 else "mark hollow"
    return MARKS[i % len(MARKS)].format(kind, x=x, y=y)


def _up(axis: Scale, top: int, height: Callable[[float], float]) -> Iterator[str]:
    for mark, words in axis.labels(10):
        y = f"{top + height(mark):.1f}"
        kind = "zero" if mark == 0 else "grid"
        yield f'<line class="{kind}" x1="{LEFT}%" x2="{RIGHT}%" y1="{y}" y2="{y}"/>'
        yield (
            f'<text class="under" x="{LEFT - 1.5}%" y="{top + height(mark) + 4:.1f}" '
            f'text-anchor="end">{words}</text>'
        )


def _said(line: Curve) -> str:
    """Put a curve in words."""
    words = []
    for point in line.points:
        near = ""
        if point.low is not None and point.high is not None:
            near = f" ({point.low:.2f} to {point.high:.2f})"
        words.append(f"{point.mean:.2f}{near} at {number(point.value)}".replace("-", "−"))
    return f"{line.label}: {', '.join(words)}."
