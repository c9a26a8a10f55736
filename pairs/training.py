"""Training one model on the pairs of one round, and counting its errors."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, NamedTuple

import torch
from torch import Generator, Tensor

from funcdl import adam, calibrate, supervised, tree
from funcdl.schedules import cosine, warm_up
from pairs.augment import augmented
from pairs.calibration import Calibration, measured
from pairs.data import Mnist, Pairs, Split, draw_split
from pairs.descent import TrainingError, descend
from pairs.models import MODELS, Model, origin
from pairs.rates import rate
from pairs.recipe import learn_digits
from studykit.schema import Share, Within
from studykit.seeds import generator

__all__ = [
    "Row",
    "Scaling",
    "Settings",
    "Trained",
    "TrainingError",
    "ask",
    "epochs_of",
    "errors",
    "lr_of",
    "row_of",
    "run_round",
    "train",
    "train_round",
]


class Settings(NamedTuple):
    """What a row depends on beside its model and round.

    `lr` is the peak of the learning rate, None for each model's own. `aux_weight` is the digits'
    loss for one of the Boolean's; it matters to models that learn both. `augment` is one of
    `pairs.augment.AUGMENTS`. A champion has epochs, batches, rate and augmentation of its own.
    """

    seed: int = 0
    epochs: int = 25
    batch_size: int = 50
    lr: float | None = None
    train_pairs: int = 1000
    test_pairs: int = 1000
    validation: bool = False
    aux_weight: float = 1.0
    augment: str = "shift"


Long = Annotated[int, Within(0, 2**63 - 1)]


class Row(NamedTuple):
    """The result of one round of one model; errors are fractions in [0, 1].

    `lr` is the peak of the rate that it was trained with. `digit_error` counts single digits taken
    for another, None where the model learns none; `seconds` is the time of the training alone.
    `calibration` is of the test pairs; a row that is older than it has None.
    """

    model: str
    round: Long
    seed: Long
    parameters: Long
    epochs: Long
    lr: Annotated[float, Within(0)]
    train_error: Share
    test_error: Share
    digit_error: Share | None
    seconds: Annotated[float, Within(0, 2**63)]
    calibration: Calibration | None = None

    def contradiction(self) -> str | None:
        """Say where the errors and the calibration cannot be of the same pairs."""
        if self.calibration is None:
            return None
        pairs, _, right = map(sum, zip(*self.calibration.bins))
        if abs(self.test_error * pairs - (pairs - right)) >= 1e-6:
            return (
                f"test_error: expected {(pairs - right) / pairs:g}, of the pairs of its "
                f"calibration, got {self.test_error:g}"
            )
        if (self.digit_error is None) != (self.calibration.own_digits is None):
            return "digit_error: expected one where calibration.own_digits is there, and only there"
        return None


class Scaling(NamedTuple):
    """Mean and deviation of the training images, which everything is scaled by."""

    mean: Tensor
    deviation: Tensor

    def __call__(self, images: Tensor) -> Tensor:
        """Scale images to mean 0 and deviation 1, as far as the training set tells."""
        return (images - self.mean) / self.deviation


class Trained(NamedTuple):
    """A round's parameters, what they were trained and are tested on, and the time it took."""

    params: Any
    scaling: Scaling
    split: Split
    seconds: float


def run_round(name: str, round: int, settings: Settings, mnist: Mnist) -> Row:
    """Draw the pairs of a round, train a model on them and test it.

    Args, and what is raised: see `train_round`.
    """
    return row_of(name, round, settings, train_round(name, round, settings, mnist))


def train_round(
    name: str,
    round: int,
    settings: Settings,
    mnist: Mnist,
    after: Callable[[Trained], None] | None = None,
    split: Split | None = None,
) -> Trained:
    """Draw the pairs of a round and train a model on them.

    The pairs depend on the seed and the round alone, so that all models of a round see the same;
    so do the order of the batches and the augmentation. The weights depend on the model's name too.
    Rounds for validation share neither a digit nor a random number with the others.

    Args:
        name: of the model.
        round: from 0.
        settings: what the round depends on beside these.
        mnist: the digits.
        after: handed, after each epoch, what there is by then, to look at and not to keep; the
            time that it takes is not the training's. A committee is trained without.
        split: the pairs, in place of those that are drawn.

    Raises:
        TrainingError: the loss became NaN or infinite; says in which model, round and epoch.
        DataError: there are not as many digits as the settings ask for.
    """
    model = MODELS[name]

    def drawn(*labels: str | int) -> Generator:
        apart = ["validation"] if settings.validation else []
        return generator(settings.seed, *apart, *labels)

    if split is None:
        split = draw_split(
            mnist,
            settings.train_pairs,
            settings.test_pairs,
            drawn("pairs", round),
            settings.validation,
        )
    scaling = Scaling(split.train.images.mean(), split.train.images.std())
    params, _ = model.net.init(drawn("weights", origin(name), round), (2, 14, 14))
    started, pause = time.perf_counter(), 0.0

    def look(now: Callable[[], Any]) -> None:
        nonlocal pause
        assert after is not None
        began = time.perf_counter()
        after(Trained(now(), scaling, split, began - started - pause))
        pause += time.perf_counter() - began

    try:
        params = train(
            model,
            params,
            split.train._replace(images=scaling(split.train.images)),
            settings,
            drawn("batches", round),
            None if after is None else look,
        )
    except TrainingError as error:
        raise TrainingError(f"{name}, round {round}: {error}") from None
    return Trained(params, scaling, split, time.perf_counter() - started - pause)


