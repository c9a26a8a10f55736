"""What an auxiliary loss does to the learning of the pairs: errors on the test pairs by epoch."""

from __future__ import annotations

from typing import Any

import torch

from funcdl import (
    Layer,
    adam,
    conv2d,
    cross_entropy,
    expand_dims,
    flatten,
    linear,
    max_pool2d,
    relu,
    serial,
    shared,
    stage,
    supervised,
    tap,
    training_step,
    weighted_sum,
)
from pairs.data import Split, draw_split, load_digits
from studykit.svg.diagram import diagram, path, straight, words
from studykit.svg.elements import element

__all__ = ["curves"]

EPOCHS, ROUNDS = 25, 3
LEFT, RIGHT, TOP, BOTTOM, HIGHEST = 56, 488, 24, 264, 50


def network() -> Layer:
    """Make the tutorial's network of the pairs: 14,444 parameters, the digits' network shared."""
    digit = serial(
        *(expand_dims(-1), conv2d(16, 3), max_pool2d(2), relu),
        *(conv2d(32, 3), max_pool2d(2), relu),
        *(flatten(3), linear(64), relu, linear(10)),
    )
    answer = serial(relu, flatten(2), linear(32), relu, linear(2))
    return serial(shared(digit, axis=-3), tap(answer))


def learn(weight: float, split: Split, seed: int) -> list[float]:
    """Train with that weight of the digits' loss; return the test error after each epoch, in %."""
    rng = torch.Generator().manual_seed(seed)
    net = network()
    loss = weighted_sum((1.0, cross_entropy()), (weight, cross_entropy()))
    params, _ = net.init(rng, (2, 14, 14))
    optimiser = adam(2e-3)
    state: Any = optimiser.init(params)
    step = stage(training_step(supervised(net, loss), optimiser))
    (images, target, classes), test = split
    mean, deviation = images.mean(), images.std()
    x, errors = (images - mean) / deviation, []
    for _ in range(EPOCHS):
        for i in torch.randperm(len(x), generator=rng).split(50):
            params, state, _ = step(params, state, (x[i], (target[i], classes[i])))
        (said, _), _ = net(params, (test.images - mean) / deviation)
        errors.append(100 * float((said.argmax(-1) != test.target).double().mean()))
    return errors


def curves() -> str:
    """Train 3 rounds with the auxiliary loss and 3 without, on the same pairs, and draw them."""
    mnist = load_digits()
    found: dict[float, list[list[float]]] = {0.0: [], 1.0: []}
    for seed in range(ROUNDS):
        split = draw_split(mnist, 1000, 1000, torch.Generator().manual_seed(seed))
        for weight, rounds in found.items():
            rounds.append(learn(weight, split, seed))
    return drawn(found[0.0], found[1.0])


def drawn(without: list[list[float]], aided: list[list[float]]) -> str:
    """Draw the errors of each round by epoch, and write where they end."""
    parts = []
    for mark in range(0, HIGHEST + 1, 10):
        parts.append(straight(LEFT, _y(mark), RIGHT, _y(mark), "quiet"))
        parts.append(words(LEFT - 8, _y(mark) + 5, f"{mark} %", "quiet", "end"))
    marks = range(5, EPOCHS + 1, 5)
    parts += [words(_x(epoch), BOTTOM + 20, str(epoch), "quiet") for epoch in marks]
    parts.append(words((LEFT + RIGHT) / 2, BOTTOM + 40, "epoch", "quiet"))
    title = "Errors on the test pairs by epoch. "
    for rounds, label, kind, mark in (
        (without, "without auxiliary loss", "back", "minus"),
        (aided, "with auxiliary loss", "accent", "ink"),
    ):
        for errors in rounds:
            points = (f"{_x(i + 1):.1f} {_y(error):.1f}" for i, error in enumerate(errors))
            parts.append(path("M" + "L".join(points), kind))
        last = sum(errors[-1] for errors in rounds) / len(rounds)
        parts.append(element("circle", kind=mark, cx=RIGHT + 14, cy=f"{_y(last):.1f}", r=4))
        parts.append(words(RIGHT + 24, _y(last) + 5, f"{label}: {last:.1f} %", "", "start"))
        title += f"{label.capitalize()} {last:.1f} % in the end, the mean of {len(rounds)} rounds. "
    return diagram(740, BOTTOM + 54, title.strip(), parts)


def _x(epoch: float) -> float:
    return LEFT + (RIGHT - LEFT) * (epoch - 1) / (EPOCHS - 1)


def _y(error: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * min(error, HIGHEST) / HIGHEST
