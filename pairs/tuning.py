"""The choice of each model's learning rate, from sweeps in validation.

    funcdl-cli sweep lr --validation --models 'conv-bn-*' --rounds 3 --test-pairs 2500 --out DIR
    python -m pairs.tuning DIR …

The first command trains every model with every rate of one grid, on digits and seeds that no
reported round meets; the second gathers the errors in pairs/data/rates.json, where `pairs.rates`
takes for each model the rate with the least mean.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pairs.models import MODELS
from pairs.rates import FILE
from pairs.results import ROWS, SUMMARY, read_rows
from pairs.saved import read_summary
from pairs.sweep.folders import folders
from studykit.files import ResultsError, replace

__all__ = ["gathered"]


def gathered(sweeps: list[Path]) -> dict[str, Any]:
    """Gather the errors of sweeps of the rate.

    Args:
        sweeps: folders that `funcdl-cli sweep lr --validation --out` wrote, of different models.

    Returns:
        What the file holds: under "errors", by model and rate, those of each round; under "made",
        with which settings and versions, a sweep an entry.

    Raises:
        ResultsError: a folder holds no such sweep; one sentence.
    """
    errors: dict[str, dict[str, list[float]]] = {}
    made: list[dict[str, Any]] = []
    for sweep in sweeps:
        setting, values = folders(sweep) or ("", {})
        if setting != "lr":
            raise ResultsError(f"{sweep}: expected a sweep of lr, found none")
        for value, folder in values.items():
            summary = read_summary(folder / SUMMARY)
            settings = summary.settings
            if not settings.get("validation"):
                raise ResultsError(f"{folder}: expected rounds for validation, found others")
            if not (folder / ROWS).exists():
                raise ResultsError(f"{folder}: expected finished rounds, found none")
            rows = sorted(read_rows(folder / ROWS, settings), key=lambda row: row.round)
            for row in rows:
                own = errors.setdefault(row.model, {}).setdefault(str(value), [])
                own.append(row.test_error)
        models = sorted({row.model for row in rows}, key=list(MODELS).index)
        shared = {key: value for key, value in settings.items() if key != "lr"}
        made.append({"models": models, "settings": shared, "versions": summary.versions})
        for name in models:
            counts = {len(found) for found in errors[name].values()}
            if len(counts) > 1 or len(errors[name]) < len(values):
                raise ResultsError(f"{sweep}: expected the same rounds of {name} at each rate")
    ordered = {name: errors[name] for name in MODELS if name in errors}
    return {"made": made, "errors": ordered}


def text(found: dict[str, Any]) -> str:
    """Write what was gathered, a model's errors at a rate on one line."""
    made = json.dumps(found["made"], indent=1)
    lines = [
        f' "{name}": {{\n'
        + ",\n".join(f'  "{rate}": {json.dumps(errors)}' for rate, errors in rates.items())
        + "\n }"
        for name, rates in found["errors"].items()
    ]
    return f'{{"made": {made},\n"errors": {{\n' + ",\n".join(lines) + "\n}}\n"


def main(arguments: list[str]) -> int:
    """Gather the folders that are named; return the exit status."""
    if not arguments:
        print("expected the folders of sweeps of lr, got none", file=sys.stderr)
        return 2
    try:
        replace(Path(__file__).parent / "data" / FILE, text(gathered([*map(Path, arguments)])))
    except ResultsError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