def row_of(name: str, round: int, settings: Settings, trained: Trained) -> Row:
    """Count the errors of what `train_round` gave, and see what its probabilities are worth."""
    model, (params, scaling, split, seconds) = MODELS[name], trained
    train_error, _ = errors(model, params, scaling, split.train)
    outputs, test = ask(model, params, scaling, split.test.images), split.test
    test_error, digit_error = _errors(outputs, test)
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
        round_to(seconds),
        measured(outputs[0], digits, swapped, test.target, test.classes),
    )


def epochs_of(model: Model, settings: Settings) -> int:
    """Count a model's epochs: those of the settings, more for a control, or its recipe's."""
    if model.recipe is not None:
        return model.recipe.epochs
    return int(settings.epochs * model.longer + 0.5)


def lr_of(model: Model, settings: Settings) -> float:
    """Return the peak of the rate that a model is trained with: the settings', or its own."""
    if model.recipe is not None:
        return model.recipe.lr
    return rate(model.name) if settings.lr is None else settings.lr


def train(
    model: Model,
    params: Any,
    pairs: Pairs,
    settings: Settings,
    rng: Generator,
    after: Callable[[Callable[[], Any]], None] | None = None,
) -> Any:
    """Train with Adam on a rate that rises for a tenth of the steps and then falls to 0.

    A model with a recipe learns from the single digits, by its recipe.

    Args:
        model: which network and loss.
        params: its initial parameters; they are not written to.
        pairs: scaled images, with their targets.
        settings: epochs, batch size, peak rate, augmentation and weight of the auxiliary loss.
        rng: draws the augmentation and the order of the pairs, anew for each epoch.
        after: handed, after each epoch, a function that gives the parameters, with the norms
            measured on some of the pairs; but for a committee's.

    Returns:
        The trained parameters, with the norms measured on the pairs as they are.

    Raises:
        TrainingError: the parameters after an epoch, or its last loss, are not finite.

    The rate's course is that of Smith, "Super-convergence" (2018), with a cosine's fall.
    """
    if model.recipe is not None:
        digit, *rest = params
        images, classes = pairs.images.flatten(0, 1), pairs.classes.flatten()
        look = None if after is None else lambda learnt: after(lambda: (learnt(), *rest))
        return (learn_digits(model.recipe, digit, images, classes, rng, look), *rest)

    def batches() -> Iterator[Any]:
        images = augmented(pairs.images, settings.augment, rng)
        order = torch.randperm(len(images), generator=rng)
        parts = (images, *(pairs.target, pairs.classes)[: model.outputs])
        for x, *targets in zip(*(torch.split(part[order], settings.batch_size) for part in parts)):
            yield x, tuple(targets)

    def settled(learnt: Any, images: Tensor = pairs.images) -> Any:
        if not model.normed:
            return learnt
        # A generator of its own, so that looking changes no number that is drawn later.
        return calibrate(model.net, learnt, torch.split(images, SOME), Generator())

    epochs = epochs_of(model, settings)
    steps = epochs * math.ceil(len(pairs.target) / settings.batch_size)
    rise, peak = max(steps // 10, 1), lr_of(model, settings)
    optimiser = adam(warm_up(rise, cosine(peak, max(steps - rise, 1)), start=0.04))
    objective = supervised(model.net, model.weighted(settings.aux_weight))
    look = None if after is None else lambda now: after(lambda: settled(now, pairs.images[:SOME]))
    draws = rng if model.normed else None
    return settled(descend(objective, optimiser, params, epochs, batches, draws, after=look))


SOME = 250
"""Pairs a batch where norms are measured."""


def errors(model: Model, params: Any, scaling: Scaling, pairs: Pairs) -> tuple[float, float | None]:
    """Count the pairs answered wrongly, and the digits taken for another; as fractions.

    The second is None for a model that learns no digits.
    """
    return _errors(ask(model, params, scaling, pairs.images), pairs)


CHUNK = 100
"""Pairs that are looked at together: more do not fit the processor's caches."""


def ask(model: Model, params: Any, scaling: Scaling, images: Tensor) -> list[Tensor]:
    """Return all outputs of a trained model for pairs (N, 2, 14, 14), some pairs at a time."""
    chunks = [model.net(params, scaling(some))[0] for some in torch.split(images, CHUNK)]
    return [torch.cat(parts) for parts in zip(*chunks)]


def _errors(outputs: Sequence[Tensor], pairs: Pairs) -> tuple[float, float | None]:
    wrong = outputs[0].argmax(-1) != pairs.target
    if len(outputs) == 1:
        return _fraction(wrong), None
    return _fraction(wrong), _fraction(outputs[1].argmax(-1) != pairs.classes)


def _fraction(wrong: Tensor) -> float:
    return int(wrong.sum()) / wrong.numel()


def round_to(seconds: float) -> float:
    """Round a time to milliseconds, all that a row is worth."""
    return float(f"{seconds:.3f}")
