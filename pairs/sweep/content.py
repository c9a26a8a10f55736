"""What a sweep says, for any format: tables, figures and numbers."""

from __future__ import annotations

from pairs.effects import Effect
from pairs.lines import Line, lines
from pairs.sheets import OWN, settings_sheet
from pairs.sweep.figures import effect_figures, error_figures
from pairs.sweep.saved import Sweep
from pairs.sweep.settings import SWEPT, command, text
from pairs.sweep.sheets import sweep_effects, sweep_errors
from pairs.sweep.trends import effects_by_value, errors_by_value
from pairs.training import Row
from studykit.content import Content, Figure, Sheet, made_sheet
from studykit.formats.records import records

__all__ = ["sweep_content"]


def sweep_content(sweep: Sweep) -> Content:
    """Give what a sweep says, for any format."""
    setting, about = sweep.setting, SWEPT[sweep.setting].about
    rows = {value: study.rows for value, study in sweep.studies.items()}
    values = list(rows)
    by_family, compared = errors_by_value(rows), effects_by_value(setting, rows)
    sheets: list[Sheet] = []
    figures: list[Figure] = []
    for k, (family, models) in enumerate(by_family.items()):
        sheets.append(sweep_errors(family, values, models))
        figures += error_figures(k, family, about, models)
        if named := compared.get(family):
            sheets.append(sweep_effects(family, values, named))
            figures += effect_figures(k, family, about, named)
    first = next(iter(sweep.studies.values()))
    field = SWEPT[setting].field
    varied = {field: ", ".join(map(text, values))}
    every = [row for mine in rows.values() for row in mine]
    names = [name for models in by_family.values() for name in models]
    again = command(setting, values, names, 1 + max(row.round for row in every), first.settings)
    shared = {key: value for key, value in first.settings.items() if key not in OWN}
    at = {value: {f"swept_{field}": value} for value in values}
    sheets += [
        settings_sheet({**first.settings, **varied}, every),
        made_sheet(again, {**shared, **varied}, first.versions),
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
        figures,
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
