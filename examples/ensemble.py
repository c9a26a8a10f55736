"""An ensemble in one pass: many networks stacked on a leading axis, trained by the same layers.

Each network starts from weights of its own and learns the same curve from the same few noisy
points. Where there are points, they agree; where there are none, each says something else, and
their spread warns: Lakshminarayanan, Pritzel and Blundell, "Simple and scalable predictive
uncertainty estimation using deep ensembles" (2017).
"""

import time
from typing import Annotated, Any

import torch
import typer
from torch import Generator, Tensor

from funcdl import (
    adam,
    linear,
    mse,
    schedules,
    serial,
    stage,
    supervised,
    tanh,
    training_step,
    tree,
)

NET = serial(linear(32), tanh, linear(32), tanh, linear(1))


def curve(x: Tensor) -> Tensor:
    """Give what is to be learnt."""
    return torch.sin(2 * x) + x / 4


def data(rng: Generator) -> tuple[Tensor, Tensor]:
    """Draw 40 points left and 40 right of a gap around 0, with noise of deviation 0.1."""
    x = torch.rand(80, 1, generator=rng) * 2 + 1
    x[:40] *= -1
    return x, curve(x) + 0.1 * torch.randn(80, 1, generator=rng)


def train(params: Any, x: Tensor, t: Tensor, steps: int) -> Any:
    """Take steps with all points; parameters with a leading axis are so many networks."""
    models = x.ndim - 2
    optimiser = adam(schedules.cosine(4e-2, steps))
    step = stage(training_step(supervised(NET, mse(models=models)), optimiser))
    state = optimiser.init(params)
    for _ in range(steps):
        params, state, _ = step(params, state, (x, t))
    return params


def main(
    networks: Annotated[int, typer.Option(min=2, help="In the ensemble.")] = 20,
    steps: Annotated[int, typer.Option(min=1, help="Of Adam, with all points.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
) -> None:
    """Train networks in one pass, show mean and spread, and the time against one by one."""
    torch.set_num_threads(1)
    rng = Generator().manual_seed(seed)
    x, t = data(rng)
    inits = [NET.init(rng, (1,))[0] for _ in range(networks)]

    start = time.perf_counter()
    ensemble = train(tree.stack(inits), x.expand(networks, *x.shape), t, steps)
    together = time.perf_counter() - start
    start = time.perf_counter()
    alone = [train(params, x, t, steps) for params in inits]
    one_by_one = time.perf_counter() - start

    where = torch.linspace(-4, 4, 17).unsqueeze(-1)
    y, _ = NET(ensemble, where.expand(networks, *where.shape))
    mean, spread = y.mean(0), y.std(0)
    print("    x   curve    mean  spread")
    for row in torch.cat([where, curve(where), mean, spread], -1).tolist():
        seen = 1 <= abs(row[0]) <= 3
        bar = "#" * min(round(row[3] * 20), 40)
        print(
            "{:5.1f} {:7.2f} {:7.2f} {:7.2f}  ".format(*row) + ("seen " if seen else "     ") + bar
        )

    again, _ = NET(tree.stack(alone), where.expand(networks, *where.shape))
    print(f"\n{networks} networks, {steps} steps: {together:.2f} s in one pass, ", end="")
    print(f"{one_by_one:.2f} s one by one, {one_by_one / together:.1f} times as long")
    apart = float((y - again).abs().max())
    print(f"Either way gives the same but for rounding, which training magnifies to {apart:.0e}.")


if __name__ == "__main__":
    typer.run(main)
