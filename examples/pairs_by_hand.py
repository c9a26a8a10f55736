"""The study of the pairs, by hand: which of two digits is the larger.

One network looks at either digit (weight sharing) and learns its class too (auxiliary loss), here
with funcdl's public names and the digits of `pairs.data` alone. What the study adds is rounds,
models to compare, augmentation and statistics: `funcdl-cli pairs`.
"""

import math
from typing import Annotated

import torch
import typer

from funcdl import (
    adam,
    batches,
    conv2d,
    cross_entropy,
    expand_dims,
    flatten,
    linear,
    max_pool2d,
    relu,
    schedules,
    serial,
    shared,
    stage,
    summary,
    supervised,
    tap,
    training_step,
    weighted_sum,
)
from pairs.data import draw_split, load_digits


def main(
    count: Annotated[int, typer.Option("--pairs", min=1, max=5000, help="To train on.")] = 1000,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training pairs.")] = 25,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
) -> None:
    """Compare two digits, with shared weights and an auxiliary loss."""
    torch.set_num_threads(1)
    rng = torch.Generator().manual_seed(seed)
    train, test = draw_split(load_digits(), count, 1000, rng)

    digit = serial(
        *(expand_dims(-1), conv2d(32, 3), max_pool2d(2), relu),
        *(conv2d(64, 3), max_pool2d(2), relu),
        *(flatten(3), linear(100), relu, linear(10)),
    )
    answer = serial(relu, flatten(2), linear(100), relu, linear(2))
    net = serial(shared(digit, axis=-3), tap(answer))  # the answer, and the digits beside it
    loss = weighted_sum((1.0, cross_entropy()), (1.0, cross_entropy()))
    print(summary(net, (2, 14, 14), rng), "\n")

    optimiser = adam(schedules.one_cycle(4e-3, epochs * math.ceil(count / 50)))
    params, _ = net.init(rng, (2, 14, 14))
    state = optimiser.init(params)
    step = stage(training_step(supervised(net, loss), optimiser))
    for epoch in range(1, epochs + 1):
        for batch in batches((train.images, (train.target, train.classes)), 50, rng):
            params, state, value = step(params, state, batch)
        if epoch % max(epochs // 5, 1) == 0:
            print(f"epoch {epoch:2d}: loss of the last batch {float(value):.4f}")

    (said, digits), _ = net(params, test.images)
    wrong, mistaken = said.argmax(-1) != test.target, digits.argmax(-1) != test.classes
    print(f"wrong answers to the 1,000 test pairs: {float(wrong.double().mean()):.1%}")
    print(f"digits taken for another: {float(mistaken.double().mean()):.1%}")


if __name__ == "__main__":
    typer.run(main)
