"""What a sweep says: errors and effects at each value of the setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pairs.effects import EFFECTS, Effect, corrected, effects
from pairs.models import MODELS, parts
from pairs.sweep.settings import Value
from pairs.training import Row

__all__ = ["effects_by_value", "errors_by_value"]

Swept = Mapping[Value, Sequence[Row]]
"""The rows of each value of the setting."""


def errors_by_value(rows: Swept) -> dict[str, dict[str, dict[Value, list[float]]]]:
    """Gather test errors by backbone, model and value, one a round.

    Backbones and models come in the order of the table of models.
    """
    found: dict[str, dict[str, dict[Value, list[float]]]] = {}
    there = dict.fromkeys(row.model for mine in rows.values() for row in mine)
    for name in dict.fromkeys([*(name for name in MODELS if name in there), *there]):
        found.setdefault(parts(name)[0], {})[name] = {
            value: [row.test_error for row in mine if row.model == name]
            for value, mine in rows.items()
            if any(row.model == name for row in mine)
        }
    return found


def effects_by_value(setting: str, rows: Swept) -> dict[str, dict[str, dict[Value, Effect]]]:
    """Compare models at each value, by backbone, effect and value; `holm` corrects for them all.

    In a sweep of the weight of the auxiliary loss, the models at weight 0 are those without it,
    which the other weights are compared with: from the same first weights, on the same pairs.
    """
    without = []
    if setting == "aux-weight":
        without = [
            row._replace(model=row.model.removesuffix("-aux"))
            for row in rows.get(0.0, ())
            if row.model.endswith("-aux")
        ]
    found: dict[str, dict[str, dict[Value, Effect]]] = {}
    for value, mine in rows.items():
        models = {row.model for row in mine}
        for effect in effects([*mine, *(without if value != 0 else ())]):
            if effect.after in models:
                backbone = parts(effect.before)[0]
                found.setdefault(backbone, {}).setdefault(effect.name, {})[value] = effect
    places = [
        (backbone, contrast.name, value)
        for backbone, named in found.items()
        for contrast in EFFECTS
        for value in named.get(contrast.name, ())
    ]
    together = corrected([found[backbone][name][value] for backbone, name, value in places])
    ordered: dict[str, dict[str, dict[Value, Effect]]] = {backbone: {} for backbone in found}
    for (backbone, name, value), effect in zip(places, together):
        ordered[backbone].setdefault(name, {})[value] = effect
    return ordered
