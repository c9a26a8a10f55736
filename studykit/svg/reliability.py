"""A reliability diagram: how often answers are right, against how sure the model was of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from studykit.svg.elements import element, figure, line, words
from studykit.svg.scale import ticks

__all__ = ["lowest", "reliability"]

LEFT, RIGHT, TOP, HEIGHT = 14, 94, 8, 150
"""Where the box is: per cent of the width, and pixels."""

LARGEST = 10.0
"""The radius, in pixels, of a dot that all pairs are in."""

DEVIATIONS = 1.96
"""Of a normal variable to either side, within which it is in 95 % of the cases."""


def lowest(diagrams: Sequence[Sequence[Sequence[float]]]) -> float:
    """Return where the axis of several diagrams that are to be compared must begin: at most 1/2.

    Args:
        diagrams: the bins of each, [pairs, sum of confidences, right answers].
    """
    shares = [right / pairs for bins in diagrams for pairs, _, right in bins if pairs]
    return min([0.5, *shares])


def reliability(name: str, title: str, bins: Sequence[Sequence[float]], low: float) -> str:
    """Draw a dot a bin, at its mean confidence and its share of right answers.

    A bar about the diagonal is where 95 % of the dots of a calibrated model would be, with the
    normal deviation of n_b answers: Bröcker and Smith, "Increasing the reliability of reliability
    diagrams" (2007). The area of a dot is its bin's part of the pairs, but for the smallest.

    Args:
        name: of the figure, unique in its page.
        title: what it shows, in a few words; its description has the numbers.
        bins: [pairs, sum of confidences, right answers] each; at least one has pairs.
        low: where the axis begins, as `lowest` has it.
    """
    marks = ticks(low, 1, 5)
    total = sum(pairs for pairs, _, _ in bins)

    def y(share: float) -> float:
        return TOP + HEIGHT * (marks[-1] - share) / (marks[-1] - marks[0])

    parts, said = [], []
    for pairs, confidences, right in bins:
        if not pairs:
            continue
        sure, share = confidences / pairs, right / pairs
        half = DEVIATIONS * math.sqrt(max(sure * (1 - sure), 0) / pairs)
        top, bottom = min(sure + half, 1), max(sure - half, marks[0])
        parts += [
            line("whisker", _x(sure), _x(sure), f"{y(top):.1f}", f"{y(bottom):.1f}"),
            element(
                "circle",
                kind="dot",
                cx=_x(sure),
                cy=f"{y(share):.1f}",
                r=f"{max(LARGEST * math.sqrt(pairs / total), 2):.1f}",
            ),
        ]
        said.append(f"{100 * sure:.1f} % sure, {100 * share:.1f} % right of {pairs:,}")
    diagonal = line("zero", _x(0.5), _x(1), f"{y(0.5):.1f}", f"{y(1):.1f}")
    return figure(
        name,
        title,
        f"{'; '.join(said)}.",
        TOP + HEIGHT + 40,
        [*_grid([(mark, y(mark)) for mark in marks]), diagonal, *parts],
        "s7",
    )


def _x(confidence: float) -> str:
    return f"{LEFT + (RIGHT - LEFT) * (2 * confidence - 1):.2f}%"


def _grid(marks: Sequence[tuple[float, float]]) -> Iterator[str]:
    for mark, y in marks:
        yield line("grid", f"{LEFT}%", f"{RIGHT}%", f"{y:.1f}", f"{y:.1f}")
        yield words(f"{100 * mark:g}", f"{LEFT - 2}%", f"{y + 4:.1f}", "end", "under")
    foot = TOP + HEIGHT
    for confidence in (0.5, 0.75, 1):
        yield words(f"{100 * confidence:g}", _x(confidence), foot + 16, "middle", "under")
    yield words("confidence in % →", f"{RIGHT}%", foot + 34, "end", "under")
    yield words("↑ right, in %", "0", foot + 34, kind="under")
