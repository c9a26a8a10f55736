"""The plain recurrent unit: one step of it, and a whole sequence."""

from __future__ import annotations

from typing import Any

from funcdl.contract import Layer
from funcdl.errors import InputError
from funcdl.initialisers import Initialiser, fan_in_uniform, zeros
from funcdl.layers.recurrent import Kind, stepping
from funcdl.layers.sequence import Options, running
from funcdl.misuse import short
from funcdl.ops.rnn import relus, tanhs
from funcdl.shown import named_defaults

__all__ = ["rnn", "rnn_cell"]


@named_defaults
def rnn_cell(
    hidden: int,
    activation: str = "tanh",
    *,
    w_init: Initialiser = fan_in_uniform,
    b_init: Initialiser | None = zeros,
) -> Layer:
    """Take one step of a plain recurrent unit, for use in `scan`.

        h' = φ(x wₓ + bₓ + h wₕ + bₕ)        φ = tanh or relu

    In the backward pass, with dh' the cotangent of the new state:

        da = dh' (1 − h'²), or dh' where h' > 0        dx = da wₓᵀ        dh = da wₕᵀ
        dwₓ = xᵀ da        dwₕ = hᵀ da        dbₓ = dbₕ = Σ da

    Args:
        hidden: the number of features of the state, at least 1.
        activation: φ, "tanh" or "relu".
        w_init: draws both `w`, of shapes (features, hidden) and (hidden, hidden).
        b_init: draws both `b`, of shape (hidden,); None for no bias.

    Returns:
        A layer from ((…, hidden), (…, features)), the state and the input, to the next state
        (…, hidden), with parameters `Recurrent(Affine(w, b), Affine(w, b))`.

    Raises:
        InputError, KindError: an argument is out of its range.
        ShapeError: the state or the input does not fit.

    Elman, "Finding structure in time" (1990).

    >>> import torch
    >>> params, shape = rnn_cell(3).init(torch.Generator().manual_seed(0), ((3,), (2,)))
    >>> params.x.w.shape, params.h.w.shape, shape
    (torch.Size([2, 3]), torch.Size([3, 3]), (3,))
    """
    return stepping(_kind("rnn_cell", activation), hidden, w_init, b_init)


@named_defaults
def rnn(
    hidden: int,
    activation: str = "tanh",
    *,
    layers: int = 1,
    bidirectional: bool = False,
    dropout: float = 0.0,
    initial: bool = False,
    final: bool = False,
    lengths: bool = False,
    w_init: Initialiser = fan_in_uniform,
    b_init: Initialiser | None = zeros,
) -> Layer:
    """Run a plain recurrent unit over a sequence, from a state of zeros.

        hₜ = φ(xₜ wₓ + bₓ + hₜ₋₁ wₕ + bₕ), h₀ = 0        y = (h₁, …, hₙ)        φ = tanh or relu

    The inputs of all time steps are multiplied by their weights at once.

    Args:
        hidden: the number of features of the state, at least 1.
        activation: φ, "tanh" or "relu".
        layers: how many of them stand one on the other, at least 1.
        bidirectional: whether each layer has a second unit, which begins at the end.
        dropout: the rate at which numbers are dropped between layers in training.
        initial: whether the state before the first step is handed in, behind x.
        final: whether the state after the last step is returned, behind y.
        lengths: whether the number of time steps of each sequence is handed in, as in `gru`.
        w_init: draws both `w`, of shapes (features, hidden) and (hidden, hidden).
        b_init: draws both `b`, of shape (hidden,); None for no bias.

    Returns:
        A layer from x (…, time, features) to y (…, time, hidden), with parameters
        `Recurrent(Affine(w, b), Affine(w, b))`; from (x, state, lengths) where these are asked for,
        and to (y, state). A state is (…, hidden). Of several units, parameters and states are
        tuples, as in `gru`.

    Raises:
        InputError, KindError: an argument is out of its range, or a length is.
        ShapeError: an input does not fit the weights, or the others.

    Elman, "Finding structure in time" (1990).

    >>> import torch
    >>> layer = rnn(3, bidirectional=True)
    >>> params, shape = layer.init(torch.Generator().manual_seed(0), (7, 2))
    >>> y, vjp = layer(params, torch.ones(5, 7, 2))
    >>> shape, len(params), vjp(y)[1].shape
    ((7, 6), 2, torch.Size([5, 7, 2]))
    """
    options = Options(layers, bidirectional, dropout, initial, final, lengths)
    return running(_kind("rnn", activation), hidden, options, w_init, b_init)


def _kind(name: str, activation: str) -> Kind:
    units: dict[Any, Any] = {"tanh": tanhs, "relu": relus}
    if not isinstance(activation, str) or activation not in units:
        raise InputError(
            f'{name}: expected activation to be "tanh" or "relu", got {short(activation)}'
        )
    args = () if activation == "tanh" else (activation,)
    return Kind(name, units[activation], 1, args=args)
