"""Rounds of one model, watched: what they trained, and the details that a row has no room for."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from funcdl import tree
from pairs.calibration import MOST
from pairs.data import Mnist, Pairs
from pairs.descent import Epoch
from pairs.details import PICTURES, Details, Mistake
from pairs.rounds import Start, Trained, begin, finished, learn
from pairs.stack import stacked, unstacked
from pairs.training import Settings, TrainingError, ask, epochs_of, settled, shares

__all__ = ["Look", "watch", "watch_round", "watched"]

SOME = 250
"""Training pairs that a look is taken at: at all of them it would take a third of the epoch."""


class Look(NamedTuple):
    """A look at the rounds of a model after an epoch.

    Attributes:
        epoch: where training stands, the norms not yet measured.
        losses: of each round the Boolean's mean cross-entropy on some of its training pairs.
        test_errors: of each round the share of its test pairs that are answered wrongly.
    """

    epoch: Epoch
    losses: list[float]
    test_errors: list[float]


def watch(start: Start) -> Iterator[Look]:
    """Train the rounds of a model as `learn` does, and look at them after each epoch.

    The looks draw no random numbers and their time is not the training's: what is trained is the
    same.

    Yields:
        A look an epoch; at a committee one, when its last member is trained. Where the last round
        has diverged there is nothing to look at: no losses, no errors.
    """
    model, scaling, count = start.model, start.scaling, len(start.rounds)
    tests = [split.test for split in start.splits]
    somes = [Pairs(*(part[:SOME] for part in split.train)) for split in start.splits]
    device = start.pairs.images.device
    test, some = (stacked([pairs.images for pairs in asked]).to(device) for asked in (tests, somes))
    images = start.pairs.images
    if not model.recipe:
        images = images.narrow(-4, 0, min(SOME, images.shape[-4]))
    for epoch in learn(start):
        if len(epoch.lost) == count:
            yield Look(epoch, [], [])
            return
        params = settled(model, epoch.params, images, start.rngs[0])
        seen = unstacked(ask(model, params, scaling, some), count)
        answers = unstacked(ask(model, params, scaling, test), count)
        losses = [_loss(own[0], pairs.target) for own, pairs in zip(seen, somes)]
        yield Look(epoch, losses, [shares(own, pairs)[0] for own, pairs in zip(answers, tests)])


def watched(start: Start) -> list[tuple[Trained, Details] | TrainingError]:
    """Do what `learnt` does, and look at each round after each epoch and at its mistakes."""
    last, looks = start.epoch, []
    for look in watch(start):
        last = look.epoch
        looks.append(look)
    return [
        one if isinstance(one, TrainingError) else (one, _details(start, place, looks, one))
        for place, one in enumerate(finished(start, last))
    ]


def watch_round(name: str, round: int, settings: Settings, mnist: Mnist) -> tuple[Trained, Details]:
    """Do what `train_round` does, and look at the model after each epoch and at its mistakes.

    Raises:
        TrainingError: the loss became NaN or infinite; says in which model, round and epoch.
        DataError: there are not as many digits as the settings ask for.
    """
    (found,) = watched(begin(name, round, settings, mnist))
    if isinstance(found, TrainingError):
        raise found
    return found


def _details(start: Start, place: int, looks: Sequence[Look], trained: Trained) -> Details:
    model, test = start.model, trained.split.test
    # A committee, which is there only when its last member is, has no curves.
    curves = looks if len(looks) == epochs_of(model, start.settings[place]) else []
    outputs = ask(model, trained.params, trained.scaling, test.images)
    p = outputs[0].softmax(-1)[:, 1].nan_to_num(0.5)
    guesses = outputs[1].argmax(-1) if len(outputs) > 1 else None
    wrong = outputs[0].argmax(-1) != test.target
    mistakes = _mistakes(p, guesses, wrong, test)
    return Details(
        model.name,
        start.rounds[place],
        [_kept(look.losses[place]) for look in curves],
        [look.test_errors[place] for look in curves],
        mistakes,
        [_encoded(test.images[mistake.pair]) for mistake in mistakes[:PICTURES]],
        _kinds(wrong, test.classes),
        None if guesses is None else _confusion(guesses, test.classes),
        _filters(trained.params) if start.rounds[place] == 0 else [],
    )


def _kept(loss: float) -> float:
    """Round a loss; a round in which a look finds NaN goes on, as it does unwatched."""
    return float(f"{loss if loss < MOST else MOST:.4g}")


def _loss(logits: Tensor, target: Tensor) -> float:
    """Measure the Boolean's mean cross-entropy, −log P(the right answer)."""
    return float(-logits.log_softmax(-1).gather(-1, target[:, None]).mean())


def _mistakes(p: Tensor, guesses: Tensor | None, wrong: Tensor, pairs: Pairs) -> list[Mistake]:
    """List what is wrong; the answer that is least in doubt comes first."""
    order = (p - 0.5).abs().argsort(descending=True, stable=True)
    found = []
    for i in order[wrong[order]].tolist():
        first, second = pairs.classes[i].tolist()
        taken = None if guesses is None else (int(guesses[i, 0]), int(guesses[i, 1]))
        found.append(Mistake(i, (first, second), taken, float(f"{float(p[i]):.6g}")))
    return found


def _encoded(images: Tensor) -> str:
    """Encode two digits in [0, 1] as the bytes that they were."""
    pixels = (images * 255).round().to(torch.uint8)
    return b64encode(bytes(pixels.flatten().tolist())).decode()


def _kinds(wrong: Tensor, classes: Tensor) -> list[list[int]]:
    """Count the pairs, and the wrong ones among them: equal, differing by one, by more."""
    apart = (classes[:, 0] - classes[:, 1]).abs()
    kinds = (apart == 0, apart == 1, apart > 1)
    return [[int(kind.sum()), int((kind & wrong).sum())] for kind in kinds]


def _confusion(guesses: Tensor, classes: Tensor) -> list[list[int]]:
    """Count how often each digit is taken for each: (10, 10), true digits down, guesses across."""
    cells = (10 * classes + guesses).flatten()
    counts: list[list[int]] = cells.bincount(minlength=100).view(10, 10).tolist()
    return counts


def _filters(params: Any) -> list[Any]:
    """Return the kernels that read the images, rounded: (filters, channels, height, width) each.

    A kernel is (height, width, channels, filters), and the first alone has but one channel, or
    the two of a pair.
    """
    kernels = [leaf for leaf in tree.leaves(params) if leaf.ndim == 4 and leaf.shape[2] <= 2]
    return [
        [[[[round(w, 4) for w in row] for row in image] for image in unit] for unit in kernel]
        for kernel in (leaf.permute(3, 2, 0, 1).tolist() for leaf in kernels)
    ]
