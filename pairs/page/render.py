"""The page: tables, figures and settings, from the rows alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from pairs.figures import Bar, Strip, escaped, forest, strips
from pairs.models import MODELS
from pairs.page.saved import Study
from pairs.page.style import STYLE
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
    parts = [*_head(), *_opening(models), *_models(models), *_distribution(models, study.rows)]
    if found:
        parts += _effects(found)
    parts += [*_rounds(models, study.rows), *_settings(study), "</main>", "</body>", "</html>", ""]
    return "\n".join(parts)


def _head() -> Iterator[str]:
    yield "<!DOCTYPE html>"
    yield '<html lang="en-GB">'
    yield "<head>"
    yield '<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield (
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    )
    yield f"<title>{TITLE}</title>"
    yield f"<style>{STYLE}</style>"
    yield "</head>"


def _opening(models: Sequence[Line]) -> Iterator[str]:
    best = min(models, key=lambda line: line.test_error.mean)
    yield "<body>"
    yield "<main>"
    yield f"<h1>{TITLE}</h1>"
    yield (
        "<p>Models see two digits and answer whether the first is at most the second. Each round "
        "has fresh pairs and fresh weights; within a round all models see the same pairs.</p>"
    )
    yield (
        f"<p>The lowest mean test error is that of <strong>{escaped(best.model)}</strong>: "
        f"{percent(best.test_error)} % over {_count(best.rounds)}.</p>"
    )


def _models(models: Sequence[Line]) -> Iterator[str]:
    yield "<section>"
    yield "<h2>Models</h2>"
    yield from _table(
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
        under = change(effect.before, effect.after)
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
    yield from _table(
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
                f"{effect.before} → {effect.after}",
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
    yield from _table(
        "Test error in %",
        ["round", *names],
        [[f"{i}", *(errors.get((i, name), "–") for name in names)] for i in numbers],
    )
    yield "</details>"


def _settings(study: Study) -> Iterator[str]:
    yield "<section>"
    yield "<h2>How it was made</h2>"
    yield "<dl>"
    for key, value in [*study.settings.items(), *study.versions.items()]:
        words = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield f"<dt>{escaped(key.replace('_', ' '))}</dt><dd>{escaped(words)}</dd>"
    yield "</dl>"
    if study.settings.get("validation"):
        yield "<p>The test pairs are of digits of the training set: this run was for tuning.</p>"
    yield "</section>"


def _table(caption: str, headings: Sequence[str], body: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lay out a table; its numbers stand at the right of their columns, its words at the left."""
    yield f'<div class="scroll" role="region" tabindex="0" aria-label="{escaped(caption)}">'
    yield "<table>"
    yield f"<caption><span>{escaped(caption)}</span></caption>"
    heads = "".join(
        f'<th scope="col"{_kind(heading)}>{escaped(heading)}</th>' for heading in headings
    )
    yield f"<thead><tr>{heads}</tr></thead>"
    yield "<tbody>"
    for first, *rest in body:
        cells = "".join(
            f"<td{_kind(heading)}>{escaped(cell)}</td>" for heading, cell in zip(headings[1:], rest)
        )
        yield f'<tr><th scope="row">{escaped(first)}</th>{cells}</tr>'
    yield "</tbody>"
    yield "</table>"
    yield "</div>"


def _kind(heading: str) -> str:
    return ' class="words"' if heading in ("what it is", "from → to") else ""


def _count(number: int) -> str:
    return "one round" if number == 1 else f"{number:,} rounds"
