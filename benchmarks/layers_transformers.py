"""Positions, transformers and single steps of recurrent units, beside PyTorch's autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor, nn

import funcdl as f
from benchmarks.layers_sequences import Row, autograd, ours_of, title, transposed
from funcdl import tree

__all__ = ["rows"]

SHAPE = (16, 128, 256)
BLOCKS = 2, 8, 512
STEP = (64, 64)
HIDDEN = 128


def rows(rng: Generator) -> list[Row]:
    """Make, for each row, its name, our pass and PyTorch's; both give all the cotangents."""
    made = [_position(*each, rng) for each in POSITIONS]
    made += [_encoder(norm_first, rng) for norm_first in (False, True)]
    made.append(_decoder(rng))
    return made + [_cell(name, rng) for name in ("gru", "lstm", "rnn")]


def _added(shape: tuple[int, ...]) -> Callable[..., Tensor]:
    """Add a table that is kept, as modules keep it."""
    table = f.sinusoidal()((), torch.zeros(shape[-2:]))[0]
    return lambda x: x + table


def _turned(shape: tuple[int, ...]) -> Callable[..., Tensor]:
    """Multiply pairs, as complex numbers, by turns that are kept."""
    time, features = shape[-2:]
    speeds = 10000.0 ** (-torch.arange(0, features, 2) / features)
    angles = torch.outer(torch.arange(time), speeds)
    turns = torch.polar(torch.ones_like(angles), angles)

    def turn(x: Tensor) -> Tensor:
        pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)))
        return torch.view_as_real(pairs * turns).flatten(-2)

    return turn


def _looked_up(shape: tuple[int, ...]) -> Callable[..., Tensor]:
    return lambda x, w: x + w[: x.shape[-2]]


POSITIONS: tuple[tuple[f.Layer, Callable[..., Any]], ...] = (
    (f.sinusoidal(), _added),
    (f.learnt_positions(2 * SHAPE[-2]), _looked_up),
    (f.rotary(), _turned),
)


def _position(layer: f.Layer, torchs: Callable[..., Any], rng: Generator) -> Row:
    x = torch.rand(SHAPE, generator=rng)
    params, ours = ours_of(layer, x, rng)
    return title(repr(layer), SHAPE), ours, autograd(torchs(SHAPE), [x, *tree.leaves(params)])


def _encoder(norm_first: bool, rng: Generator) -> Row:
    layers, heads, hidden = BLOCKS
    x, width = torch.rand(SHAPE, generator=rng), SHAPE[-1]
    blocks = f.encoder_blocks(layers, heads, hidden, width, norm_first=norm_first)
    _, ours = ours_of(blocks, x, rng)
    layer = nn.TransformerEncoderLayer(
        width, heads, hidden, 0.0, batch_first=True, norm_first=norm_first
    )
    net = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
    theirs = autograd(lambda x: net(x), [x], list(net.parameters()))
    name = "encoder_blocks 2 layers" + ", norms first" * norm_first
    return title(name, SHAPE), ours, theirs


def _decoder(rng: Generator) -> Row:
    layers, heads, hidden = BLOCKS
    width = SHAPE[-1]
    pair = torch.rand(SHAPE, generator=rng), torch.rand(SHAPE, generator=rng)
    blocks = f.decoder_blocks(layers, heads, hidden, width)
    params, out_shape = blocks.init(rng, (SHAPE, SHAPE))
    dy = torch.rand(out_shape, generator=rng)
    net = nn.TransformerDecoder(
        nn.TransformerDecoderLayer(width, heads, hidden, 0.0, batch_first=True), layers
    )
    mask = nn.Transformer.generate_square_subsequent_mask(SHAPE[-2])

    def whole(x: Tensor, others: Tensor) -> Tensor:
        return net(x, others, tgt_mask=mask, tgt_is_causal=True)

    theirs = autograd(whole, pair, list(net.parameters()))
    return title("decoder_blocks 2 layers", SHAPE), lambda: blocks(params, pair)[1](dy), theirs


def _cell(name: str, rng: Generator) -> Row:
    """Make the row of one step, from a state and an input to the next state."""
    pair = name == "lstm"
    layer = getattr(f, f"{name}_cell")(HIDDEN)
    h = torch.rand(STEP[0], HIDDEN, generator=rng)
    state = (h, torch.rand(STEP[0], HIDDEN, generator=rng)) if pair else h
    x = torch.rand(STEP, generator=rng)
    shapes = ((STEP[0], HIDDEN),) * 2 if pair else (STEP[0], HIDDEN)
    params, _ = layer.init(rng, (shapes, STEP))
    dy = tuple(torch.ones_like(t) for t in state) if pair else torch.ones_like(h)
    module = getattr(nn, f"{name.upper()}Cell")(STEP[1], HIDDEN)
    with torch.no_grad():
        for p, own in zip(module.parameters(), (params.x.w, params.h.w, params.x.b, params.h.b)):
            p.copy_(transposed(own))

    def whole(x: Tensor, *state: Tensor) -> Any:
        found = module(x, state if pair else state[0])
        return torch.cat(found, -1) if pair else found

    states = state if pair else (h,)
    theirs = autograd(whole, [x, *states], list(module.parameters()))
    return title(f"{name}_cell({HIDDEN})", STEP), lambda: layer(params, (state, x))[1](dy), theirs
