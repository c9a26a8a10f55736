"""One training step of a small network: 2-25-25-25-2, ReLU, mean squared error, SGD.

Everyone starts from the same weights and sees the same batches in the same order.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy
import torch
from thinc import api as thinc
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value

import disc
from benchmarks import trainers
from benchmarks.harness import Entrant, Line, Options, Report, Train, agree, compare, measure
from benchmarks.trainers import Affines, Batches, affines
from funcdl import mse, sgd

__all__ = ["LR", "NET", "eager", "funcdl", "jax_step", "jax_weights", "run"]

SIZES = (10, 100, 1000)
EPOCH = 100
LR = 0.1
NET = disc.network((25, 25, 25), "relu")


def run(options: Options) -> Report:
    """Measure a step at each batch size."""
    lines: list[Line] = []
    params, _ = NET.init(torch.Generator().manual_seed(0), (2,))
    for size in SIZES:
        # Code compiled for one size must neither serve nor hinder the next.
        torch._dynamo.reset()
        batches = trainers.points(EPOCH, size, torch.Generator().manual_seed(size))
        entrants = _entrants(params, batches)
        agree(entrants)
        lines += compare(f"batch {size}", entrants, measure(entrants, options.repeats))
    return Report(
        "mlp: one training step of 2-25-25-25-2",
        "µs",
        1e6,
        lines,
        [
            "ratio: the time of PyTorch eager divided by that of the line",
            "compilation is not counted",
            f"an epoch in lax.scan has {EPOCH} steps",
        ],
    )


def _entrants(params: Any, batches: Batches) -> list[Entrant]:
    weights = affines(params)
    return [
        Entrant("PyTorch eager", eager(weights, batches)),
        Entrant("torch.compile", compiled(weights, batches)),
        Entrant("torch.compile of torch.func", compiled_function(weights, batches)),
        Entrant("JAX jit", jitted(weights, batches)),
        Entrant("JAX epoch in lax.scan", scanned(weights, batches), len(batches)),
        Entrant("thinc", backprop(weights, batches)),
        Entrant("funcdl", funcdl(params, batches)),
        Entrant("funcdl staged", funcdl(params, batches, staged=True)),
    ]


def funcdl(params: Any, batches: Batches, *, staged: bool = False) -> Train:
    """Train with funcdl."""
    return trainers.funcdl(NET, mse(), sgd(LR), params, batches, staged=staged)


def eager(weights: Affines, batches: Batches) -> Train:
    """Train with PyTorch's modules, autograd and optimiser."""
    net, criterion = trainers.mlp(weights), nn.MSELoss()
    optimiser = torch.optim.SGD(net.parameters(), lr=LR)
    return trainers.eager(net, lambda x, t: criterion(net(x), t), optimiser, batches)


def compiled(weights: Affines, batches: Batches) -> Train:
    """Train the same, with forward, backward and optimiser compiled as PyTorch's manual has it."""
    net, criterion = trainers.mlp(weights), nn.MSELoss()
    optimiser = torch.optim.SGD(net.parameters(), lr=LR)
    objective = torch.compile(lambda x, t: criterion(net(x), t), dynamic=False)
    descend = torch.compile(lambda: optimiser.step(), dynamic=False)
    return trainers.eager(net, objective, optimiser, batches, descend)


def compiled_function(weights: Affines, batches: Batches) -> Train:
    """Train by a function compiled as one: torch.func's gradient and SGD in one graph."""
    net = trainers.mlp(weights)

    def objective(params: dict[str, Tensor], x: Tensor, t: Tensor) -> Tensor:
        return nn.functional.mse_loss(functional_call(net, params, (x,)), t)

    @partial(torch.compile, fullgraph=True, dynamic=False)
    def step(params: dict[str, Tensor], batch: tuple[Tensor, Tensor]) -> tuple[Any, Tensor]:
        grads, loss = grad_and_value(objective)(params, *batch)
        return {name: p - LR * grads[name] for name, p in params.items()}, loss

    params = {name: p.detach().clone() for name, p in net.named_parameters()}
    return Train(step, lambda: (params,), batches, mode=torch.no_grad)


def jax_weights(weights: Affines) -> list[tuple[jax.Array, jax.Array]]:
    """Copy weights to JAX."""
    return [(jnp.array(w.numpy()), jnp.array(b.numpy())) for w, b in weights]


def jax_loss(params: list[tuple[jax.Array, jax.Array]], x: jax.Array, t: jax.Array) -> jax.Array:
    """Mean squared error of the network."""
    *hidden, last = params
    for w, b in hidden:
        x = jax.nn.relu(x @ w + b)
    return jnp.mean((x @ last[0] + last[1] - t) ** 2)


def jax_step(params: Any, batch: tuple[jax.Array, jax.Array]) -> tuple[Any, jax.Array]:
    """One step of SGD."""
    loss, grads = jax.value_and_grad(jax_loss)(params, *batch)
    return jax.tree.map(lambda p, g: p - LR * g, params, grads), loss


def jitted(weights: Affines, batches: Batches) -> Train:
    """Train with JAX, a compiled step that takes over its parameters; wait at the end alone."""
    step = jax.jit(jax_step, donate_argnums=0)
    arrays = [(jnp.array(x.numpy()), jnp.array(t.numpy())) for x, t in batches]
    return Train(step, lambda: (jax_weights(weights),), arrays, jax.block_until_ready)


def scanned(weights: Affines, batches: Batches) -> Train:
    """Train with JAX, a whole epoch compiled as one scan."""
    epoch = jax.jit(partial(jax.lax.scan, jax_step), donate_argnums=0)
    whole = tuple(jnp.array(numpy.stack(part)) for part in zip(*batches))
    return Train(epoch, lambda: (jax_weights(weights),), [whole], jax.block_until_ready)


def backprop(weights: Affines, batches: Batches) -> Train:
    """Train with thinc: its layers, its backprop, its optimiser; without clipping and averages."""
    *hidden, last = [w.shape for w, _ in weights]
    layers = [*(thinc.Relu(o, i) for i, o in hidden), thinc.Linear(last[1], last[0])]
    model = thinc.chain(*layers).initialize()
    optimiser = thinc.SGD(LR, grad_clip=0.0, use_averages=False)

    def start() -> tuple[()]:
        for layer, (w, b) in zip(layers, weights):
            layer.set_param("W", numpy.ascontiguousarray(w.T.numpy()))
            layer.set_param("b", b.numpy().copy())
        return ()

    def step(batch: tuple[Any, Any]) -> tuple[Any]:
        x, t = batch
        y, pull = model.begin_update(x)
        d = y - t
        pull(d * (2 / d.size))
        model.finish_update(optimiser)
        return ((d * d).mean(),)

    return Train(step, start, [(x.numpy(), t.numpy()) for x, t in batches])
