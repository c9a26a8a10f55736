"""Fill the documents' figures from the published results: `python docs/published.py`.

A figure in a document stands between two comments, the first of which says what it is:

    <!--= default conv-bn-plain test -->14.95 ± 1.60<!--/-->

So does a table, each comment on a line of its own. Whoever makes the results again runs this after
it; a test fails where a document and the results differ.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from pairs.models import MODELS, parts

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FIGURE = re.compile(r"(<!--= (?P<what>[^>]*?) -->)(?P<old>.*?)(<!--/-->)", re.DOTALL)


@cache
def summary(study: str) -> dict[str, Any]:
    """Read the summary of a study, a folder of the results."""
    found: dict[str, Any] = json.loads((RESULTS / study / "summary.json").read_text("utf-8"))
    return found


def line(study: str, model: str) -> dict[str, Any]:
    """Find what a study says of a model."""
    (found,) = (line for line in summary(study)["models"] if line["model"] == model)
    return dict(found)


def effect(study: str, family: str, name: str) -> dict[str, Any]:
    """Find what a study says of an effect in a family of models."""
    (found,) = (
        effect
        for effect in summary(study)["effects"]
        if effect["name"] == name and parts(effect["before"])[0] == family
    )
    return dict(found)


def percent(value: dict[str, float | None] | None, deviation: bool = True) -> str:
    """Write a share, with its deviation over the rounds, in per cent."""
    if value is None:
        return "–"
    mean, spread = value["mean"], value["deviation"]
    assert mean is not None
    shown = f"{100 * mean:.2f}"
    return f"{shown} ± {100 * spread:.2f}" if deviation and spread is not None else shown


def points(value: float) -> str:
    """Write a difference in percentage points."""
    return f"{100 * value:+.2f}".replace("-", "−")


def probability(p: float) -> str:
    """Write a p-value."""
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


def difference(found: dict[str, Any]) -> str:
    """Write an effect with its 95 % interval."""
    mean, low, high = (found["difference"][key] for key in ("mean", "low", "high"))
    return f"{points(mean)} [{points(low)}, {points(high)}]"
