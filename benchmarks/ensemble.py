"""32 networks of the section `mlp` in one pass, on a leading model axis, at batch 10.

Each network has weights and batches of its own.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import torch

from benchmarks import mlp, trainers
from benchmarks.harness import Entrant, Options, Report, Train, agree, compare, measure
from benchmarks.trainers import Affines, Batches, affines
from funcdl import mse, sgd, tree

__all__ = ["run"]

MODELS, SIZE, EPOCH = 32, 10, 100


def run(options: Options) -> Report:
    """Measure a step of one network among 32, beside that of one alone."""
    inits = [mlp.NET.init(torch.Generator().manual_seed(i), (2,))[0] for i in range(MODELS)]
    streams = [
        trainers.points(EPOCH, SIZE, torch.Generator().manual_seed(i)) for i in range(MODELS)
    ]
    batches = [tree.stack(batch) for batch in zip(*streams)]
    params, nets = tree.stack(inits), [trainers.mlp(affines(init)) for init in inits]
    own = (mlp.NET, mse(models=1), sgd(mlp.LR), params, batches)
    alone = [
        Entrant("PyTorch eager", mlp.eager(affines(inits[0]), streams[0])),
        Entrant("funcdl staged", mlp.funcdl(inits[0], streams[0], staged=True)),
    ]
    together = [
        Entrant("funcdl", trainers.funcdl(*own)),
        Entrant("funcdl staged", trainers.funcdl(*own, staged=True)),
        Entrant("torch.func vmap", trainers.vmapped(nets, mlp.LR, batches)),
        Entrant("torch.func compiled", trainers.vmapped(nets, mlp.LR, batches, compiled=True)),
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


def jitted(weights: Affines, batches: Batches) -> Train:
    """Train with JAX: a step mapped over the networks, and compiled."""
    step = jax.jit(jax.vmap(mlp.jax_step), donate_argnums=0)
    arrays = [tuple(jnp.array(part.numpy()) for part in batch) for batch in batches]
    return Train(step, lambda: (mlp.jax_weights(weights),), arrays, jax.block_until_ready)
