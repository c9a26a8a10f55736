"""The page: tables, figures and settings, from the rows alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pairs.effects import Effect, effects
from pairs.figures import distribution, forest_of
from pairs.lines import Line, lines
from pairs.page.confusions import confusions
from pairs.page.filters import filters
from pairs.page.kinds import kinds
from pairs.page.learning import learning
from pairs.page.mistakes import mistakes
from pairs.page.probabilities import probabilities
from pairs.saved import Study, by_model
from pairs.sheets import OWN, effect_sheet, model_sheet, rounds_sheet, settings_sheet
from pairs.study_command import study_command
from studykit.content import Figure
from studykit.page.parts import command, document, figure, settings, table
from studykit.svg.elements import escaped
from studykit.wording import count, percent

__all__ = ["render"]

TITLE = "Which of two handwritten digits is larger?"


def render(study: Study) -> str:
    """Return the page of a study.

    It loads nothing and runs nothing: style and figures are in it, every word from outside is
    escaped, and a policy in its head forbids the rest.
    """
    models, found = lines(study.rows, study.settings.get("test_pairs")), effects(study.rows)
    watched = by_model(study.details)
    names = [line.model for line in models]
    return document(
        TITLE,
        _opening(models, study),
        [
            *_models(models),
            *_drawn("How the rounds differ", distribution(models, study.rows)),
            *(_effects(found) if found else ()),
            *probabilities(models),
            *learning(watched, names),
            *kinds(watched),
            *confusions(watched, names),
            *mistakes(watched),
            *filters(watched, names),
            *_rounds(models, study),
            *_settings(models, study),
        ],
    )


def _opening(models: Sequence[Line], study: Study) -> Iterator[str]:
    best = min(models, key=lambda line: line.test_error.mean)
    yield (
        "<p>Models see two digits and answer whether the first is at most the second. Each round "
        "has fresh pairs and fresh weights; within a round all models see the same pairs.</p>"
    )
    yield (
        f"<p>The lowest mean test error is that of <strong>{escaped(best.model)}</strong>: "
        f"{percent(best.test_error)} % over {count(best.rounds)}.</p>"
    )
    chosen = "Models and default settings were chosen on digits of MNIST’s training set"
    if study.settings.get("validation"):
        yield (
            f"<p>{chosen}, and this is such a run (--validation): its test pairs are of digits of "
            "the training set that no training pair has. The test set was not touched.</p>"
        )
    else:
        yield (
            f"<p>{chosen} (--validation). The test pairs of this run are of MNIST’s test set: its "
            "numbers judge these choices, and are not to choose by.</p>"
        )


def _models(models: Sequence[Line]) -> Iterator[str]:
    yield "<section>"
    yield "<h2>Models</h2>"
    yield from table(model_sheet(models))
    yield "</section>"


def _drawn(title: str, drawn: Figure) -> Iterator[str]:
    yield "<section>"
    yield f"<h2>{title}</h2>"
    yield from figure(drawn.caption, drawn.drawn)
    yield "</section>"


def _effects(found: Sequence[Effect]) -> Iterator[str]:
    drawn = forest_of(found)
    yield "<section>"
    yield "<h2>What each idea gives</h2>"
    yield from figure(drawn.caption, drawn.drawn)
    yield from table(effect_sheet(found))
    yield "</section>"


def _rounds(models: Sequence[Line], study: Study) -> Iterator[str]:
    yield "<section>"
    yield "<h2>Every round in numbers</h2>"
    yield "<details>"
    yield "<summary>Show them</summary>"
    yield from table(rounds_sheet(models, study.rows))
    yield "</details>"
    yield "</section>"


def _settings(models: Sequence[Line], study: Study) -> Iterator[str]:
    yield "<section>"
    yield "<h2>How it was made</h2>"
    again = study_command(
        study.settings,
        [line.model for line in models],
        1 + max(row.round for row in study.rows),
    )
    if again is not None:
        yield from command(again)
    yield from table(settings_sheet(study.settings, study.rows))
    shared = {key: value for key, value in study.settings.items() if key not in OWN}
    yield from settings(shared, study.versions)
    if study.settings.get("validation"):
        yield "<p>The test pairs are of digits of the training set: this run was for tuning.</p>"
    yield "</section>"
