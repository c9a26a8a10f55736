"""The page of a sweep: errors and effects against the setting, for each family of models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pairs.effects import Effect
from pairs.sheets import OWN, settings_sheet
from pairs.sweep import SWEPT, Value, command, text
from pairs.sweep.figures import effect_figures, error_figures
from pairs.sweep.saved import Sweep
from pairs.sweep.sheets import sweep_effects, sweep_errors
from pairs.sweep.trends import effects_by_value, errors_by_value
from pairs.training import Row
from studykit.page.parts import command as shown
from studykit.page.parts import document, figure, settings, table
from studykit.svg.elements import escaped
from studykit.wording import count

__all__ = ["render_sweep"]


def render_sweep(sweep: Sweep) -> str:
    """Return the page of a sweep; it loads nothing and runs nothing, as that of a study."""
    rows = {value: study.rows for value, study in sweep.studies.items()}
    about = SWEPT[sweep.setting].about
    compared = effects_by_value(sweep.setting, rows)
    values = list(sweep.studies)
    parts: list[str] = []
    for k, (family, models) in enumerate(errors_by_value(rows).items()):
        parts += _family(k, family, about, values, models, compared.get(family, {}))
    parts += _settings(sweep, rows)
    title = f"Which of two digits is larger, by the {about}"
    return document(title, _opening(sweep, about), parts)


def _opening(sweep: Sweep, about: str) -> Iterator[str]:
    rounds = [len({row.round for row in study.rows}) for study in sweep.studies.values()]
    least, most = min(rounds), max(rounds)
    words = count(most) if least == most else f"{least:,} to {count(most)}"
    yield (
        f"<p>The same study at {count(len(rounds), 'value')} of the {about}, {words} each. Models "
        "see two handwritten digits and answer whether the first is at most the second. Each round "
        "has fresh pairs and fresh weights; within a round all models see the same pairs.</p>"
    )
    if sweep.setting == "aux-weight" and 0 in sweep.studies:
        yield (
            "<p>At weight 0 a model learns the Boolean alone: the effects of the auxiliary loss "
            "compare with it, from the same first weights.</p>"
        )


def _family(
    k: int,
    family: str,
    about: str,
    values: Sequence[Value],
    models: Mapping[str, Mapping[Value, Sequence[float]]],
    named: Mapping[str, Mapping[Value, Effect]],
) -> Iterator[str]:
    yield "<section>"
    yield f"<h2>{escaped(family)} models</h2>"
    yield "<h3>Errors</h3>"
    for found in error_figures(k, family, about, models):
        yield from figure(found.caption, found.drawn)
    yield from table(sweep_errors(family, values, models))
    if named:
        yield "<h3>What each idea gives</h3>"
        for found in effect_figures(k, family, about, named):
            yield from figure(found.caption, found.drawn)
        yield from table(sweep_effects(family, values, named))
    yield "</section>"


def _settings(sweep: Sweep, rows: Mapping[Value, Sequence[Row]]) -> Iterator[str]:
    first = next(iter(sweep.studies.values()))
    rounds = 1 + max(row.round for mine in rows.values() for row in mine)
    names = [name for named in errors_by_value(rows).values() for name in named]
    again = command(sweep.setting, list(sweep.studies), names, rounds, first.settings)
    varied = {SWEPT[sweep.setting].field: ", ".join(map(text, sweep.studies))}
    shared = {key: value for key, value in first.settings.items() if key not in OWN}
    yield "<section>"
    yield "<h2>How it was made</h2>"
    if again is not None:
        yield from shown(again)
    every = [row for mine in rows.values() for row in mine]
    yield from table(settings_sheet({**first.settings, **varied}, every))
    yield from settings({**shared, **varied}, first.versions)
    if first.settings.get("validation"):
        yield "<p>The test pairs are of digits of the training set: this run was for tuning.</p>"
    yield "</section>"
