"""The disc, with functions: parameters, state and batch go in, new ones come out.

Points drawn in [0, 1]², labelled by whether they lie in the disc around the middle that covers
half of it; three hidden layers of 25 units; SGD on the mean squared error, at a rate that falls
along a line. `disc_modules.py` does the same with modules, and prints the same numbers, digit for
digit.
"""

import math
from typing import Annotated

import torch
import typer

import disc
from funcdl import batches, linear, mse, relu, schedules, serial, sgd, supervised, training_step


def main(
    points: Annotated[int, typer.Option(min=1, help="Points to train on, and to test on.")] = 1000,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over them.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
) -> None:
    """Learn the disc with pure functions."""
    torch.set_num_threads(1)
    rng = torch.Generator().manual_seed(seed)
    train, test = disc.draw(points, rng), disc.draw(points, rng)

    net = serial(linear(25), relu, linear(25), relu, linear(25), relu, linear(2))
    params, _ = net.init(rng, (2,))
    optimiser = sgd(schedules.polynomial(0.5, 0.0, epochs * math.ceil(points / 25)))
    state = optimiser.init(params)
    # A step is a function; stage(step) would take the same steps several times faster.
    step = training_step(supervised(net, mse()), optimiser)

    for epoch in range(1, epochs + 1):
        total = 0.0
        for batch in batches(tuple(train), 25, rng):
            params, state, loss = step(params, state, batch)
            total += float(loss) * len(batch[0]) / points
        if epoch % max(epochs // 5, 1) == 0:
            print(f"epoch {epoch:3d}: loss {total:.6f}")

    for name, (x, target) in (("train", train), ("test", test)):
        y, _ = net(params, x)
        wrong = (y.argmax(-1) != target.argmax(-1)).double().mean()
        print(f"{name} error {float(wrong):.2%}")


if __name__ == "__main__":
    typer.run(main)
