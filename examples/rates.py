"""A hundred learning rates in one pass: each is a model of a stack, with a rate of its own.

All begin with the same weights and see the same batches of the disc, so that nothing but the rate
differs. Those that are too large learn nothing, and disturb nobody: the models share no number.
"""

import time
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Generator, Tensor

import disc
from funcdl import Optimiser, adam, batches, mse, stage, supervised, training_step, tree
from studykit.capture import capture_on
from studykit.svg.curves import Curve, Point, curves
from studykit.svg.standalone import alone

NET = disc.network((25, 25, 25), "tanh")


def train(params: Any, optimiser: Optimiser, seen: list[tuple[Tensor, Tensor]]) -> Any:
    """Take a step with each batch; parameters with a leading axis are so many networks."""
    models = tree.leaves(params)[0].ndim - 2
    x, t = seen[0]
    step = stage(
        training_step(supervised(NET, mse(models=models)), optimiser),
        capture=capture_on(x.device),
    )
    state = optimiser.init(params)
    stack = tree.leaves(params)[0].shape[:models]
    for x, t in seen:
        params, state, _ = step(params, state, (x.expand(*stack, *x.shape), t))
    return params


def errors(params: Any, points: disc.Points) -> Tensor:
    """Count the points that each network takes for those of the other side; NaN is wrong."""
    stack = tree.leaves(params)[0].shape[:-2]
    y, _ = NET(params, points.x.expand(*stack, *points.x.shape))
    right = y.argmax(-1).eq(points.target.argmax(-1)).logical_and(y.isfinite().all(-1))
    return 1 - right.double().mean(-1)


def main(
    rates: Annotated[int, typer.Option(min=2, help="From 0.0001 to 1.")] = 100,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over 1,000 points.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
    out: Annotated[Path | None, typer.Option(help="SVG file for the errors by rate.")] = None,
) -> None:
    """Train a network with each rate, all in one pass, and find the best."""
    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    rng = Generator(device).manual_seed(seed)
    points, test = disc.draw(1000, rng), disc.draw(10_000, rng)
    seen = [batch for _ in range(epochs) for batch in batches(tuple(points), 100, rng)]
    params, _ = NET.init(rng, (2,))
    each = torch.logspace(-4, 0, rates, dtype=torch.float64, device=device)

    with torch.inference_mode():
        start = time.perf_counter()
        stacked = train(tree.stack([params] * rates), adam(each), seen)
        found = errors(stacked, test).tolist()
        together = time.perf_counter() - start
        start = time.perf_counter()
        best = min(range(rates), key=found.__getitem__)
        alone_error = float(errors(train(params, adam(float(each[best])), seen), test))
        once = time.perf_counter() - start

    for i in range(0, rates, max(rates // 10, 1)):
        print(f"rate {float(each[i]):7.5f}   test error {found[i]:6.2%}")
    print(f"\nbest: rate {float(each[best]):.3g}, test error {found[best]:.2%}; ", end="")
    print(f"alone it has {alone_error:.2%}")
    print(f"{rates} rates in {together:.1f} s, one in {once:.1f} s: ", end="")
    print(f"{rates * once / together:.0f} times faster than one by one")
    if out is not None:
        line = [
            Point(float(f"{rate:.3g}"), 100 * error, None, None)
            for rate, error in zip(each.tolist(), found)
        ]
        drawn = curves(
            "rates",
            "Test error by learning rate",
            "learning rate",
            "error in %",
            [Curve("Adam", line)],
        )
        out.write_text(alone(drawn), encoding="utf-8")
        print(f"drawn in {out}")


if __name__ == "__main__":
    typer.run(main)
