"""The factorial design of the study: what a model is, its factors, and the families of models.

Each takes pairs (…, 2, 14, 14) and gives the tuple of its outputs: two logits for "first > second"
and "first ≤ second", and where digits are learned too, beside them, the digits' logits
(…, 2, 10). A name is systematic, a word a factor: the backbone and its norm, how the two digits'
networks are tied, how the answer is made, and what is learned beside the Boolean.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from torch import Generator, Tensor

import funcdl
from funcdl import (
    Layer,
    batch_norm,
    channels_last,
    cross_entropy,
    expand_dims,
    fan_out,
    flatten,
    max_pool2d,
    parallel,
    relu,
    reshape,
    serial,
    shared,
    stack_along,
    tap,
    unstack_along,
    weighted_sum,
)
from funcdl.initialisers import Initialiser, fan_in_uniform, zeros
from pairs.at_most import at_most
from pairs.recipe import Recipe

__all__ = ["BOTH", "DIGITS", "LONGER", "TIES", "Blocks", "Factors", "Model", "family", "loss_of"]


class Factors(NamedTuple):
    """Where a model stands in the design.

    Attributes:
        backbone: fc or conv.
        norm: none, or batch: batch norm before each ReLU.
        tie: plain, one network of both digits; separate, one for each; shared, the same for each.
            As controls of sharing, separate-wide has two networks as wide as the shared one, and
            separate-long two narrow ones that are trained for twice the epochs, which takes as many
            products as the shared one.
        answer: learnt from what the networks of the digits give, or explicit: Σ p_i q_j over i ≤ j.
        losses: the Boolean's, both, or the digits' alone.
    """

    backbone: str
    norm: str
    tie: str
    answer: str
    losses: str

    @property
    def family(self) -> str:
        """The backbone and its norm, as names begin.

        >>> Factors("conv", "batch", "shared", "learnt", "both").family
        'conv-bn'
        """
        return self.backbone + {"none": "", "batch": "-bn"}[self.norm]

    @property
    def kind(self) -> str:
        """The rest of the name.

        >>> Factors("conv", "none", "shared", "explicit", "both").kind
        'shared-explicit-aux'
        """
        answer = {"learnt": "", "explicit": "-explicit"}[self.answer]
        return self.tie + answer + {"Boolean": "", "both": "-aux", "digits": "-digits"}[self.losses]


class Model(NamedTuple):
    """A network from pairs to a tuple of outputs, and the loss of the outputs and their targets.

    The targets are (target, classes), of which the loss takes the first `outputs`. `longer`
    multiplies the epochs. A model with a recipe begins with `shared(recipe.digit, axis=-3)`, or
    with a committee of it, and that is trained alone; it stands outside of the design.
    """

    name: str
    about: str
    net: Layer
    loss: Layer
    outputs: int
    factors: Factors | None = None
    longer: float = 1.0
    recipe: Recipe | None = None

    @property
    def auxiliary(self) -> bool:
        """Whether it learns the Boolean and, beside it, the digits."""
        return self.loss is BOTH

    @property
    def normed(self) -> bool:
        """Whether its network acts otherwise in training, as norms do, until they are measured."""
        return bool(self.net.needs_rng)

    @property
    def stackable(self) -> bool:
        """Whether several rounds can be trained in one pass: a model of the design draws nothing.

        What the dropout of a recipe draws for several networks at once is not what it draws for
        each of them alone.
        """
        return self.factors is not None

    def weighted(self, aux_weight: float | Tensor, models: int = 0) -> Layer:
        """Return its loss with another weight of the digits' beside the Boolean's.

        A model that does not learn both has its one loss, whatever the weight.

        Args:
            aux_weight: at least 0, or one for each model; at 0 the digits are not learned.
            models: leading axes that count models, each of which has a loss of its own.

        Raises:
            InputError: the weight is below 0 or not finite.
        """
        if self.factors is None or not (models or self.auxiliary):
            return self.loss
        return loss_of(self.factors.losses, aux_weight, models)


def quiet(rng: Generator, shape: tuple[int, ...]) -> Tensor:
    """Draw weights at half of `fan_in_uniform`.

    A network that starts small learns features before it can fit the pairs one by one; on digits
    of the training set it took a point off the error of the plain convolutional model.
    """
    return fan_in_uniform(rng, shape) / 2


def linear(out: int) -> Layer:
    """Make a linear layer as all models here have it."""
    return funcdl.linear(out, w_init=quiet)


class Blocks(NamedTuple):
    """The hidden layers of the models of one norm."""

    norm: str

    def fc(self, *widths: int) -> Layer:
        """(…, features) to (…, widths[-1]) through ReLU layers."""
        layers = (funcdl.linear(width, w_init=quiet, b_init=self.bias) for width in widths)
        return serial(*(part for layer in layers for part in (layer, *self.normed, relu)))

    def conv(self, first: int, second: int, width: int) -> Layer:
        """(…, 14, 14, channels) to (…, width): two convolutions, each pooled, and a ReLU layer."""
        convs = (funcdl.conv2d(out, 3, w_init=quiet, b_init=self.bias) for out in (first, second))
        pooled = (part for conv in convs for part in (conv, max_pool2d(2), *self.normed, relu))
        return serial(*pooled, flatten(3), self.fc(width))

    @property
    def bias(self) -> Initialiser | None:
        """How biases begin, None where there are none."""
        # No bias before a norm, which would take it away again.
        return None if self.norm == "batch" else zeros

    @property
    def normed(self) -> tuple[Layer, ...]:
        """The norm, or nothing."""
        return (batch_norm(),) if self.norm == "batch" else ()


def loss_of(losses: str, aux_weight: float | Tensor = 1.0, models: int = 0) -> Layer:
    """Make the loss that a model descends.

    Args:
        losses: as `Factors` has them.
        aux_weight: of the digits' loss beside the Boolean's, where both are learned; one, or one
            for each model.
        models: leading axes that count models.
    """
    loss = cross_entropy(models=models)
    boolean = (0.0 if losses == "digits" else 1.0), loss
    digits = (aux_weight if losses == "both" else 1.0), loss
    return weighted_sum(boolean, *([] if losses == "Boolean" else [digits]))


LOSSES = {losses: loss_of(losses) for losses in ("Boolean", "both", "digits")}
BOTH, DIGITS = LOSSES["both"], LOSSES["digits"]

TIES = {
    "plain": "one network of both digits",
    "separate": "a network a digit",
    "separate-wide": "a network a digit, each as wide as the shared one",
    "separate-long": "a network a digit, trained twice as long",
    "shared": "the same network for each digit",
}
ANSWERS = {"learnt": "", "explicit": "; answers with the sum of p_i q_j over i ≤ j"}
LEARNT = {
    "Boolean": "",
    "both": ", which learns the digits too",
    "digits": ", which learns the digits alone",
}
CONTROLS = ("separate-wide", "separate-long")
LONGER = 2.0
"""Epochs of separate-long for one of the others: two narrow networks take half of the products."""


def family(backbone: str, norm: str) -> Iterator[Model]:
    """Line up the models of one backbone and norm."""
    for tie in TIES:
        for answer in ANSWERS:
            for losses in LEARNT:
                # Nothing would train an answer that is learnt; the controls are for sharing alone.
                untrained = answer == "learnt" and losses == "digits"
                if untrained or (tie in CONTROLS and answer == "explicit"):
                    continue
                factors = Factors(backbone, norm, tie, answer, losses)
                yield Model(
                    f"{factors.family}-{factors.kind}",
                    TIES[tie] + LEARNT[losses] + ANSWERS[answer],
                    _net(factors),
                    LOSSES[losses],
                    1 if losses == "Boolean" else 2,
                    factors,
                    LONGER if tie == "separate-long" else 1.0,
                )


def _net(factors: Factors) -> Layer:
    """Make the network: what reads the digits, and what makes the answer of that.

    What reads them ends in ten features of each digit, which an auxiliary loss makes the digit's
    logits; the same network without that loss is free to use them otherwise. A plain network
    whose answer is learnt has no such narrow place: it makes the answer of all its features.
    """
    read, features, answer = _reader(factors), _features(factors), _answer(factors)
    beside = factors.losses != "Boolean"
    if factors.tie == "plain" and factors.answer == "learnt":
        heads = tap(linear(2), features) if beside else fan_out(linear(2))
        return serial(read, heads)
    return serial(read, features, tap(answer) if beside else fan_out(answer))


def _reader(factors: Factors) -> Layer:
    """(…, 2, 14, 14) to what the features are made of."""
    blocks, narrow = Blocks(factors.norm), factors.tie in ("separate", "separate-long")
    if factors.tie == "plain":
        if factors.backbone == "fc":
            return serial(flatten(3), blocks.fc(150, 74))
        return serial(channels_last, blocks.conv(32, 64, 200))
    if factors.backbone == "fc":
        digit = serial(flatten(2), blocks.fc(*((130, 64) if narrow else (215, 116))))
    else:
        widths = (24, 40, 146) if narrow else (32, 64, 185)
        digit = serial(expand_dims(-1), blocks.conv(*widths))
    digit = serial(digit, linear(10))
    if factors.tie == "shared":
        return shared(digit, axis=-3)
    return serial(unstack_along(-3), parallel(digit, digit), stack_along(-2))


def _features(factors: Factors) -> Layer:
    """Of both digits, (…, 2, 10)."""
    if factors.tie == "plain":
        return serial(linear(20), reshape((2, 10)))
    return serial()


def _answer(factors: Factors) -> Layer:
    """(…, 2, 10) to (…, 2)."""
    if factors.answer == "explicit":
        return at_most
    return serial(relu, flatten(2), Blocks(factors.norm).fc(60), linear(2))
