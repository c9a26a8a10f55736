"""The section of the most confident mistakes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from pairs.details import PICTURES, SIDE, Details, Mistake, decoded
from studykit.svg.elements import element, escaped, picture
from studykit.svg.raster import raster
from studykit.wording import count

__all__ = ["mistakes"]

FEW = 4
"""Of so many models all mistakes are seen at once."""


def mistakes(models: Mapping[str, Sequence[Details]]) -> Iterator[str]:
    """Show, for each model, the pairs that it answered wrongly with the least doubt.

    Args:
        models: the details of each model's rounds.
    """
    found = {name: _surest(rounds) for name, rounds in models.items()}
    if not any(found.values()):
        return
    yield "<section>"
    yield "<h2>Most confident mistakes</h2>"
    yield (
        "<p>Of all rounds of a model, the test pairs whose wrong answer was the least in doubt. "
        "P is the model’s probability that the first digit is at most the second.</p>"
    )
    for k, (name, surest) in enumerate(found.items()):
        if surest:
            yield f"<h3>{escaped(name)}</h3>"
            # Of many models a reader wants one or two.
            yield "<details>" if len(found) > FEW else "<details open>"
            yield f"<summary>{count(len(surest), 'mistake')}</summary>"
            yield '<ul class="cards">'
            for i, (round, mistake, text) in enumerate(surest):
                yield from _card(f"mistake-{k}-{i}", round, mistake, text)
            yield "</ul>"
            yield "</details>"
    yield "</section>"


def _surest(rounds: Sequence[Details]) -> list[tuple[int, Mistake, str]]:
    """Choose the surest of the mistakes whose pictures are kept."""
    kept = chain.from_iterable(
        ((one.round, mistake, text) for mistake, text in zip(one.mistakes, one.pictures))
        for one in rounds
    )
    return sorted(kept, key=lambda found: (-abs(found[1].p - 0.5), found[0], found[1].pair))[
        :PICTURES
    ]


def _card(name: str, round: int, mistake: Mistake, text: str) -> Iterator[str]:
    first, second = mistake.classes
    images = decoded(text).float() / 255
    taken = ""
    if mistake.guesses is not None:
        taken = f", taken for {mistake.guesses[0]} and {mistake.guesses[1]}"
    drawn = []
    for x, image in zip((0, SIDE + 2), images):
        drawn += [
            element("rect", kind="cell", x=x, y=0, width=SIDE, height=SIDE),
            element("g", raster(image), transform=f"translate({x} 0)"),
        ]
    yield "<li>"
    view = f"-1 -1 {2 * SIDE + 4} {SIDE + 2}"
    yield picture(name, f"The digits {first} and {second}", view, drawn)
    said = f"{first} and {second}{taken}; P {_probability(mistake.p)}; round {round}"
    yield f"<p>{escaped(said)}</p>"
    yield "</li>"


def _probability(p: float) -> str:
    """Write a probability, of which neither 0 nor 1 is one.

    >>> _probability(0.98765), _probability(0.99999), _probability(1e-9)
    ('= 0.988', '> 0.999', '< 0.001')
    """
    return "< 0.001" if p < 0.001 else "> 0.999" if p > 0.999 else f"= {p:.3f}"
