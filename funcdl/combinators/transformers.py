"""Transformers: attention and a network for each time step, both beside their input and normed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from funcdl.arguments import integer, number
from funcdl.combinators.fan_out import fan_out
from funcdl.combinators.parallel import parallel
from funcdl.combinators.residual import residual
from funcdl.combinators.serial import serial
from funcdl.contract import Layer, LayerLike
from funcdl.errors import KindError
from funcdl.layers.activations import relu
from funcdl.layers.attention import attention
from funcdl.layers.cross_attention import cross_attention
from funcdl.layers.dropout import dropout as noise
from funcdl.layers.layout import identity
from funcdl.layers.linear import linear
from funcdl.layers.norms import layer_norm
from funcdl.layers.routing import take
from funcdl.misuse import short

__all__ = ["decoder_blocks", "encoder_blocks"]


def encoder_blocks(
    layers: int,
    heads: int,
    hidden: int,
    features: int,
    *,
    dropout: float = 0.0,
    activation: LayerLike = relu,
    norm_first: bool = False,
    causal: bool = False,
    rotary: float | None = None,
    lengths: bool = False,
) -> Layer:
    """Let the time steps of a sequence look at each other, layer by layer.

        x ← norm(x + attention(x))        x ← norm(x + network(x))

    in each layer, or, with `norm_first`, x ← x + attention(norm(x)) and x ← x + network(norm(x)).
    It is a composition of `residual`, `attention`, `layer_norm`, `dropout` and `linear`.

    Args:
        layers: how many stand one on the other, at least 1.
        heads: of each attention; they divide the features.
        hidden: the features inside of the network of each time step.
        features: of the sequence.
        dropout: the rate at which weights, hidden numbers and what is added are dropped.
        activation: of the network.
        norm_first: whether the norms come first in each part, instead of last.
        causal: whether a time step sees only itself and those before it.
        rotary: the base by which queries and keys are turned; see `attention`.
        lengths: whether the number of time steps of each sequence is handed in, behind x: (…),
            int64. What stands behind the end of one is of no weight, and what comes out there has
            no meaning.

    Returns:
        A layer from x (…, time, features), or (x, lengths), to the same shape as x.

    Raises:
        InputError, KindError: an argument is out of its range.
        ShapeError: the input does not fit.

    Vaswani et al., "Attention is all you need" (2017); norms first: Xiong et al., "On layer
    normalization in the transformer architecture" (2020).

    >>> import torch
    >>> net = encoder_blocks(2, 4, 16, 8, lengths=True)
    >>> params, shape = net.init(torch.Generator().manual_seed(0), ((5, 8), ()))
    >>> y, vjp = net(params, (torch.ones(3, 5, 8), torch.tensor([5, 2, 1])))
    >>> shape, y.shape
    ((5, 8), torch.Size([3, 5, 8]))
    """
    name = "encoder_blocks"
    _expect(name, layers, hidden, features, dropout, norm_first)
    look = attention(heads, causal=causal, dropout=dropout, rotary=rotary, lengths=lengths)

    def block() -> list[LayerLike]:
        first = _beside([look], norm_first, dropout, 2 if lengths else 1)
        return [*first, *_network(hidden, features, activation, norm_first, dropout)]

    return _stacked([block() for _ in range(layers)], 1 if lengths else 0)


def decoder_blocks(
    layers: int,
    heads: int,
    hidden: int,
    features: int,
    *,
    dropout: float = 0.0,
    activation: LayerLike = relu,
    norm_first: bool = False,
    rotary: float | None = None,
    lengths: bool = False,
) -> Layer:
    """Let the time steps of a sequence look at those before them, and at another sequence.

        x ← norm(x + attention(x))    x ← norm(x + cross(x, others))    x ← norm(x + network(x))

    in each layer, with causal attention; or with norms first, as in `encoder_blocks`.

    Args:
        layers: how many stand one on the other, at least 1.
        heads: of each attention; they divide the features.
        hidden: the features inside of the network of each time step.
        features: of the sequence x.
        dropout: the rate at which weights, hidden numbers and what is added are dropped.
        activation: of the network.
        norm_first: whether the norms come first in each part, instead of last.
        rotary: the base by which queries and keys of x are turned; see `attention`.
        lengths: whether the number of the others is handed in, behind them: (…), int64.

    Returns:
        A layer from (x, others), or (x, others, lengths), to the same shape as x; x is
        (…, time, features), and the others, (…, count, any), are what an encoder gave.

    Raises:
        InputError, KindError: an argument is out of its range.
        ShapeError: an input does not fit.

    Vaswani et al., "Attention is all you need" (2017).

    >>> import torch
    >>> net = decoder_blocks(2, 4, 16, 8)
    >>> params, shape = net.init(torch.Generator().manual_seed(0), ((5, 8), (7, 8)))
    >>> y, vjp = net(params, (torch.ones(3, 5, 8), torch.ones(3, 7, 8)))
    >>> shape, [dx.shape for dx in vjp(y)[1]]
    ((5, 8), [torch.Size([3, 5, 8]), torch.Size([3, 7, 8])])
    """
    name = "decoder_blocks"
    _expect(name, layers, hidden, features, dropout, norm_first)
    look = attention(heads, causal=True, dropout=dropout, rotary=rotary)
    cross = cross_attention(heads, dropout=dropout, lengths=lengths)
    others = (1, 2) if lengths else (1,)

    def block() -> list[LayerLike]:
        own = serial(take(0), *_beside([look], norm_first, dropout))
        return [
            fan_out(own, *map(take, others)),
            *_beside([cross], norm_first, dropout, 1 + len(others)),
            *_network(hidden, features, activation, norm_first, dropout),
        ]

    return _stacked([block() for _ in range(layers)], len(others))


def _stacked(blocks: Sequence[list[LayerLike]], others: int) -> Layer:
    """Put blocks one on the other, each of which sees what stands beside x, and gives x alone."""
    if not others:
        return serial(*(serial(*block) for block in blocks))
    rest = [take(i) for i in range(1, others + 1)]
    return serial(*(fan_out(serial(*block), *rest) for block in blocks), take(0))


def _beside(
    parts: Sequence[LayerLike], norm_first: bool, dropout: float, inputs: int = 1
) -> list[LayerLike]:
    """Add what parts find to x, the first of their inputs, and norm one or the other."""
    shortcut = None if inputs == 1 else take(0)
    inner = [*parts, *_noise(dropout)]
    if not norm_first:
        line = serial(*inner) if len(inner) > 1 else inner[0]
        return [residual(line, shortcut), layer_norm()]
    norm: Any = layer_norm()
    if inputs > 1:
        norm = parallel(norm, *[identity] * (inputs - 1))
    return [residual(serial(norm, *inner), shortcut)]


def _network(
    hidden: int, features: int, activation: LayerLike, norm_first: bool, dropout: float
) -> list[LayerLike]:
    """Make the network of each time step."""
    inner = [linear(hidden), activation, *_noise(dropout), linear(features)]
    return _beside(inner, norm_first, dropout)


def _noise(dropout: float) -> list[LayerLike]:
    return [noise(dropout)] if dropout else []


def _expect(
    name: str, layers: Any, hidden: Any, features: Any, dropout: Any, norm_first: Any
) -> None:
    for what, value in (("layers", layers), ("hidden", hidden), ("features", features)):
        integer(name, what, value, 1)
    number(name, "dropout", dropout, 0, 1)
    if not isinstance(norm_first, bool):
        raise KindError(f"{name}: expected norm_first to be True or False, got {short(norm_first)}")
