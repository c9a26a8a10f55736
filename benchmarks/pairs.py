"""25 epochs of 1,000 pairs of digits: the plain network, and the shared one with digits to learn.

Batches of 100 in one fixed order, Adam, the same initial weights. Each peer is set up in several
ways, and the fastest is kept. JAX is given a step to compile, not an epoch: in `lax.scan`, XLA's
convolutions take ten times as long on a CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product
from statistics import median
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import eager_study, trainers
from benchmarks.harness import (
    Entrant,
    Line,
    Options,
    Report,
    Train,
    agree,
    compare,
    fastest,
    measure,
    products,
)
from benchmarks.mlp import jax_weights
from benchmarks.trainers import NAMES, Affines, affines, pairs_objective, targets
from funcdl import adam
from pairs.data import Pairs, draw_split, load_digits
from pairs.models import MODELS
from studykit.seeds import generator

__all__ = ["run"]

COUNT, SIZE, EPOCHS, LR = 1000, 100, 25, 1e-3
STEPS = EPOCHS * COUNT // SIZE
TRIED = 10
LAYOUTS = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}

Pool = Callable[[jax.Array], jax.Array]


class AdamState(NamedTuple):
    """What a functional Adam carries on: parameters, two moments, the count of steps."""

    params: Any
    mean: Any
    square: Any
    count: Any


def run(options: Options) -> Report:
    """Measure the training of both networks."""
    lines: list[Line] = []
    split = draw_split(load_digits(), COUNT, 1, generator(0, "pairs", 0))
    batches = [Pairs(*batch) for batch in zip(*(part.split(SIZE) for part in split.train))]
    for name in NAMES:
        # Code compiled for one network must neither serve nor hinder the next.
        torch._dynamo.reset()
        lines += _measure(name, batches, options.repeats)
    return Report(
        f"pairs: {EPOCHS} epochs of {COUNT:,} pairs, batches of {SIZE}, Adam",
        "s",
        1.0,
        lines,
        [
            "ratio: the time of PyTorch eager divided by that of the line",
            "floor: the multiply-adds of the step's matrix products (forward, dw and dx, no dx for "
            "the first layer) at the rate of a float32 product of 1024³; of floor: its share",
            "in brackets: the fastest of several ways to set the peer up",
            "compilation is not counted",
        ],
    )


def _measure(name: str, batches: list[Pairs], repeats: int) -> list[Line]:
    params, _ = MODELS[name].net.init(generator(0, "weights"), (2, 14, 14))
    weights = affines(params)
    eager = eager_ways(name, weights, batches)
    compiled = compiled_ways(name, weights, batches)
    jitted = jax_ways(name, weights, batches)
    model, data = MODELS[name], targets(name, batches)
    ours = (model.net, model.loss, adam(LR), params, data)
    own = [
        Entrant("funcdl", trainers.funcdl(*ours)),
        Entrant("funcdl staged", trainers.funcdl(*ours, staged=True)),
    ]
    agree([*eager, *compiled, *jitted, *own], steps=10, rtol=1e-3)
    entrants = [
        fastest("PyTorch eager", eager, TRIED),
        fastest("torch.compile", compiled, TRIED),
        fastest("JAX jit", jitted, TRIED),
        *own,
    ]
    floor = products(operations(name, batches[0]))
    *times, least = measure([*entrants, floor], repeats, steps=STEPS)
    lines = compare(name, entrants, times, units=[1 / STEPS] * len(entrants))
    shares = [median(f / t for f, t in zip(least, row)) for row in times]
    return [
        *(line._replace(more={"of floor": f"{share:.0%}"}) for line, share in zip(lines, shares)),
        Line(name, "floor", [t * STEPS for t in least], [], {}),
    ]


def operations(name: str, batch: Pairs) -> float:
    """Count the floating-point operations of the matrix products of a step."""
    net = eager_study.build(name)
    with FlopCounterMode(display=False) as counter:
        images, *targets = batch
        eager_study.objective(name)(net(images), *targets).backward()
    return counter.get_total_flops()


def eager_ways(name: str, weights: Affines, batches: list[Pairs]) -> list[Entrant]:
    """Set PyTorch up with either layout of images, and with Adam plain or fused."""
    ways = []
    for layout, fused in product(LAYOUTS, (None, True)):
        net, data = arranged(layout, trainers.convnet(name, weights), batches)
        optimiser = torch.optim.Adam(net.parameters(), lr=LR, fused=fused)
        train = trainers.eager(net, pairs_objective(name, net), optimiser, data)
        ways.append(Entrant(f"{layout}, fused Adam" if fused else layout, train))
    return ways


def compiled_ways(name: str, weights: Affines, batches: list[Pairs]) -> list[Entrant]:
    """Compile forward and backward, with Adam fused or compiled; or the whole step at once."""
    ways = []
    for layout, fused in (*product(LAYOUTS, (True,)), ("channels first", None)):
        net, data = arranged(layout, trainers.convnet(name, weights), batches)
        optimiser = torch.optim.Adam(net.parameters(), lr=LR, fused=fused)
        loss = torch.compile(pairs_objective(name, net), dynamic=False)
        descend = None if fused else torch.compile(optimiser.step, dynamic=False)
        train = trainers.eager(net, loss, optimiser, data, descend)
        ways.append(Entrant(f"{layout}, {'fused' if fused else 'compiled'} Adam", train))
    return [*ways, Entrant("torch.func", compiled_function(name, weights, batches))]


def arranged(layout: str, net: nn.Module, batches: list[Pairs]) -> tuple[nn.Module, list[Pairs]]:
    """Lay the weights and the images out."""
    order = LAYOUTS[layout]
    data = [b._replace(images=b.images.contiguous(memory_format=order)) for b in batches]
    return net.to(memory_format=order), data


def compiled_function(name: str, weights: Affines, batches: list[Pairs]) -> Train:
    """Train by a function compiled as one: torch.func's gradient and Adam in one graph."""
    net, criterion = trainers.convnet(name, weights), eager_study.objective(name)

    def loss(params: dict[str, Tensor], images: Tensor, *targets: Tensor) -> Tensor:
        return criterion(functional_call(net, params, (images,)), *targets)

    @partial(torch.compile, fullgraph=True, dynamic=False)
    def step(state: AdamState, batch: Pairs) -> tuple[AdamState, Tensor]:
        grads, value = grad_and_value(loss)(state.params, *batch)
        return adam_update(map_dicts, torch.sqrt, state, grads), value

    params = {key: p.detach().clone() for key, p in net.named_parameters()}
    zeros = {key: torch.zeros_like(p) for key, p in params.items()}
    state = AdamState(params, zeros, zeros, torch.zeros(()))
    return Train(step, lambda: (state,), batches, mode=torch.no_grad)


