"""32 networks of the section `mlp` in one pass, on a leading model axis, at batch 10.

Each network has weights and batches of its own.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from benchmarks.harness import Entrant, Options, Report, Train, agree, compare, measure
from benchmarks.mlp import LR, NET, Affines, affines, draw, eager, eager_net, jax_step, jax_weights
from benchmarks.mlp import ours as ours_alone
from funcdl import mse, sgd, stage, supervised, training_step, tree

__all__ = ["run"]

MODELS, SIZE, EPOCH = 32, 10, 100

Batches = list[tuple[Tensor, Tensor]]


def run(options: Options) -> Report:
    """Measure a step of one network among 32, beside that of one alone."""
    inits = [NET.init(torch.Generator().manual_seed(i), (2,))[0] for i in range(MODELS)]
    streams = [draw(EPOCH, SIZE, torch.Generator().manual_seed(i)) for i in range(MODELS)]
    params, batches = tree.stack(inits), [tree.stack(batch) for batch in zip(*streams)]
    alone = [
        Entrant("PyTorch eager", eager(affines(inits[0]), streams[0])),
        Entrant("funcdl staged", ours_alone(inits[0], streams[0], staged=True)),
    ]
    together = [
        Entrant("funcdl", ours(params, batches)),
        Entrant("funcdl staged", ours(params, batches, staged=True)),
        Entrant("torch.func vmap", vmapped(inits, batches)),
        Entrant("torch.func vmap, compiled", vmapped(inits, batches, compiled=True)),
        Entrant("JAX vmap, jit", jitted(affines(params), batches)),
    ]
    agree(alone)
    agree(together)
    units = [1] * len(alone) + [MODELS] * len(together)
    cases = ["one alone"] * len(alone) + [f"{MODELS} at once"] * len(together)
    times = measure([*alone, *together], options.repeats)
    lines = compare("", [*alone, *together], times, reference=1, units=units)
    return Report(
        f"ensemble: {MODELS} networks 2-25-25-25-2 in one pass, batch {SIZE}",
        "µs / network",
        1e6,
        [line._replace(case=case) for line, case in zip(lines, cases)],
        [
            "µs / network: the time of a step divided by the number of networks in it",
            "ratio: the time of one network alone, funcdl staged, divided by that of the line",
            "compilation is not counted",
        ],
    )


def ours(params: Any, batches: Batches, *, staged: bool = False) -> Train:
    """Train with funcdl, on a leading model axis."""
    optimiser = sgd(LR)
    step = training_step(supervised(NET, mse(models=1)), optimiser)
    step = stage(step) if staged else step
    return Train(step, lambda: (params, optimiser.init(params)), batches, grad=False)


def vmapped(inits: list[Any], batches: Batches, *, compiled: bool = False) -> Train:
    """Train with torch.func: the gradient mapped over stacked modules, and SGD by hand."""
    nets = [eager_net(affines(params)) for params in inits]
    params, _ = stack_module_state(nets)

    def loss(params: dict[str, Tensor], x: Tensor, t: Tensor) -> Tensor:
        return nn.functional.mse_loss(functional_call(nets[0], params, (x,)), t)

    def step(params: dict[str, Tensor], batch: tuple[Tensor, Tensor]) -> tuple[Any, Tensor]:
        grads, losses = vmap(grad_and_value(loss))(params, *batch)
        return {name: p - LR * grads[name] for name, p in params.items()}, losses

    if compiled:
        step = torch.compile(step, fullgraph=True, dynamic=False)
    start = {name: p.detach() for name, p in params.items()}
    return Train(step, lambda: (start,), batches, grad=False)


def jitted(weights: Affines, batches: Batches) -> Train:
    """Train with JAX: a step mapped over the networks, and compiled."""
    step = jax.jit(jax.vmap(jax_step), donate_argnums=0)
    arrays = [tuple(jnp.array(part.numpy()) for part in batch) for batch in batches]
    return Train(step, lambda: (jax_weights(weights),), arrays, jax.block_until_ready)
