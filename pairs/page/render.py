"""The page: tables, figures and settings, from the rows alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pairs.figures.rows import Bar, Strip, escaped, forest, strips
from pairs.models import MODELS
from pairs.page.confusions import confusions
from pairs.page.filters import filters
from pairs.page.kinds import kinds
from pairs.page.learning import learning
from pairs.page.mistakes import mistakes
from pairs.page.parts import count, end, head, settings, table
from pairs.page.probabilities import probabilities
from pairs.page.saved import Study, by_model
from pairs.report import change, difference, percent, probability, rounds
from pairs.summary import Effect, Line, effects, lines
from pairs.training import Row

__all__ = ["render"]

TITLE = "Which of two handwritten digits is larger?"


def render(study: Study) -> str:
    """Return the page of a study.

    It loads nothing and runs nothing: style and figures are in it, every word from outside is
    escaped, and a policy in its head forbids the rest.
    """
    models, found = lines(study.rows), effects(study.rows)
    parts = [*head(TITLE), *_opening(models, study)]
    parts += [*_models(models), *_distribution(models, study.rows)]
    if found:
        parts += _effects(found)
    parts += probabilities(models)
    watched = by_model(study.details)
    parts += learning(watched)
    parts += kinds(watched)
    parts += confusions(watched)
    parts += mistakes(watched)
    parts += filters(watched)
    parts += [*_rounds(models, study.rows), *_settings(study), *end()]
    return "\n".join(parts)


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
    yield from table(
        "Errors in %, mean ± standard deviation over the rounds",
        ["model", "test", "train", "digit", "parameters", "rounds", "s a round", "what it is"],
        [
            [
                line.model,
                percent(line.test_error),
                percent(line.train_error),
                percent(line.digit_error),
                f"{line.parameters:,}",
                f"{line.rounds:,}",
                f"{line.seconds.mean:.2f}",
                MODELS[line.model].about if line.model in MODELS else "–",
            ]
            for line in models
        ],
    )
    yield "</section>"


def _distribution(models: Sequence[Line], rows: Sequence[Row]) -> Iterator[str]:
    drawn = [
        Strip(
            line.model,
            percent(line.test_error),
            [100 * row.test_error for row in rows if row.model == line.model],
        )
        for line in models
    ]
    yield "<section>"
    yield "<h2>How the rounds differ</h2>"
    yield "<figure>"
    yield strips("distribution", "Test error of each model in each round, in %", drawn)
    yield (
        "<figcaption>Test error in %. A dot is a round, the box holds the middle half of them, the "
        "line is the median; at the right mean ± standard deviation.</figcaption>"
    )
    yield "</figure>"
    yield "</section>"


def _effects(found: Sequence[Effect]) -> Iterator[str]:
    bars = []
    for effect in found:
        mean, low, high = (None if end is None else 100 * end for end in effect.difference)
        assert mean is not None
        under = change(effect.before, effect.after, effect.less)
        note = difference(effect.difference).partition(" ")[0]
        bars.append(Bar(effect.name, note, under, mean, low, high))
    yield "<section>"
    yield "<h2>What each idea gives</h2>"
    yield "<figure>"
    yield forest("effects", "Paired differences in test error, with 95 % intervals", bars)
    yield (
        "<figcaption>Difference in test error in percentage points, on the same pairs, with "
        "Student’s 95 % interval. A filled mark: the interval leaves 0 out.</figcaption>"
    )
    yield "</figure>"
    yield from table(
        "Differences in points; p of the sign-flip test, each effect taken alone; rounds it takes "
        "to see such an effect with a power of 80 %",
        ["effect", "difference", "p", "rounds", "rounds needed", "from → to"],
        [
            [
                effect.name,
                difference(effect.difference),
                probability(effect.p),
                f"{effect.rounds:,}",
                rounds(effect.rounds_needed),
                f"{effect.before} → {effect.after}"
                + ("" if effect.less is None else f" − ({' → '.join(effect.less)})"),
            ]
            for effect in found
        ],
    )
    yield "</section>"


def _rounds(models: Sequence[Line], rows: Sequence[Row]) -> Iterator[str]:
    errors = {(row.round, row.model): f"{100 * row.test_error:.2f}" for row in rows}
    names = [line.model for line in models]
    numbers = sorted({row.round for row in rows})
    yield "<details>"
    yield "<summary>Every round in numbers</summary>"
    yield from table(
        "Test error in %",
        ["round", *names],
        [[f"{i}", *(errors.get((i, name), "–") for name in names)] for i in numbers],
    )
    yield "</details>"


def _settings(study: Study) -> Iterator[str]:
    yield "<section>"
    yield "<h2>How it was made</h2>"
    yield from settings(study.settings, study.versions)
    if study.settings.get("validation"):
        yield "<p>The test pairs are of digits of the training set: this run was for tuning.</p>"
    yield "</section>"