def map_dicts(function: Callable[..., Tensor], *dicts: dict[str, Tensor]) -> dict[str, Tensor]:
    """Apply a function to the entries of dicts with the same keys."""
    return {key: function(*(entry[key] for entry in dicts)) for key in dicts[0]}


def adam_update(
    mapped: Callable[..., Any], sqrt: Callable[[Any], Any], state: AdamState, grads: Any
) -> AdamState:
    """Take one step of Adam as a function; `mapped` applies a function to every leaf."""
    count = state.count + 1
    mean = mapped(lambda m, g: 0.9 * m + 0.1 * g, state.mean, grads)
    square = mapped(lambda v, g: 0.999 * v + 0.001 * g * g, state.square, grads)
    scale, root = LR / (1 - 0.9**count), sqrt(1 - 0.999**count)
    params = mapped(
        lambda p, m, v: p - scale * m / (sqrt(v) / root + 1e-8), state.params, mean, square
    )
    return AdamState(params, mean, square, count)


def jax_ways(name: str, weights: Affines, batches: list[Pairs]) -> list[Entrant]:
    """Set JAX up with either way to pool."""
    ways = {"reduce_window": pool_by_window, "pooling by reshape": pool_by_reshape}
    return [Entrant(key, jitted(name, pool, weights, batches)) for key, pool in ways.items()]


