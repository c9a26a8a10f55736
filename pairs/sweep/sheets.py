"""What a sweep says of one family of models, as tables and figures for a page and other files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pairs.figures.curves import Curve, Point, curves
from pairs.figures.value_axis import number
from pairs.pictures import Picture
from pairs.report import change, difference, percent
from pairs.sheets import Sheet, model_group
from pairs.statistics import Interval, interval, spread
from pairs.summary import Effect
from pairs.sweep.settings import Value

__all__ = ["effect_pictures", "error_pictures", "sweep_effects", "sweep_errors"]

Errors = Mapping[str, Mapping[Value, Sequence[float]]]
Effects = Mapping[str, Mapping[Value, Effect]]

TOGETHER = 8
"""More lines in one figure cannot be told apart."""

BANDS = 4
"""More bands in one figure hide each other."""


def sweep_errors(family: str, values: Sequence[Value], models: Errors) -> Sheet:
    """Lay out the errors: a model a row, a value a column."""
    return Sheet(
        f"errors-{family}",
        "Test error in %, mean ± standard deviation over the rounds",
        ["model", *map(number, values)],
        _body(values, models, lambda found: percent(spread(found))),
        groups=[model_group(name) for name in models],
    )


def sweep_effects(family: str, values: Sequence[Value], named: Effects) -> Sheet:
    """Lay out what each idea gives: an effect a row, a value a column."""
    return Sheet(
        f"effects-{family}",
        "Differences in points, with 95 % intervals, each taken alone",
        ["effect", *map(number, values)],
        _body(values, named, lambda effect: difference(effect.difference)),
    )


def error_pictures(k: int, family: str, about: str, models: Errors) -> Iterator[Picture]:
    """Draw the errors against the setting; many models in a figure for each way to tie."""
    lines = {
        name: Curve(name, [_point(value, interval(found)) for value, found in at.items()])
        for name, at in models.items()
    }
    for i, (group, mine) in enumerate(_groups(lines, model_group)):
        bars = len(mine) > BANDS
        yield Picture(
            f"errors-{k}-{i}",
            f"Mean test error in %{group}, with Student’s 95 % interval as a "
            f"{'bar' if bars else 'band'}.",
            curves(
                f"errors-{k}-{i}",
                f"Test error of {family} models against the {about}, in %{group}",
                about,
                "test error in %",
                [lines[name] for name in mine],
                beside=list(lines.values()),
                whiskers=bars,
                most=100,
                log=True,
            ),
        )


def effect_pictures(k: int, family: str, about: str, named: Effects) -> Iterator[Picture]:
    """Draw what each idea gives against the setting; many effects in several figures."""
    lines = {
        name: Curve(name, [_point(value, effect.difference) for value, effect in at.items()])
        for name, at in named.items()
    }
    for i, (group, mine) in enumerate(_groups(lines, _idea)):
        changes = []
        for name in mine:
            effect = next(iter(named[name].values()))
            changes.append(
                f"{name} ({change(effect.before, effect.after, effect.less).partition(': ')[2]})"
            )
        yield Picture(
            f"effects-{k}-{i}",
            f"Difference in test error in percentage points{group}, on the same pairs, with "
            f"Student’s 95 % interval; below 0 are fewer errors: {', '.join(changes)}.",
            curves(
                f"effects-{k}-{i}",
                f"What each idea gives {family} models against the {about}, in points{group}",
                about,
                "difference in test error, points",
                [lines[name] for name in mine],
                whiskers=True,
                beside=list(lines.values()),
            ),
        )


def _idea(name: str) -> str:
    """Name the idea that an effect is of.

    >>> _idea("sharing with the digits' loss, equal time"), _idea("auxiliary loss, plain")
    ('sharing', 'auxiliary loss')
    """
    return name.partition(",")[0].partition(" with")[0]


def _groups(
    lines: Mapping[str, Curve], group: Callable[[str], str]
) -> Iterator[tuple[str, list[str]]]:
    """Divide lines that are too many for one figure, each part with its name in brackets."""
    if len(lines) <= TOGETHER:
        yield "", list(lines)
        return
    for part in dict.fromkeys(group(name) for name in lines):
        yield f" ({part})", [name for name in lines if group(name) == part]


def _body(
    values: Sequence[Value],
    found: Mapping[str, Mapping[Value, Any]],
    cell: Callable[[Any], str],
) -> list[list[str]]:
    return [
        [name, *(cell(at[value]) if value in at else "–" for value in values)]
        for name, at in found.items()
    ]


def _point(value: Value, found: Interval) -> Point:
    mean, low, high = (None if end is None else 100 * end for end in found)
    assert mean is not None
    return Point(value, mean, low, high)
