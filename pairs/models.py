"""The models of the study by their names: those of the design, and the champions beside it."""

from __future__ import annotations

from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

import funcdl
from funcdl import (
    FuncdlError,
    Layer,
    expand_dims,
    flatten,
    max_pool2d,
    relu,
    serial,
    shared,
    tap,
)
from pairs.at_most import at_most
from pairs.augment import Warp
from pairs.committee import committee
from pairs.design import DIGITS, Blocks, Model, family
from pairs.recipe import Recipe
from pairs.sharpen import sharpen

__all__ = ["ABLATIONS", "MODELS", "STUDY", "Model", "UnknownModelError", "find", "origin", "parts"]


def champion_digit(norm: str = "batch") -> Layer:
    """(…, 14, 14) to (…, 10): the champions' network of one digit, or one without its norm."""
    blocks = Blocks(norm)

    def conv(out: int, padding: int, *then: Layer) -> tuple[Layer, ...]:
        layer = funcdl.conv2d(out, 3, padding=padding, b_init=blocks.bias)
        return (layer, *then, *blocks.normed, relu)

    return serial(
        *(expand_dims(-1), *conv(16, 0), *conv(32, 0, max_pool2d(2)), *conv(64, 1), *conv(64, 0)),
        *(flatten(3), funcdl.linear(10)),
    )


RECIPE = Recipe(
    champion_digit(),
    epochs=46,
    batch_size=50,
    lr=2e-2,
    weight_decay=0.1,
    smoothing=0.1,
    warp=Warp(),
)

MEMBERS = 4

SURER = 2.0
"""What the champions' logits are multiplied by, before the digits are compared."""


ABLATIONS: list[tuple[str, str, dict[str, Any], float]] = [
    ("warp", "the digits as they are", {"warp": None}, SURER),
    # The rate that a network without norm bears.
    ("norm", "no batch norm", {"digit": champion_digit("none"), "lr": 4e-3}, SURER),
    ("smoothing", "labels as they are", {"smoothing": 0.0}, SURER),
    ("decay", "no weight decay", {"weight_decay": 0.0}, SURER),
    ("sharpening", "compares the probabilities as the network gives them", {}, 1.0),
    ("doubt", "compares the digits that are likeliest", {}, 1000.0),
]
"""The champion, each time without one of its ingredients: which, in words, and what changes."""


def _champion(name: str, about: str, recipe: Recipe = RECIPE, surer: float = SURER) -> Model:
    digit = recipe.digit if recipe.members == 1 else committee(recipe.digit, recipe.members)
    net = serial(shared(digit, axis=-3), sharpen(surer), tap(at_most))
    return Model(name, about, net, DIGITS, 2, recipe=recipe)


CHAMPIONS = [
    _champion(
        "champion",
        f"learns digits, warped anew in each of {RECIPE.epochs} epochs; answers as explicit does",
    ),
    _champion(
        f"champion-{MEMBERS}",
        f"{MEMBERS} of these, whose joint opinion of the digits counts",
        RECIPE._replace(members=MEMBERS),
    ),
    *(
        _champion(f"champion-without-{ingredient}", about, RECIPE._replace(**changes), surer)
        for ingredient, about, changes, surer in ABLATIONS
    ),
]


FAMILIES = [(backbone, norm) for backbone in ("fc", "conv") for norm in ("none", "batch")]

MODELS: dict[str, Model] = {
    model.name: model
    for model in [
        *(model for backbone, norm in FAMILIES for model in family(backbone, norm)),
        *CHAMPIONS,
    ]
}
"""Every model by its name, in the order of the tables; those of the design have about 70,000
parameters, but for separate-wide."""

STUDY = [
    f"conv-bn-{kind}"
    for kind in (
        *("plain", "separate", "separate-wide", "separate-long", "separate-aux"),
        *("shared", "shared-aux"),
    )
]
"""The models of the default study, as few as tell what sharing and the auxiliary loss give."""


def parts(name: str) -> tuple[str, str]:
    """Part a model's name into its family, the backbone and its norm, and the kind within it.

    >>> parts("conv-bn-shared-aux"), parts("champion")
    (('conv-bn', 'shared-aux'), ('champion', ''))
    """
    if name in MODELS and (factors := MODELS[name].factors) is not None:
        return factors.family, factors.kind
    return name, ""


def origin(name: str) -> str:
    """Name the model whose weights a model begins with: its own, or the champion's for an ablation.

    >>> origin("conv-shared"), origin("champion-without-warp")
    ('conv-shared', 'champion')
    """
    return name.partition("-without-")[0]


class UnknownModelError(FuncdlError, LookupError):
    """A name that no model has."""


def find(names: str) -> list[str]:
    """Read names separated by commas, or 'all'; each once, in the order of the table.

    A name may have the wildcards of file names: `conv-*-aux`.

    Raises:
        UnknownModelError: a name is none; the message has the nearest ones.

    >>> find("conv-shared,conv-plain"), find("fc-bn-sh*aux")
    (['conv-plain', 'conv-shared'], ['fc-bn-shared-aux', 'fc-bn-shared-explicit-aux'])
    """
    asked = ["*" if name.strip() == "all" else name.strip() for name in names.split(",")]
    for name in asked:
        if not any(fnmatchcase(known, name) for known in MODELS):
            near = get_close_matches(name, MODELS, 3, 0.4)
            hint = f"did you mean {' or '.join(near)}?" if near else "see --list"
            raise UnknownModelError(f"expected the name of a model, got {name!r}; {hint}")
    return [name for name in MODELS if any(fnmatchcase(name, pattern) for pattern in asked)]
