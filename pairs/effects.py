"""What the rows of a study say of two models: the paired effect of the idea between them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pairs.models import MODELS, origin, parts
from pairs.training import Row
from studykit.power import rounds_needed
from studykit.seeds import generator
from studykit.significance import LEVEL, holm, least_p, sign_flip_test
from studykit.statistics import Interval, interval

__all__ = ["EFFECTS", "Contrast", "Effect", "contrasts", "corrected", "effects"]


class Contrast(NamedTuple):
    """Two models to compare; with `less`, (before, after), two such changes: see `Effect`."""

    name: str
    before: str
    after: str
    less: tuple[str, str] | None = None


EFFECTS = [
    Contrast("a network a digit", "plain", "separate"),
    Contrast("sharing, equal parameters", "separate", "shared"),
    Contrast("sharing, equal width", "separate-wide", "shared"),
    Contrast("sharing, equal time", "separate-long", "shared"),
    Contrast("sharing with the digits' loss, equal parameters", "separate-aux", "shared-aux"),
    Contrast("sharing with the digits' loss, equal width", "separate-wide-aux", "shared-aux"),
    Contrast("sharing with the digits' loss, equal time", "separate-long-aux", "shared-aux"),
    Contrast("auxiliary loss, plain", "plain", "plain-aux"),
    Contrast("auxiliary loss, separate", "separate", "separate-aux"),
    Contrast("auxiliary loss, shared", "shared", "shared-aux"),
    Contrast("both", "separate", "shared-aux"),
    Contrast(
        "sharing × auxiliary loss, equal parameters",
        "separate-aux",
        "shared-aux",
        less=("separate", "shared"),
    ),
    Contrast("explicit comparison, the Boolean alone", "shared", "shared-explicit"),
    Contrast("explicit comparison, both losses", "shared-aux", "shared-explicit-aux"),
    Contrast("the Boolean beside the digits", "shared-explicit-digits", "shared-explicit-aux"),
]
"""Kinds of models that differ by one idea, or two, within a family."""

NORMS = [("fc", "fc-bn"), ("conv", "conv-bn")]
"""Families that differ by their norm alone."""


class Effect(NamedTuple):
    """The difference in test error that one change makes, over the rounds that its models have.

    Attributes:
        name: what the change is.
        before: the model without it.
        after: the model with it.
        less: of an interaction: the same change elsewhere, (before, after), whose difference is
            taken off that of these models, round by round; else None.
        rounds: how many.
        difference: the mean, with Student's 95 % interval, of this effect alone.
        p: that of the sign-flip test, of this effect alone.
        least_p: the least that so many rounds can give.
        holm: p, corrected for all effects that stand in one table; those of one study, or of one
            sweep.
        rounds_needed: those that it takes to see such an effect, with a p of at most 0.05, with a
            power of 80 %; None where there is nothing to go by.
    """

    name: str
    before: str
    after: str
    less: tuple[str, str] | None
    rounds: int
    difference: Interval
    p: float
    least_p: float
    holm: float
    rounds_needed: int | None

    @property
    def stands(self) -> bool:
        """Whether it is seen after the correction."""
        return self.holm <= LEVEL


def effects(rows: Sequence[Row]) -> list[Effect]:
    """Compare models that differ by one idea, or two, round by round on the same pairs."""
    errors = {(row.model, row.round): row.test_error for row in rows}
    # In the order of rounds, not of arrival: drawn signs must not depend on the workers.
    rounds = sorted({row.round for row in rows})
    found = []
    for name, before, after, less in contrasts():
        signs = {before: -1, after: 1}
        if less is not None:
            signs |= {less[0]: 1, less[1]: -1}
        differences = [
            math.fsum(sign * errors[model, i] for model, sign in signs.items())
            for i in rounds
            if all((model, i) in errors for model in signs)
        ]
        if differences:
            rng = generator(rows[0].seed, "sign flips", before, after, *(less or ()))
            p = sign_flip_test(differences, rng)
            found.append(
                Effect(
                    name,
                    before,
                    after,
                    less,
                    len(differences),
                    interval(differences),
                    p,
                    least_p(len(differences)),
                    p,
                    rounds_needed(differences),
                )
            )
    return corrected(found)


def corrected(found: Sequence[Effect]) -> list[Effect]:
    """Correct the p of effects that are looked at together, in one table."""
    ps = holm([effect.p for effect in found])
    return [effect._replace(holm=p) for effect, p in zip(found, ps)]


def contrasts() -> Iterator[Contrast]:
    """List what is compared, by the whole names of the models."""
    for family in dict.fromkeys(family for family, kind in map(parts, MODELS) if kind):
        for name, before, after, less in EFFECTS:
            elsewhere = None if less is None else (f"{family}-{less[0]}", f"{family}-{less[1]}")
            yield Contrast(name, f"{family}-{before}", f"{family}-{after}", elsewhere)
    for without, normed in NORMS:
        for kind in ("plain", "separate", "shared", "shared-aux"):
            yield Contrast(f"batch norm, {kind}", f"{without}-{kind}", f"{normed}-{kind}")
    for name in MODELS:
        if name != (champion := origin(name)):
            yield Contrast(f"without {name.rpartition('-')[2]}", champion, name)
