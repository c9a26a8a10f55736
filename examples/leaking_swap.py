"""An augmentation that knew too much: what pairs shown in both orders do to weight sharing.

Is the first digit at most the second? Show a pair in the other order, and there is a new example,
for free as it seems. But what is its answer? If the first digit was larger, it is the smaller now;
if it was at most the second, it may be larger or equal, and only the digits' classes tell which.
So a swap with its right answer hands class information to a model that is said to learn the
Boolean alone. It does more: each digit is now seen at both places, which is just what a network
that is shared between the places had before the others. An experiment on sharing with this swap in
it measures little of what sharing gives.

Here two networks for two digits and one for both are trained without the swap and with it, on the
same pairs, from the same weights.
"""

import json
from pathlib import Path
from typing import Annotated

import torch
import typer

from funcdl import adam, batches, schedules, stage, supervised, training_step
from pairs.data import Mnist, Pairs, draw_split, load_digits
from pairs.models import MODELS
from pairs.rates import rate
from studykit.seeds import generator
from studykit.statistics import interval

SEPARATE, SHARED = "conv-separate", "conv-shared"
BATCH = 50


def swapped(pairs: Pairs, rng: torch.Generator) -> Pairs:
    """Swap the digits of every other pair, and look the answer up in their classes: the leak."""
    swap = torch.rand(len(pairs.target), generator=rng) < 0.5
    images = torch.where(swap[:, None, None, None], pairs.images.flip(1), pairs.images)
    classes = torch.where(swap[:, None], pairs.classes.flip(1), pairs.classes)
    return Pairs(images, (classes[:, 0] <= classes[:, 1]).long(), classes)


def error(
    name: str, seed: int, round: int, leak: bool, mnist: Mnist, count: int, epochs: int
) -> float:
    """Train a model on the pairs of a round; return its share of wrong answers to fresh ones."""
    model = MODELS[name]
    train, test = draw_split(mnist, count, 5000, generator(seed, "pairs", round))
    mean, deviation = train.images.mean(), train.images.std()
    train = train._replace(images=(train.images - mean) / deviation)
    params, _ = model.net.init(generator(seed, "weights", name, round), (2, 14, 14))
    steps = epochs * -(-count // BATCH)
    optimiser = adam(schedules.one_cycle(rate(name), steps))
    state = optimiser.init(params)
    step = stage(training_step(supervised(model.net, model.loss), optimiser))
    rng = generator(seed, "batches", round)
    for _ in range(epochs):
        shown = swapped(train, rng) if leak else train
        order = torch.randperm(count, generator=rng)
        for batch in batches((shown.images, (shown.target,)), BATCH, order=order):
            params, state, _ = step(params, state, batch)
    (said,), _ = model.net(params, (test.images - mean) / deviation)
    return float((said.argmax(-1) != test.target).double().mean())


def main(
    rounds: Annotated[int, typer.Option(min=2, help="Of fresh pairs and weights.")] = 10,
    count: Annotated[int, typer.Option("--pairs", min=1, max=20000, help="To train on.")] = 1000,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the pairs.")] = 25,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
    out: Annotated[Path | None, typer.Option(help="A file for the errors, in JSON.")] = None,
) -> None:
    """Measure what sharing gives, without and with a swap that is answered from the classes."""
    torch.set_num_threads(1)
    mnist = load_digits()
    found = {}
    for leak in (False, True):
        errors = {
            name: [error(name, seed, i, leak, mnist, count, epochs) for i in range(rounds)]
            for name in (SEPARATE, SHARED)
        }
        gain = [shared - alone for alone, shared in zip(*errors.values())]
        mean, low, high = (100 * bound for bound in interval(gain) if bound is not None)
        said = "with the swap" if leak else "without"
        print(
            f"{said}: {', '.join(f'{k} {100 * sum(e) / rounds:.1f} %' for k, e in errors.items())}"
        )
        print(f"  sharing: {mean:+.2f} points [{low:+.2f}, {high:+.2f}]")
        found["swap" if leak else "none"] = {
            "errors": errors,
            "sharing": interval(gain)._asdict(),
        }
    if out is not None:
        settings = {"rounds": rounds, "pairs": count, "epochs": epochs, "seed": seed}
        out.write_text(json.dumps({"settings": settings, **found}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    typer.run(main)
