"""What a folder of results holds, as tables and figures in words, and as records in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pairs.disc import Disc, command
from pairs.disc_sheets import (
    disc_distribution,
    disc_errors,
    disc_loss,
    disc_rounds,
    finite_rounds,
)
from pairs.export.records import Records, records
from pairs.page.saved import Study
from pairs.page.sweep import Sweep
from pairs.page.write import held
from pairs.pictures import Picture, distribution, forest_of
from pairs.sheets import OWN, Sheet, effect_sheet, model_sheet, settings_sheet
from pairs.statistics import Spread, spread
from pairs.study_command import study_command
from pairs.summary import Effect, Line, effects, lines
from pairs.sweep import SWEPT, text, trends
from pairs.sweep import command as sweep_command
from pairs.sweep.sheets import effect_pictures, error_pictures, sweep_effects, sweep_errors
from pairs.training import Row

__all__ = ["Content", "content"]


class Content(NamedTuple):
    """Results, for any format.

    Attributes:
        title: of them all.
        sheets: tables in words.
        pictures: figures.
        records: in numbers, by the name of their file.
    """

    title: str
    sheets: list[Sheet]
    pictures: list[Picture]
    records: dict[str, Records]


class DiscRound(NamedTuple):
    """A round of the disc; the loss is that of the last epoch, None where it is not finite."""

    round: int
    train_error: float
    test_error: float
    loss: float | None


class DiscLine(NamedTuple):
    """The disc's network over the rounds that stayed finite."""

    parameters: int
    rounds: int
    train_error: Spread
    test_error: Spread


def content(folder: Path) -> Content:
    """Read a folder of results.

    Raises:
        ResultsError: it holds something else; one sentence.
    """
    found = held(folder)
    if isinstance(found, Sweep):
        return _sweep(found)
    if isinstance(found, Disc):
        return _disc(found)
    return _study(found)


def _study(study: Study) -> Content:
    models = lines(study.rows, study.settings.get("test_pairs"))
    found = effects(study.rows)
    names = [line.model for line in models]
    rounds = 1 + max(row.round for row in study.rows)
    return Content(
        "Which of two handwritten digits is larger?",
        [
            model_sheet(models),
            *([effect_sheet(found)] if found else []),
            settings_sheet(study.settings, study.rows),
            _made(
                study_command(study.settings, names, rounds),
                {key: value for key, value in study.settings.items() if key not in OWN},
                study.versions,
            ),
        ],
        [distribution(models, study.rows), *([forest_of(found)] if found else [])],
        {
            "rounds": records(Row, study.rows),
            "models": records(Line, models),
            "effects": records(Effect, found),
        },
    )


def _sweep(sweep: Sweep) -> Content:
    setting, about = sweep.setting, SWEPT[sweep.setting].about
    rows = {value: study.rows for value, study in sweep.studies.items()}
    values = list(rows)
    by_family, compared = trends.errors(rows), trends.effects(setting, rows)
    sheets: list[Sheet] = []
    pictures: list[Picture] = []
    for k, (family, models) in enumerate(by_family.items()):
        sheets.append(sweep_errors(family, values, models))
        pictures += error_pictures(k, family, about, models)
        if named := compared.get(family):
            sheets.append(sweep_effects(family, values, named))
            pictures += effect_pictures(k, family, about, named)
    first = next(iter(sweep.studies.values()))
    field = SWEPT[setting].field
    varied = {field: ", ".join(map(text, values))}
    every = [row for mine in rows.values() for row in mine]
    names = [name for models in by_family.values() for name in models]
    again = sweep_command(
        setting, values, names, 1 + max(row.round for row in every), first.settings
    )
    shared = {key: value for key, value in first.settings.items() if key not in OWN}
    at = {value: {f"swept_{field}": value} for value in values}
    sheets += [
        settings_sheet({**first.settings, **varied}, every),
        _made(again, {**shared, **varied}, first.versions),
    ]
    told = [
        (value, effect)
        for named in compared.values()
        for by_value in named.values()
        for value, effect in by_value.items()
    ]
    return Content(
        f"Which of two digits is larger, by the {about}",
        sheets,
        pictures,
        {
            "rounds": records(
                Row, every, [at[value] for value, mine in rows.items() for _ in mine]
            ),
            "models": records(
                Line,
                [
                    line
                    for study in sweep.studies.values()
                    for line in lines(study.rows, study.settings.get("test_pairs"))
                ],
                [at[value] for value, mine in rows.items() for _ in lines(mine)],
            ),
            "effects": records(
                Effect, [effect for _, effect in told], [at[value] for value, _ in told]
            ),
        },
    )


def _disc(found: Disc) -> Content:
    good = finite_rounds(found)
    losses = found.losses[-1]
    rounds = [
        DiscRound(i, train, test, losses[i])
        for i, (train, test) in enumerate(zip(found.train_errors, found.test_errors))
    ]
    line = [
        DiscLine(
            found.parameters,
            len(good),
            spread([found.train_errors[i] for i in good]),
            spread([found.test_errors[i] for i in good]),
        )
    ]
    return Content(
        "Learning a disc",
        [
            *([disc_errors(found)] if good else []),
            disc_rounds(found),
            _made(command(found.settings), found.settings, found.versions),
        ],
        [disc_loss(found), disc_distribution(found)] if good else [],
        {
            "rounds": records(DiscRound, rounds),
            "models": records(DiscLine, line if good else []),
        },
    )


def _made(again: str | None, settings: Mapping[str, Any], versions: Mapping[str, Any]) -> Sheet:
    """Tell how the results were made."""
    body: Sequence[Sequence[str]] = [
        *([["command", again]] if again is not None else []),
        *([key.replace("_", " "), str(value)] for key, value in {**settings, **versions}.items()),
    ]
    return Sheet("made", "How the results were made", ["what", "value"], body, ["what", "value"])
