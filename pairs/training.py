"""Training one model, epoch after epoch, and counting its errors."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NamedTuple

import torch
from torch import Generator, Tensor

from funcdl import adam, batches, calibrate, supervised
from funcdl.schedules import Schedule, cosine, warm_up
from pairs.augment import augmented
from pairs.calibration import Calibration
from pairs.data import Pairs
from pairs.descent import Epoch, TrainingError, descend
from pairs.models import Model
from pairs.rates import rate
from pairs.recipe import learn_digits, measured
from pairs.stack import stacked
from studykit.schema import Share, Within

__all__ = [
    "Row",
    "Scaling",
    "Settings",
    "TrainingError",
    "ask",
    "epochs_of",
    "errors",
    "lr_of",
    "settled",
    "shares",
    "train",
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
    `calibration` is of the test pairs; a row that is older than it has None. `device` is where the
    round was trained, and `stack` how many were in one pass: of their time, each has its share.
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
    device: str = "cpu"
    stack: Annotated[int, Within(1, 2**63 - 1)] = 1

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
    """Mean and deviation of the training images, which everything is scaled by.

    Those of a stack are (models,) each.
    """

    mean: Tensor
    deviation: Tensor

    def __call__(self, images: Tensor) -> Tensor:
        """Scale images to mean 0 and deviation 1, as far as the training set tells.

        Args:
            images: (*models, N, 2, 14, 14), wherever they are.

        Returns:
            Images on the device of the mean.
        """
        mean, deviation = (own.view(-1, 1, 1, 1, 1) if own.ndim else own for own in self)
        return (images.to(mean.device) - mean) / deviation


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
    settings: Sequence[Settings],
    rngs: Sequence[Generator],
) -> Iterator[Epoch]:
    """Train with Adam on a rate that rises for a tenth of the steps and then falls to 0.

    A model with a recipe learns from the single digits, by its recipe.

    Several rounds are trained in one pass, on a leading model axis of parameters and pairs; one
    round alone has no such axis. Everything is drawn on the CPU and then brought to where the pairs
    are, so that a round is drawn the same numbers wherever and beside whomever it is trained.

    Args:
        model: which network and loss.
        params: its initial parameters; they are not written to.
        pairs: scaled images (*models, N, 2, 14, 14), with their targets.
        settings: one a round: epochs, batch size, peak rate, augmentation and weight of the
            auxiliary loss, of which rate and weight may differ.
        rngs: one a round; draw the augmentation and the order of its pairs, anew for each epoch.

    Yields:
        Where it stands after each epoch, the norms not yet measured (see `settled`); a committee
        once, when its last member is trained. It ends early where no round is finite any more.

    The rate's course is that of Smith, "Super-convergence" (2018), with a cosine's fall.
    """
    if model.recipe is not None:
        digit, *rest = params
        images, classes = pairs.images.flatten(0, 1), pairs.classes.flatten()
        for epoch in learn_digits(model.recipe, digit, images, classes, *rngs):
            yield epoch._replace(params=(epoch.params, *rest))
        return

    def epoch_of_batches() -> Iterator[Any]:
        images = augmented(pairs.images, common.augment, rngs)
        order = stacked([torch.randperm(count, generator=rng) for rng in rngs])
        parts = (images, *(pairs.target, pairs.classes)[: model.outputs])
        shuffled = tuple(_picked(parts, order.to(images.device)))
        for x, *targets in batches(shuffled, common.batch_size, axis=models):
            yield x, tuple(targets)

    *axes, count = pairs.target.shape
    common, device = settings[0], pairs.images.device
    models, epochs = len(axes), epochs_of(model, common)
    steps = epochs * math.ceil(count / common.batch_size)
    peaks = _each([lr_of(model, own) for own in settings], device)
    weights = _each([own.aux_weight for own in settings], device)
    objective = supervised(model.net, model.weighted(weights, models))
    draws = None
    if model.normed:  # a sign of training: nothing is drawn from it
        draws = rngs[0] if device == rngs[0].device else Generator(device)
    run = (epoch_of_batches() for _ in range(epochs))
    yield from descend(objective, adam(_course(peaks, steps)), params, run, draws)


def _each(values: Sequence[float], device: torch.device) -> float | Tensor:
    """Return the value of all rounds, or one for each as a tensor."""
    if len({*values}) == 1:
        return values[0]
    return torch.tensor(values, dtype=torch.float64, device=device)


def _course(peak: float | Tensor, steps: int) -> Schedule:
    """Rise for a tenth of the steps and then fall, one rate for all rounds or one for each."""
    rise = max(steps // 10, 1)
    fall = max(steps - rise, 1)
    if not isinstance(peak, Tensor):
        return warm_up(rise, cosine(peak, fall), start=0.04)
    course = warm_up(rise, cosine(1.0, fall), start=0.04)
    return lambda count: course(count) * peak


def _picked(parts: Sequence[Tensor], order: Tensor) -> list[Tensor]:
    """Put what each round has, (*models, N, …), in an order of its own, (*models, N)."""
    if order.ndim == 1:
        return [part[order] for part in parts]
    rounds = torch.arange(len(order), device=order.device)[:, None]
    return [part[rounds, order] for part in parts]


def settled(model: Model, params: Any, images: Tensor, rng: Generator) -> Any:
    """Measure the norms of what `train` gave, so that the network can be asked.

    Args:
        model: which network; one without norms has nothing to measure.
        params: its parameters, or those of a stack; they are not written to.
        images: (*models, N, 2, 14, 14), scaled; as they are, not augmented.
        rng: that of `train`; a copy draws what a recipe drops meanwhile, so that looking changes no
            number that is drawn later.

    Returns:
        The parameters, their norms measured.
    """
    draws = Generator().set_state(rng.get_state())
    if model.recipe is not None:
        digit, *rest = params
        return (measured(model.recipe, digit, images.flatten(0, 1), draws), *rest)
    if not model.normed:
        return params
    return calibrate(model.net, params, torch.split(images, SOME, -4), draws)


SOME = 250
"""Pairs a batch where norms are measured."""


def errors(model: Model, params: Any, scaling: Scaling, pairs: Pairs) -> tuple[float, float | None]:
    """Count the pairs answered wrongly, and the digits taken for another; as fractions.

    The second is None for a model that learns no digits.
    """
    return shares(ask(model, params, scaling, pairs.images), pairs)


CHUNKS = {"cpu": 100}
"""Pairs that are looked at together: more do not fit the processor's caches."""

CHUNK = 10_000
"""On another device, which takes as long for few."""


def ask(model: Model, params: Any, scaling: Scaling, images: Tensor) -> list[Tensor]:
    """Ask a trained model, or each of a stack, some pairs at a time.

    Args:
        model: which network.
        params: its parameters, wherever they are.
        scaling: that of its training images, beside them.
        images: (*models, N, 2, 14, 14), wherever they are.

    Returns:
        All outputs, on the CPU.
    """
    axis = images.ndim - 4
    most = CHUNKS.get(scaling.mean.device.type, CHUNK)
    chunk = max(most // images.shape[:axis].numel(), 10)
    chunks = [model.net(params, scaling(some))[0] for some in torch.split(images, chunk, axis)]
    return [torch.cat(parts, axis).cpu() for parts in zip(*chunks)]


def shares(outputs: list[Tensor], pairs: Pairs) -> tuple[float, float | None]:
    """Count in a model's outputs what `errors` counts."""
    wrong = outputs[0].argmax(-1) != pairs.target
    if len(outputs) == 1:
        return _share(wrong), None
    return _share(wrong), _share(outputs[1].argmax(-1) != pairs.classes)


def _share(wrong: Tensor) -> float:
    return int(wrong.sum()) / wrong.numel()
