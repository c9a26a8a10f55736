"""The section that splits errors by kind of pair."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pairs.details import KINDS, Details
from pairs.sheets import model_group
from studykit.content import Sheet
from studykit.page.parts import table

__all__ = ["kinds"]


def kinds(models: Mapping[str, Sequence[Details]]) -> Iterator[str]:
    """Lay out the error of each model among equal pairs, near ones and others.

    Args:
        models: the details of each model's rounds.
    """
    if not models:
        return
    counts = {
        name: [
            (sum(d.kinds[k][0] for d in rounds), sum(d.kinds[k][1] for d in rounds))
            for k in range(len(KINDS))
        ]
        for name, rounds in models.items()
    }
    there = [sum(count[k][0] for count in counts.values()) for k in range(len(KINDS))]
    shares = ", ".join(
        f"{100 * part / max(sum(there), 1):.1f} % {kind}" for kind, part in zip(KINDS, there)
    )
    yield "<section>"
    yield "<h2>By kind of pair</h2>"
    yield from table(
        Sheet(
            "kinds",
            "Test errors in % of the pairs of a kind, of all rounds together; of the pairs, "
            + shares,
            ["model", *KINDS, "pairs"],
            [
                [
                    name,
                    *(f"{100 * wrong / pairs:.2f}" if pairs else "–" for pairs, wrong in count),
                    f"{sum(pairs for pairs, _ in count):,}",
                ]
                for name, count in counts.items()
            ],
            groups=[model_group(name) for name in counts],
        )
    )
    yield "</section>"
