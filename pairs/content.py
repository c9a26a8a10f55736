"""What a study says, for any format: tables, figures and numbers."""

from __future__ import annotations

from pairs.effects import Effect, effects
from pairs.figures import distribution, forest_of
from pairs.lines import Line, lines
from pairs.saved import Study
from pairs.sheets import OWN, effect_sheet, model_sheet, settings_sheet
from pairs.study_command import study_command
from pairs.training import Row
from studykit.content import Content, made_sheet
from studykit.formats.records import records

__all__ = ["study_content"]


def study_content(study: Study) -> Content:
    """Give what a study says, for any format."""
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
            made_sheet(
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
