"""What a table of effects says, and what so few rounds cannot say: the lines below it."""

from __future__ import annotations

from collections.abc import Sequence

from pairs.effects import Effect
from studykit.significance import LEVEL, fewest_rounds, holm, least_p

__all__ = ["INTERVALS", "footnotes", "unreachable"]

INTERVALS = (
    "Intervals: of each effect alone, and for MNIST's digits, some of which two rounds have in "
    "common: docs/statistics.md"
)


def footnotes(found: Sequence[Effect]) -> list[str]:
    """Say what the columns are, a line each.

    Args:
        found: all effects of the table, at least one.
    """
    rounds = [effect.rounds for effect in found]
    floors = [f"{_floor(n)} with {_rounds(n)}" for n in dict.fromkeys((min(rounds), max(rounds)))]
    return [
        f"p: of the sign-flip test, of each effect alone; at least {', '.join(floors)}",
        f"Holm: p corrected for all effects of this table, {len(found)}; * where at most {LEVEL}",
        *unreachable(found),
        f"Needed: rounds to see such an effect, p at most {LEVEL}, with a power of 80 %",
        INTERVALS,
    ]


def unreachable(found: Sequence[Effect]) -> list[str]:
    """Say in a line that no effect could stand, however large, where rounds are too few for that.

    Args:
        found: all effects of the table, at least one.
    """
    if min(holm([effect.least_p for effect in found])) <= LEVEL:
        return []
    rounds, enough = max(effect.rounds for effect in found), fewest_rounds(LEVEL / len(found))
    line = f"{_rounds(rounds)}: too few for any effect to stand, with {len(found)} to correct for"
    return [line if enough is None else f"{line}; with {enough} one can"]


def _rounds(number: int) -> str:
    return f"{number:,} round{'s' * (number != 1)}"


def _floor(rounds: int) -> str:
    """Write the least p.

    >>> _floor(10), _floor(12), _floor(100)
    ('0.002', '0.0005', '0.00003')
    """
    digits = 3 if rounds <= 10 else 4 if rounds <= 14 else 5
    return f"{least_p(rounds):.{digits}f}"