def jitted(name: str, pool: Pool, weights: Affines, batches: list[Pairs]) -> Train:
    """Train with JAX, a compiled step that takes over its state; wait at the end alone."""
    loss = partial(JAX_LOSSES[name], pool)

    @partial(jax.jit, donate_argnums=0)
    def step(state: AdamState, batch: tuple[jax.Array, ...]) -> tuple[AdamState, jax.Array]:
        value, grads = jax.value_and_grad(loss)(state.params, *batch)
        return adam_update(jax.tree.map, jnp.sqrt, state, grads), value

    def start() -> tuple[AdamState]:
        params = jax_weights(weights)
        mean, square = (jax.tree.map(jnp.zeros_like, params) for _ in range(2))
        return (AdamState(params, mean, square, jnp.zeros(())),)

    return Train(step, start, [JAX_DATA[name](batch) for batch in batches], jax.block_until_ready)


def jax_plain(pool: Pool, params: Any, x: jax.Array, target: jax.Array) -> jax.Array:
    """Loss of `conv-plain` on images (N, 14, 14, 2)."""
    *features, last = params
    return jax_cross_entropy(affine(last, jax_features(pool, features, x)), target)


def jax_shared(pool: Pool, params: Any, x: jax.Array, target: jax.Array, classes: Any) -> jax.Array:
    """Loss of `conv-shared-aux` on images (2 N, 14, 14, 1), the two of a pair one by one."""
    *features, last, hidden, answer = params
    digits = affine(last, jax_features(pool, features, x))
    y = jax.nn.relu(affine(hidden, jax.nn.relu(digits.reshape(-1, 20))))
    return jax_cross_entropy(affine(answer, y), target) + jax_cross_entropy(digits, classes)


def jax_features(pool: Pool, params: Any, x: jax.Array) -> jax.Array:
    """Two convolutions, each pooled, and a ReLU layer."""
    *convolutions, dense = params
    for w, b in convolutions:
        y = jax.lax.conv_general_dilated(
            x, w, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        x = jax.nn.relu(pool(y + b))
    return jax.nn.relu(affine(dense, x.reshape(len(x), -1)))


def affine(params: tuple[jax.Array, jax.Array], x: jax.Array) -> jax.Array:
    """Map the last axis."""
    w, b = params
    return x @ w + b


def pool_by_window(x: jax.Array) -> jax.Array:
    """Take the largest of each 2 × 2 window, as JAX's own layers do."""
    window = (1, 2, 2, 1)
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "VALID")


def pool_by_reshape(x: jax.Array) -> jax.Array:
    """Take the largest of each 2 × 2 window along two axes of its own."""
    n, height, width, channels = x.shape
    return x.reshape(n, height // 2, 2, width // 2, 2, channels).max((2, 4))


def jax_cross_entropy(y: jax.Array, t: jax.Array) -> jax.Array:
    """Mean cross entropy of logits against classes."""
    return -jnp.take_along_axis(jax.nn.log_softmax(y), t[:, None], -1).mean()


def plain_arrays(batch: Pairs) -> tuple[jax.Array, ...]:
    """Copy a batch to JAX, channels last."""
    return jnp.array(batch.images.permute(0, 2, 3, 1).numpy()), jnp.array(batch.target.numpy())


def shared_arrays(batch: Pairs) -> tuple[jax.Array, ...]:
    """Copy a batch to JAX, digit by digit."""
    images, target, classes = batch
    digits = images.reshape(-1, 14, 14, 1)
    return tuple(jnp.array(part.numpy()) for part in (digits, target, classes.flatten()))


JAX_LOSSES = {"conv-plain": jax_plain, "conv-shared-aux": jax_shared}
JAX_DATA = {"conv-plain": plain_arrays, "conv-shared-aux": shared_arrays}
