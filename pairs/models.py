"""The models of the study, side by side.

Each takes pairs (…, 2, 14, 14) and gives the tuple of its outputs: two logits for "first > second"
and "first ≤ second", and where digits are learned too, beside them, the digits' logits
(…, 2, 10). A name is systematic: the backbone, how the two digits' networks are tied, and what is
learned beside the Boolean.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import NamedTuple

from torch import Generator, Tensor

import funcdl
from funcdl import (
    Layer,
    batch_norm,
    channels_last,
    cross_entropy,
    dropout,
    expand_dims,
    fan_out,
    flatten,
    max_pool2d,
    parallel,
    relu,
    serial,
    shared,
    stack,
    tap,
    unstack,
    weighted_sum,
)
from funcdl.initialisers import fan_in_uniform
from pairs.augment import Warp
from pairs.committee import committee
from pairs.compare import at_most, sharpen
from pairs.recipe import Recipe

__all__ = ["MODELS", "Model", "UnknownModelError", "find"]


class Model(NamedTuple):
    """A network from pairs to a tuple of outputs, and the loss of the outputs and their targets.

    The targets are (target, classes), of which the loss takes the first `outputs`. A model with a
    recipe begins with `shared(recipe.digit, axis=-3)`, or with a committee of it, and that is
    trained alone.
    """

    name: str
    about: str
    net: Layer
    loss: Layer
    outputs: int
    recipe: Recipe | None = None

    @property
    def auxiliary(self) -> bool:
        """Whether it learns the Boolean and, beside it, the digits."""
        return self.loss is BOTH

    def weighted(self, aux_weight: float) -> Layer:
        """Return its loss with another weight of the digits' beside the Boolean's.

        A model that does not learn both has its one loss, whatever the weight.

        Args:
            aux_weight: at least 0; at 0 the digits are not learned.

        Raises:
            InputError: the weight is below 0 or not finite.
        """
        return both(aux_weight) if self.auxiliary else self.loss


def quiet(rng: Generator, shape: tuple[int, ...]) -> Tensor:
    """Draw weights at half of `fan_in_uniform`.

    A network that starts small learns features before it can fit the pairs one by one; on digits
    of the training set it took a point off the error of the plain convolutional model.
    """
    return fan_in_uniform(rng, shape) / 2


def linear(out: int) -> Layer:
    """Make a linear layer as all models here have it."""
    return funcdl.linear(out, w_init=quiet)


def conv2d(out: int, kernel: int) -> Layer:
    """Make a convolution as all models here have it."""
    return funcdl.conv2d(out, kernel, w_init=quiet)


def fc(*widths: int) -> Layer:
    """(…, features) to (…, widths[-1]) through ReLU layers."""
    return serial(*(part for width in widths for part in (linear(width), relu)))


def conv(first: int, second: int, width: int) -> Layer:
    """(…, 14, 14, channels) to (…, width): two convolutions, each pooled, and a ReLU layer."""
    return serial(
        *(conv2d(first, 3), max_pool2d(2), relu),
        *(conv2d(second, 3), max_pool2d(2), relu),
        *(flatten(3), fc(width)),
    )


def both(aux_weight: float) -> Layer:
    """Add the digits' loss, with a weight, to that of the Boolean."""
    return weighted_sum((1.0, cross_entropy()), (aux_weight, cross_entropy()))


BOOLEAN = weighted_sum((1.0, cross_entropy()))
BOTH = both(1.0)
DIGITS = weighted_sum((0.0, cross_entropy()), (1.0, cross_entropy()))


