"""What a sweep says of one family of models, as tables in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pairs.effects import Effect
from pairs.sheets import model_group
from pairs.sweep.settings import Value
from studykit.content import Sheet
from studykit.statistics import spread
from studykit.svg.value_axis import number
from studykit.wording import difference, percent

__all__ = ["sweep_effects", "sweep_errors"]

Errors = Mapping[str, Mapping[Value, Sequence[float]]]
Effects = Mapping[str, Mapping[Value, Effect]]


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


def _body(
    values: Sequence[Value],
    found: Mapping[str, Mapping[Value, Any]],
    cell: Callable[[Any], str],
) -> list[list[str]]:
    return [
        [name, *(cell(at[value]) if value in at else "–" for value in values)]
        for name, at in found.items()
    ]
