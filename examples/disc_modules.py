"""The disc, with modules: they keep their parameters, gradients and what the backward pass needs.

The task, the draws and the steps are those of `disc_functional.py`, and so are the numbers that it
prints, digit for digit: a module is a layer that remembers.
"""

import math
from typing import Annotated

import torch
import typer

import disc
from funcdl import SGD, Linear, LossMSE, ReLU, Sequential, batches, schedules
from funcdl.initialisers import fan_in_uniform, zeros


def main(
    points: Annotated[int, typer.Option(min=1, help="Points to train on, and to test on.")] = 1000,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over them.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
) -> None:
    """Learn the disc with modules."""
    torch.set_num_threads(1)
    rng = torch.Generator().manual_seed(seed)
    train, test = disc.draw(points, rng), disc.draw(points, rng)

    def linear(inputs: int, outputs: int) -> Linear:
        # As the layer begins, with a bias of 0; without these it begins as PyTorch's module.
        return Linear(inputs, outputs, rng=rng, w_init=fan_in_uniform, b_init=zeros)

    model = Sequential(
        *(linear(2, 25), ReLU()),
        *(linear(25, 25), ReLU()),
        *(linear(25, 25), ReLU()),
        linear(25, 2),
    )
    criterion = LossMSE()
    rate = schedules.polynomial(0.5, 0.0, epochs * math.ceil(points / 25))
    optimiser = SGD(model.param(), lr=rate)

    for epoch in range(1, epochs + 1):
        total = 0.0
        for x, target in batches(tuple(train), 25, rng):
            optimiser.zero_grad()
            loss = criterion.forward(model.forward(x), target)
            model.backward(criterion.backward())
            optimiser.step()
            total += float(loss) * len(x) / points
        if epoch % max(epochs // 5, 1) == 0:
            print(f"epoch {epoch:3d}: loss {total:.6f}")

    for name, (x, target) in (("train", train), ("test", test)):
        wrong = (model.forward(x).argmax(-1) != target.argmax(-1)).double().mean()
        print(f"{name} error {float(wrong):.2%}")


if __name__ == "__main__":
    typer.run(main)
