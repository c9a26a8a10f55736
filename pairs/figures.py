"""The figures of a study with their captions, for a page and for files of their own."""

from __future__ import annotations

from collections.abc import Sequence

from pairs.columns import change
from pairs.effects import Effect
from pairs.lines import Line
from pairs.sheets import effect_group, model_group
from pairs.training import Row
from studykit.content import Figure
from studykit.svg.forest import Bar, forest
from studykit.svg.strips import Strip, strips
from studykit.wording import difference, percent

__all__ = ["distribution", "forest_of"]


def distribution(models: Sequence[Line], rows: Sequence[Row]) -> Figure:
    """Draw the test error of each model in each round."""
    drawn = [
        Strip(
            line.model,
            percent(line.test_error),
            [100 * row.test_error for row in rows if row.model == line.model],
            model_group(line.model),
        )
        for line in models
    ]
    return Figure(
        "distribution",
        "Test error in %. A dot is a round, the box holds the middle half of them, the line is "
        "the median; at the right mean ± standard deviation.",
        strips(
            "distribution",
            "Test error of each model in each round, in %",
            "test error in %",
            drawn,
        ),
    )


def forest_of(found: Sequence[Effect]) -> Figure:
    """Draw the difference that each idea makes, with its interval."""
    bars = []
    for effect in found:
        mean, low, high = (None if end is None else 100 * end for end in effect.difference)
        assert mean is not None
        # The family is the group's name.
        under = change(effect.before, effect.after, effect.less).rpartition(": ")[2]
        note = difference(effect.difference).partition(" ")[0]
        bars.append(Bar(effect.name, note, under, mean, low, high, effect_group(effect)))
    return Figure(
        "effects",
        "Difference in test error in percentage points, on the same pairs, with Student’s 95 % "
        "interval. A filled mark: the interval leaves 0 out.",
        forest(
            "effects",
            "Paired differences in test error, with 95 % intervals",
            "difference in test error, points",
            bars,
        ),
    )
