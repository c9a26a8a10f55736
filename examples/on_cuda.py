"""All of MNIST, on CUDA where there is one.

Nothing in a network says where it runs: parameters are drawn on the generator's device, and every
layer works where its parameters and inputs are. On CUDA the staged step is captured as one graph.
"""

import time
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
    stage,
    supervised,
    training_step,
)
from pairs.data import load_digits
from studykit.capture import capture_on


def main(
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training digits.")] = 1,
    digits: Annotated[int, typer.Option(min=100, max=60000, help="To train on.")] = 60000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
) -> None:
    """Learn the digits of MNIST on the fastest device there is."""
    if torch.cuda.is_available():
        device = torch.device("cuda")
        print(f"Running on {torch.cuda.get_device_name()}.")
    else:
        device = torch.device("cpu")
        torch.set_num_threads(1)  # batches are too small for more to be worth their meeting
        print("PyTorch finds no CUDA device here: running on the CPU.")
    rng = torch.Generator(device).manual_seed(seed)
    (train, labels), (test, truth) = (
        (part.images.to(device).float() / 255, part.labels.to(device)) for part in load_digits()
    )

    net = serial(
        *(expand_dims(-1), conv2d(32, 3), max_pool2d(2), relu),
        *(conv2d(64, 3), max_pool2d(2), relu),
        *(flatten(3), linear(100), relu, linear(10)),
    )
    params, _ = net.init(rng, (14, 14))
    optimiser = adam(schedules.one_cycle(5e-3, epochs * (digits // 100)))
    state = optimiser.init(params)
    step = stage(
        training_step(supervised(net, cross_entropy()), optimiser),
        capture=capture_on(device),
    )

    with torch.inference_mode():
        for epoch in range(1, epochs + 1):
            start = time.perf_counter()
            for batch in batches((train[:digits], labels[:digits]), 100, rng, drop_last=True):
                params, state, loss = step(params, state, batch)
            # Reading the loss waits for the device, so that the time is that of the work.
            print(f"epoch {epoch}: loss of the last batch {float(loss):.3f}, ", end="")
            print(f"{time.perf_counter() - start:.2f} s")

        y, _ = net(params, test)
        error = float((y.argmax(-1) != truth).double().mean())
    print(f"error on the {len(truth):,} test digits: {error:.2%}")


if __name__ == "__main__":
    typer.run(main)
