"""Rounds of one model: their pairs and first weights are drawn, they are trained and tested.

Several rounds are trained in one pass, on a leading model axis; one alone is a stack without one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Generator

from funcdl import InputError, tree
from pairs.calibration import measured
from pairs.data import Mnist, Pairs, Split, draw_split
from pairs.descent import Epoch
from pairs.models import MODELS, Model, origin
from pairs.stack import stacked, unstacked
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
    "learnt",
    "row_of",
    "run_round",
    "together",
    "train_round",
]


class Start(NamedTuple):
    """What rounds of one model start from, one or several.

    Of several, the tensors of `scaling`, `pairs` and `epoch` have a leading axis; all else is one
    a round.

    Attributes:
        model: what is trained.
        rounds: their numbers, from 0.
        settings: what each depends on beside these.
        splits: the pairs to train on and to test on.
        scaling: mean and deviation of the images to train on.
        pairs: those to train on, scaled.
        epoch: number 0, of the initial parameters.
        rngs: draw the batches.
    """

    model: Model
    rounds: tuple[int, ...]
    settings: tuple[Settings, ...]
    splits: tuple[Split, ...]
    scaling: Scaling
    pairs: Pairs
    epoch: Epoch
    rngs: tuple[Generator, ...]


class Trained(NamedTuple):
    """A round's parameters, what they were trained and are tested on, and the time it took.

    `stack` is how many rounds were trained in one pass; `seconds` is the round's share of the time.
    """

    params: Any
    scaling: Scaling
    split: Split
    seconds: float
    stack: int = 1


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
    batches = drawn("batches", round)
    return Start(model, (round,), (settings,), (split,), scaling, pairs, before, (batches,))


def together(starts: Sequence[Start], device: str | torch.device = "cpu") -> Start:
    """Have rounds start in one pass, on a device.

    Args:
        starts: of one round each; of one model, with settings that differ, if at all, in
            the rate and the weight of the auxiliary loss.
        device: where they are trained and tested.

    Raises:
        InputError: there are several, and the model's rounds can only be trained one by one.
    """
    first = starts[0]
    if len(starts) > 1 and not first.model.stackable:
        raise InputError(f"{first.model.name}: expected one round at a time, got {len(starts)}")

    def moved(parts: Sequence[Any]) -> Any:
        return stacked([tree.map(lambda leaf: leaf.to(device), part) for part in parts])

    return Start(
        first.model,
        tuple(start.rounds[0] for start in starts),
        tuple(start.settings[0] for start in starts),
        tuple(start.splits[0] for start in starts),
        moved([start.scaling for start in starts]),
        moved([start.pairs for start in starts]),
        first.epoch._replace(params=moved([start.epoch.params for start in starts])),
        tuple(start.rngs[0] for start in starts),
    )


def learn(start: Start) -> Iterator[Epoch]:
    """Train the rounds of a model: `train`, from where they start."""
    return train(start.model, start.epoch.params, start.pairs, start.settings, start.rngs)


def finished(start: Start, epoch: Epoch) -> list[Trained | TrainingError]:
    """Measure the norms after the last epoch, on all pairs that the rounds were trained on.

    Returns:
        What came of each round; of one that diverged, an error that says in which model, round and
        epoch.
    """
    began, count = time.perf_counter(), len(start.rounds)
    params = epoch.params
    if len(epoch.lost) < count:
        params = settled(start.model, params, start.pairs.images, start.rngs[0])
    seconds = (epoch.seconds + time.perf_counter() - began) / count
    found: list[Trained | TrainingError] = []
    each = zip(start.rounds, unstacked(params, count), unstacked(start.scaling, count))
    for place, (round, own, scaling) in enumerate(each):
        if place in epoch.lost:
            said = f"the loss is no longer finite after epoch {epoch.lost[place]}"
            found.append(TrainingError(f"{start.model.name}, round {round}: {said}"))
        else:
            found.append(Trained(own, scaling, start.splits[place], seconds, count))
    return found


def learnt(start: Start) -> list[Trained | TrainingError]:
    """Train the rounds of a model to the end, and give what came of each."""
    last = start.epoch
    for epoch in learn(start):
        last = epoch
    return finished(start, last)


def train_round(
    name: str, round: int, settings: Settings, mnist: Mnist, split: Split | None = None
) -> Trained:
    """Draw the pairs of a round and train a model on them.

    Args: see `begin`.

    Raises:
        TrainingError: the loss became NaN or infinite; says in which model, round and epoch.
        DataError: there are not as many digits as the settings ask for.
    """
    (trained,) = learnt(begin(name, round, settings, mnist, split))
    if isinstance(trained, TrainingError):
        raise trained
    return trained


def row_of(name: str, round: int, settings: Settings, trained: Trained) -> Row:
    """Count the errors of a round, and see what its model's probabilities are worth."""
    model, (params, scaling, split, seconds, stack) = MODELS[name], trained
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
        scaling.mean.device.type,
        stack,
    )


def run_round(name: str, round: int, settings: Settings, mnist: Mnist) -> Row:
    """Draw the pairs of a round, train a model on them and test it.

    Args, and what is raised: see `train_round`.
    """
    return row_of(name, round, settings, train_round(name, round, settings, mnist))


def _milliseconds(seconds: float) -> float:
    """Round a time to milliseconds, all that a row is worth."""
    return float(f"{seconds:.3f}")
