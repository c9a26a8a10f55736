"""Statistics in words: how a table or a page writes them."""

from __future__ import annotations

from studykit.significance import LEVEL
from studykit.statistics import Interval, Parted, Spread

__all__ = ["count", "deviations", "difference", "percent", "probability", "rounds", "starred"]


def count(number: int, unit: str = "round") -> str:
    """Write a number with its unit.

    >>> count(1), count(1000), count(1, "epoch")
    ('one round', '1,000 rounds', 'one epoch')
    """
    return f"one {unit}" if number == 1 else f"{number:,} {unit}s"


def percent(value: Spread | None) -> str:
    """Write errors as per cent.

    >>> percent(Spread(0.1234, 0.01)), percent(Spread(0.5, None)), percent(None)
    ('12.34 ± 1.00', '50.00', '–')
    """
    if value is None:
        return "–"
    mean = f"{100 * value.mean:.2f}"
    return mean if value.deviation is None else f"{mean} ± {100 * value.deviation:.2f}"


def deviations(value: Parted | None) -> tuple[str, str]:
    """Write both parts of a deviation in percentage points.

    >>> deviations(Parted(0.011, 0.002)), deviations(Parted(0.01, None)), deviations(None)
    (('1.10', '0.20'), ('1.00', '–'), ('–', '–'))
    """
    sampling, rest = (None, None) if value is None else value
    one, other = ("–" if part is None else f"{100 * part:.2f}" for part in (sampling, rest))
    return one, other


def difference(value: Interval) -> str:
    """Write a difference of errors in percentage points, with its interval.

    >>> difference(Interval(-0.05, -0.06, -0.04))
    '−5.00 [−6.00, −4.00]'
    """
    numbers = [value.mean] if value.low is None else [value.mean, value.low, value.high]
    mean, *bounds = (
        f"{100 * number:+.2f}".replace("-", "−") for number in numbers if number is not None
    )
    return f"{mean} [{', '.join(bounds)}]" if bounds else mean


def probability(p: float) -> str:
    """Write a p-value.

    >>> probability(0.75), probability(2 / 2**15)
    ('0.750', '<0.001')
    """
    return f"{p:.3f}" if p >= 0.001 else "<0.001"


def starred(p: float) -> str:
    """Write a corrected p-value, marked where the effect stands.

    >>> starred(0.75), starred(0.05)
    ('0.750 ', '0.050*')
    """
    return probability(p) + ("*" if p <= LEVEL else " ")


def rounds(number: int | None) -> str:
    """Write a number of rounds; beyond some thousands it only says that there is no effect.

    >>> rounds(1234), rounds(10**9), rounds(None)
    ('1,234', '>9,999', '–')
    """
    if number is None:
        return "–"
    return f"{number:,}" if number <= 9999 else ">9,999"
