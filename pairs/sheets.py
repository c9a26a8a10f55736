"""Tables of a study as words in rows and columns: a page and each format lay them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pairs.columns import EFFECT_COLUMNS, MODEL_COLUMNS, Column
from pairs.effects import Effect
from pairs.footnotes import footnotes
from pairs.lines import Line
from pairs.models import MODELS, Model, parts
from pairs.training import Row
from studykit.content import Sheet

__all__ = [
    "OWN",
    "effect_group",
    "effect_sheet",
    "model_group",
    "model_sheet",
    "rounds_sheet",
    "settings_sheet",
]

OWN = ("epochs", "batch_size", "lr", "aux_weight", "augment")
"""Settings that a model may have otherwise, or not at all: told model by model."""


def model_sheet(models: Sequence[Line]) -> Sheet:
    """Lay out errors, size and time of each model."""
    about = Column(
        "what it is", lambda line: MODELS[line.model].about if line.model in MODELS else "–", True
    )
    return _sheet(
        "models",
        "Errors in %, mean ± standard deviation over the rounds; pairs, rest: of the deviation of "
        "the test error what is due to the draw of the test pairs, and what is not; s a round: to "
        "train one",
        [*MODEL_COLUMNS, about],
        models,
        [model_group(line.model) for line in models],
    )


def effect_sheet(found: Sequence[Effect]) -> Sheet:
    """Lay out what each idea gives."""
    return _sheet(
        "effects",
        "Differences in points, with 95 % intervals. " + ". ".join(footnotes(found)),
        EFFECT_COLUMNS,
        found,
        [effect_group(effect) for effect in found],
    )


def settings_sheet(settings: Mapping[str, Any], rows: Sequence[Row]) -> Sheet:
    """Lay out what each model was trained with: its own settings, not those it did not use.

    Args:
        settings: of the study, or of a value of a sweep.
        rows: which tell the rates and the epochs of a model.
    """
    body = []
    for name in dict.fromkeys(row.model for row in rows):
        mine = [row for row in rows if row.model == name]
        rates = ", ".join(dict.fromkeys(f"{row.lr:g}" for row in mine))
        epochs = ", ".join(dict.fromkeys(f"{row.epochs:,}" for row in mine))
        body.append([name, rates, epochs, *_own(MODELS.get(name), settings)])
    headings = [
        "model",
        "learning rate",
        "epochs",
        "batch size",
        "augmentation",
        "auxiliary weight",
    ]
    if any(row[-1] for row in body):
        headings.append("beside")
    else:
        body = [row[:-1] for row in body]
    return Sheet(
        "settings",
        "What each model is trained with; its learning rate is the peak of a rate that rises and "
        "falls",
        headings,
        body,
        ["model", "augmentation", "beside"],
        [model_group(name) for name, *_ in body],
    )


def _own(model: Model | None, settings: Mapping[str, Any]) -> list[str]:
    """Tell batch size, augmentation, weight of the auxiliary loss, and what a recipe adds."""
    if model is not None and (recipe := model.recipe) is not None:
        beside = f"AdamW, weight decay {recipe.weight_decay:g}, smoothing {recipe.smoothing:g}"
        return [f"{recipe.batch_size}", "warp" if recipe.warp else "none", "–", beside]
    weighs = model is None or model.auxiliary
    given = (settings.get("batch_size"), settings.get("augment"))
    weight = settings.get("aux_weight") if weighs else None
    return [*("–" if value is None else str(value) for value in (*given, weight)), ""]


def rounds_sheet(models: Sequence[Line], rows: Sequence[Row]) -> Sheet:
    """Lay out the test error of each round; what there is more of, models or rounds, goes down."""
    errors = {(row.model, row.round): f"{100 * row.test_error:.2f}" for row in rows}
    names = [line.model for line in models]
    numbers = sorted({row.round for row in rows})
    if len(numbers) > len(names):
        body = [[f"{i}", *(errors.get((name, i), "–") for name in names)] for i in numbers]
        return Sheet("every-round", "Test error in %", ["round", *names], body)
    body = [[name, *(errors.get((name, i), "–") for i in numbers)] for name in names]
    return Sheet(
        "every-round",
        "Test error in %, a round a column",
        ["model", *(f"{i}" for i in numbers)],
        body,
        groups=[model_group(name) for name in names],
    )


def model_group(name: str) -> str:
    """Name what a model belongs to: its family, and how the networks of its digits are tied.

    >>> model_group("conv-bn-separate-wide-aux"), model_group("champion-4")
    ('conv-bn, separate', 'champions')
    """
    family, kind = parts(name)
    if kind:
        return f"{family}, {kind.partition('-')[0]}"
    return "champions" if name in MODELS else "others"


def effect_group(effect: Effect) -> str:
    """Name what an effect belongs to: the family that it is of, or the two that it is between."""
    before, after = parts(effect.before)[0], parts(effect.after)[0]
    return before if before == after else f"{before} → {after}"


def _sheet(
    name: str,
    caption: str,
    columns: Sequence[Column],
    things: Sequence[Any],
    groups: Sequence[str],
) -> Sheet:
    return Sheet(
        name,
        caption,
        [column.heading for column in columns],
        [[column.cell(thing) for column in columns] for thing in things],
        [column.heading for column in columns if column.words],
        groups,
    )
