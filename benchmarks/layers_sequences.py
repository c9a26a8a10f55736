"""Layers on sequences, forward and backward, beside PyTorch's functions and modules."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as nnf

import funcdl as f
from funcdl import tree

__all__ = ["Row", "autograd", "ours_of", "rows", "title", "transposed"]

Pass = Callable[[], object]
Row = tuple[str, Pass, Pass]

EMBEDDINGS: tuple[tuple[int, int, tuple[int, ...], int | None], ...] = (
    (1000, 64, (64, 32), None),
    (10_000, 256, (128, 64), None),
    (10_000, 256, (128, 64), 0),
)
ATTENTIONS = ((4, (8, 16, 64), False), (8, (16, 128, 256), False), (8, (16, 128, 256), True))
RECURRENT = ((32, (16, 20, 32)), (128, (32, 50, 64)))
TRIED = 5


def rows(rng: Generator) -> list[Row]:
    """Make, for each row, its name, our pass and PyTorch's; both give all the cotangents."""
    made = [_embedding(*sizes, rng) for sizes in EMBEDDINGS]
    made += [_attention(*sizes, rng) for sizes in ATTENTIONS]
    made.append(_cross_attention(8, (16, 64, 256), (16, 128, 256), rng))
    for name in ("gru", "lstm", "rnn"):
        made += [_recurrent(name, *sizes, rng) for sizes in RECURRENT]
    made.append(_recurrent("lstm", *RECURRENT[0], rng, layers=2, bidirectional=True))
    return made + [_scan(*sizes, rng) for sizes in RECURRENT]


def _embedding(
    vocabulary: int, features: int, shape: tuple[int, ...], padding: int | None, rng: Generator
) -> Row:
    x = torch.randint(vocabulary, shape, generator=rng)
    if padding is not None:  # the second half of each sequence
        x[:, shape[1] // 2 :] = padding
    params, ours = ours_of(f.embedding(vocabulary, features, padding=padding), x, rng)
    theirs = autograd(lambda w: nnf.embedding(x, w, padding), [params.w])
    name = f"embedding {vocabulary}×{features}" + ", half padding" * (padding is not None)
    return title(name, shape), ours, theirs


def _attention(heads: int, shape: tuple[int, ...], causal: bool, rng: Generator) -> Row:
    x = torch.rand(shape, generator=rng)
    params, ours = ours_of(f.attention(heads, causal=causal), x, rng)
    module = nn.MultiheadAttention(shape[-1], heads, batch_first=True)
    mask = nn.Transformer.generate_square_subsequent_mask(shape[-2]) if causal else None

    def whole(x: Tensor, *_: Tensor) -> Tensor:
        return module(x, x, x, need_weights=False, attn_mask=mask, is_causal=causal)[0]

    def by_hand(x: Tensor, w: Tensor, b: Tensor, w_out: Tensor, b_out: Tensor) -> Tensor:
        split = nnf.linear(x, w, b).unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
        found = nnf.scaled_dot_product_attention(*split, is_causal=causal)
        return nnf.linear(found.transpose(1, 2).flatten(-2), w_out, b_out)

    ways = [
        autograd(whole, [x], list(module.parameters())),
        autograd(by_hand, [x, *map(transposed, tree.leaves(params))]),
    ]
    name = f"attention {heads} heads" + ", causal" * causal
    return title(name, shape), ours, min(ways, key=_shortest)


def _cross_attention(
    heads: int, shape: tuple[int, ...], others: tuple[int, ...], rng: Generator
) -> Row:
    x, seen = torch.rand(shape, generator=rng), torch.rand(others, generator=rng)
    layer = f.cross_attention(heads)
    params, out_shape = layer.init(rng, (shape, others))
    dy = torch.rand(out_shape, generator=rng)
    module = nn.MultiheadAttention(shape[-1], heads, batch_first=True)

    def whole(x: Tensor, seen: Tensor, *_: Tensor) -> Tensor:
        return module(x, seen, seen, need_weights=False)[0]

    theirs = autograd(whole, [x, seen], list(module.parameters()))
    name = f"cross_attention {heads} heads, {'×'.join(map(str, others))} for"
    return f"{name} {'×'.join(map(str, shape))}", lambda: layer(params, (x, seen))[1](dy), theirs


def _recurrent(
    name: str,
    hidden: int,
    shape: tuple[int, ...],
    rng: Generator,
    layers: int = 1,
    bidirectional: bool = False,
) -> Row:
    x = torch.rand(shape, generator=rng)
    layer = getattr(f, name)(hidden, layers=layers, bidirectional=bidirectional)
    _, ours = ours_of(layer, x, rng)
    kind = getattr(nn, name.upper())
    module = kind(shape[-1], hidden, layers, batch_first=True, bidirectional=bidirectional)
    theirs = autograd(lambda x, *_: module(x)[0], [x], list(module.parameters()))
    return title(str(layer), shape), ours, theirs


def _scan(hidden: int, shape: tuple[int, ...], rng: Generator) -> Row:
    x = torch.rand(shape, generator=rng)
    cell = f.serial(f.join(), f.linear(hidden), f.tanh)
    params, ours = ours_of(f.scan(cell, hidden), x, rng)

    def loop(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        h, states = x.new_zeros(len(x), hidden), []
        for step in x.unbind(1):
            h = nnf.linear(torch.cat([h, step], -1), w, b).tanh()
            states.append(h)
        return torch.stack(states, 1)

    theirs = autograd(loop, [x, *map(transposed, tree.leaves(params))])
    return title(f"scan of a tanh cell({hidden})", shape), ours, theirs


def ours_of(layer: f.Layer, x: Tensor, rng: Generator) -> tuple[Any, Pass]:
    """Draw the parameters of a layer, and make the pass through it."""
    params, out_shape = layer.init(rng, tuple(x.shape))
    dy = torch.rand(out_shape, generator=rng)
    return params, lambda: layer(params, x)[1](dy)


def autograd(
    function: Callable[..., Tensor], values: Sequence[Tensor], more: Sequence[Tensor] = ()
) -> Pass:
    """Make the pass through a function of tensors, which may know more parameters."""
    live = [value.clone().requires_grad_() for value in values]
    with torch.no_grad():
        dy = torch.ones_like(function(*live))

    def go() -> object:
        with torch.enable_grad():
            return torch.autograd.grad(function(*live), [*live, *more], dy)

    return go


def transposed(p: Tensor) -> Tensor:
    """Lay a weight out as PyTorch does."""
    return p.mT.contiguous() if p.ndim > 1 else p


def title(name: str, shape: tuple[int, ...]) -> str:
    """Write what a row is of."""
    return f"{name}, {'×'.join(map(str, shape))}"


def _shortest(function: Pass) -> float:
    times = []
    for _ in range(TRIED):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return min(times)