def _family(backbone: str, plain: Layer, separate: Layer, alone: Layer, width: int) -> list[Model]:
    """Line up the models of one backbone.

    `plain` is the network of both digits; `separate` that of one digit where there are two of
    them, `alone` where there is one. The last two end in ten features, which an auxiliary loss
    makes the digit's logits; the same network without that loss is free to use them otherwise.
    """
    separated = serial(unstack(-3), parallel(separate, separate), stack(-2))
    together = shared(alone, axis=-3)
    boolean = serial(relu, flatten(2), fc(width), linear(2))
    rows = [
        ("plain", "one network of both digits", serial(plain, fan_out(linear(2))), BOOLEAN),
        ("separate", "a network a digit", serial(separated, fan_out(boolean)), BOOLEAN),
        (
            "separate-aux",
            "a network a digit, which learns the digits too",
            serial(separated, tap(boolean)),
            BOTH,
        ),
        ("shared", "the same network for each digit", serial(together, fan_out(boolean)), BOOLEAN),
        (
            "shared-aux",
            "the same network for each digit, which learns the digits too",
            serial(together, tap(boolean)),
            BOTH,
        ),
        (
            "explicit",
            "learns the digits alone; answers with the sum of p_i q_j over i ≤ j",
            serial(together, tap(at_most)),
            DIGITS,
        ),
        (
            "explicit-bool",
            "learns the digits and, through that sum, the Boolean",
            serial(together, tap(at_most)),
            BOTH,
        ),
    ]
    return [
        Model(f"{backbone}-{name}", about, net, loss, 1 if loss is BOOLEAN else 2)
        for name, about, net, loss in rows
    ]


def _fc_digit(*widths: int) -> Layer:
    return serial(flatten(2), fc(*widths), linear(10))


def _conv_digit(first: int, second: int, width: int) -> Layer:
    return serial(expand_dims(-1), conv(first, second, width), linear(10))


DIGIT = serial(
    # No bias before a norm, which would take it away again.
    *(expand_dims(-1), funcdl.conv2d(32, 3, b_init=None), max_pool2d(2), batch_norm(), relu),
    *(funcdl.conv2d(64, 3, padding=1, b_init=None), batch_norm(), relu),
    *(funcdl.conv2d(64, 3, b_init=None), batch_norm(), relu),
    *(flatten(3), dropout(0.15), funcdl.linear(10)),
)
"""The champions' network of one digit: (…, 14, 14) to (…, 10)."""

RECIPE = Recipe(
    DIGIT, epochs=28, batch_size=100, lr=2e-2, weight_decay=3e-2, smoothing=0.1, warp=Warp()
)

MEMBERS = 4


def _champion(name: str, about: str, digit: Layer, recipe: Recipe) -> Model:
    net = serial(shared(digit, axis=-3), sharpen(2.0), tap(at_most))
    return Model(name, about, net, DIGITS, 2, recipe)


CHAMPIONS = [
    _champion(
        "champion",
        f"learns digits, warped anew in each of {RECIPE.epochs} epochs; answers as explicit does",
        DIGIT,
        RECIPE,
    ),
    _champion(
        f"champion-{MEMBERS}",
        f"{MEMBERS} of these, whose joint opinion of the digits counts",
        committee(DIGIT, MEMBERS),
        RECIPE._replace(members=MEMBERS),
    ),
]


MODELS: dict[str, Model] = {
    model.name: model
    for model in [
        *_family(
            "fc",
            plain=serial(flatten(3), fc(150, 74)),
            separate=_fc_digit(130, 64),
            alone=_fc_digit(215, 116),
            width=60,
        ),
        *_family(
            "conv",
            plain=serial(channels_last, conv(32, 64, 200)),
            separate=_conv_digit(24, 40, 146),
            alone=_conv_digit(32, 64, 185),
            width=60,
        ),
        *CHAMPIONS,
    ]
}
"""Every model by its name, in the order of the tables; all but the champions of about 70,000
parameters."""


class UnknownModelError(LookupError):
    """A name that no model has."""


def find(names: str) -> list[str]:
    """Read names with commas between them, or 'all'; each once, in the order of the table.

    Raises:
        UnknownModelError: a name is none; the message has the nearest ones.

    >>> find("conv-shared,conv-plain")
    ['conv-plain', 'conv-shared']
    """
    asked = [name.strip() for name in names.split(",")]
    if asked == ["all"]:
        return list(MODELS)
    for name in asked:
        if name not in MODELS:
            near = get_close_matches(name, MODELS, 3, 0.4)
            hint = f"did you mean {' or '.join(near)}?" if near else "see --list"
            raise UnknownModelError(f"expected the name of a model, got {name!r}; {hint}")
    return [name for name in MODELS if name in asked]
