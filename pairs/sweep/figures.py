"""What a sweep says of one family of models, as figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from pairs.columns import change
from pairs.effects import Effect
from pairs.sheets import model_group
from pairs.sweep.settings import Value
from studykit.content import Figure
from studykit.statistics import Interval, interval
from studykit.svg.curves import Curve, Point, curves

__all__ = ["effect_figures", "error_figures"]

Errors = Mapping[str, Mapping[Value, Sequence[float]]]
Effects = Mapping[str, Mapping[Value, Effect]]

TOGETHER = 8
"""More lines in one figure cannot be told apart."""

BANDS = 4
"""More bands in one figure hide each other."""


def error_figures(k: int, family: str, about: str, models: Errors) -> Iterator[Figure]:
    """Draw the errors against the setting; many models in a figure for each way to tie."""
    lines = {
        name: Curve(name, [_point(value, interval(found)) for value, found in at.items()])
        for name, at in models.items()
    }
    for i, (group, mine) in enumerate(_groups(lines, model_group)):
        bars = len(mine) > BANDS
        yield Figure(
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


def effect_figures(k: int, family: str, about: str, named: Effects) -> Iterator[Figure]:
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
        yield Figure(
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


def _point(value: Value, found: Interval) -> Point:
    mean, low, high = (None if end is None else 100 * end for end in found)
    assert mean is not None
    return Point(value, mean, low, high)
