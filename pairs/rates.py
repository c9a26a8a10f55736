"""Each model's own learning rate, as `funcdl-cli sweep lr --validation` chose it."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files

__all__ = ["rate"]

FILE = "rates.json"


@lru_cache(maxsize=1)
def rates() -> dict[str, float]:
    """Read the rate of each model of the design."""
    found: dict[str, float] = json.loads((files("pairs.data") / FILE).read_text("utf-8"))
    return found


def rate(model: str) -> float:
    """Return the peak of the rate that a model of the design does best with."""
    return rates()[model]
