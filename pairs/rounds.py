"""A round of one model: its pairs and first weights are drawn, it is trained, and it is tested."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from torch import Generator

from funcdl import tree
from pairs.calibration import measured
from pairs.data import Mnist, Pairs, Split, draw_split
from pairs.descent import Epoch
from pairs.models import MODELS, Model, origin
from pairs.training import (
    Row,
    Scaling,
    Settings,
    TrainingError,
    ask,
    epochs_of,
    errors,
    lr_of,
    settled,
    shares,
    train,
)
from studykit.seeds import generator

__all__ = [
    "Start",
    "Trained",
    "begin",
    "finished",
    "learn",
    "row_of",
    "run_round",
    "train_round",
]


class Start(NamedTuple):
    """What a round starts from.

    Attributes:
        model: what is trained.
        round: from 0.
        settings: what the round depends on beside these.
        split: the pairs to train on and to test on.
        scaling: mean and deviation of the images to train on.
        pairs: those to train on, scaled.
        epoch: number 0, of the initial parameters.
        rng: draws the batches.
    """

    model: Model
    round: int
    settings: Settings
    split: Split
    scaling: Scaling
    pairs: Pairs
    epoch: Epoch
    rng: Generator


class Trained(NamedTuple):
    """A round's parameters, what they were trained and are tested on, and the time it took."""

    params: Any
    scaling: Scaling
    split: Split
    seconds: float


def begin(
    name: str, round: int, settings: Settings, mnist: Mnist, split: Split | None = None
) -> Start:
    """Draw what a round starts from.

    The pairs depend on the seed and the round alone, so that all models of a round see the same;
    so do the order of the batches and the augmentation. The weights depend on the model's name too.
    Rounds for validation share neither a digit nor a random number with the others.

    Args:
        name: of the model.
        round: from 0.
        settings: what the round depends on beside these.
        mnist: the digits.
        split: the pairs, in place of those that are drawn.

    Raises:
        DataError: there are not as many digits as the settings ask for.
    """
    model, seed, validation = MODELS[name], settings.seed, settings.validation

    def drawn(*labels: str | int) -> Generator:
        return generator(seed, *(["validation"] if validation else []), *labels)

    if split is None:
        counts = settings.train_pairs, settings.test_pairs
        split = draw_split(mnist, *counts, drawn("pairs", round), validation)
    scaling = Scaling(split.train.images.mean(), split.train.images.std())
    pairs = split.train._replace(images=scaling(split.train.images))
    params, _ = model.net.init(drawn("weights", origin(name), round), (2, 14, 14))
    before = Epoch(0, params, (), 0.0)
    return Start(model, round, settings, split, scaling, pairs, before, drawn("batches", round))


def learn(start: Start) -> Iterator[Epoch]:
    """Train a round's model: `train`, from where the round starts.

    Raises:
        TrainingError: the loss became NaN or infinite; says in which model, round and epoch.
    """
    try:
        yield from train(start.model, start.epoch.params, start.pairs, start.settings, start.rng)
    except TrainingError as error:
        raise TrainingError(f"{start.model.name}, round {start.round}: {error}") from None


def finished(start: Start, epoch: Epoch) -> Trained:
    """Measure the norms after the last epoch, on all pairs that the round was trained on."""
    began = time.perf_counter()
    params = settled(start.model, epoch.params, start.pairs.images, start.rng)
    seconds = epoch.seconds + time.perf_counter() - began
    return Trained(params, start.scaling, start.split, seconds)


def train_round(
    name: str, round: int, settings: Settings, mnist: Mnist, split: Split | None = None
) -> Trained:
    """Draw the pairs of a round and train a model on them.

    Args: see `begin`.

    Raises:
        TrainingError: the loss became NaN or infinite; says in which model, round and epoch.
        DataError: there are not as many digits as the settings ask for.
    """
    start = begin(name, round, settings, mnist, split)
    last = start.epoch
    for epoch in learn(start):
        last = epoch
    return finished(start, last)


def row_of(name: str, round: int, settings: Settings, trained: Trained) -> Row:
    """Count the errors of what `train_round` gave, and see what its probabilities are worth."""
    model, (params, scaling, split, seconds) = MODELS[name], trained
    train_error, _ = errors(model, params, scaling, split.train)
    outputs, test = ask(model, params, scaling, split.test.images), split.test
    test_error, digit_error = shares(outputs, test)
    unequal = test.classes[:, 0] != test.classes[:, 1]
    swapped, *_ = ask(model, params, scaling, test.images[unequal].flip(1))
    digits = outputs[1] if len(outputs) > 1 else None
    return Row(
        name,
        round,
        settings.seed,
        tree.size(params),
        epochs_of(model, settings),
        lr_of(model, settings),
        train_error,
        test_error,
        digit_error,
        _milliseconds(seconds),
        measured(outputs[0], digits, swapped, test.target, test.classes),
    )


def run_round(name: str, round: int, settings: Settings, mnist: Mnist) -> Row:
    """Draw the pairs of a round, train a model on them and test it.

    Args, and what is raised: see `train_round`.
    """
    return row_of(name, round, settings, train_round(name, round, settings, mnist))


def _milliseconds(seconds: float) -> float:
    """Round a time to milliseconds, all that a row is worth."""
    return float(f"{seconds:.3f}")
