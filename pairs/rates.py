"""Each model's own learning rate, the one that it does best with in validation."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from statistics import fmean

from funcdl import FuncdlError

__all__ = ["FILE", "RateError", "best", "grid", "rate"]

FILE = "rates.json"
"""Beside the digits; `python -m pairs.tuning` writes it."""


class RateError(FuncdlError, LookupError):
    """A model that has no rate of its own."""


@lru_cache(maxsize=1)
def grid() -> dict[str, dict[str, list[float]]]:
    """Read the validation errors of each model of the design at each rate, one a round."""
    found: dict[str, dict[str, list[float]]] = json.loads(
        (files("pairs.data") / FILE).read_text("utf-8")
    )["errors"]
    return found


def rate(model: str) -> float:
    """Return the peak of the rate that a model of the design does best with; of equals the least.

    Raises:
        RateError: nothing is known of the model.
    """
    try:
        return best(grid()[model])
    except KeyError:
        raise RateError(
            f"{model}: expected a learning rate for it in {FILE}, found none; give one for all"
        ) from None


def best(errors: dict[str, list[float]]) -> float:
    """Return the rate with the least mean error.

    >>> best({"0.004": [0.2, 0.3], "0.002": [0.3, 0.2], "0.001": [0.4, 0.4]})
    0.002
    """
    return min((fmean(found), float(rate)) for rate, found in errors.items())[1]
