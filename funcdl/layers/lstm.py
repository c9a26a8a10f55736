"""The unit with a long short-term memory: one step of it, and a whole sequence."""

from __future__ import annotations

from funcdl.contract import Layer
from funcdl.initialisers import Initialiser, fan_in_uniform, zeros
from funcdl.layers.recurrent import Kind, stepping
from funcdl.layers.sequence import Options, running
from funcdl.ops.lstm import memories
from funcdl.shown import named_defaults

__all__ = ["lstm", "lstm_cell"]


@named_defaults
def lstm_cell(
    hidden: int, *, w_init: Initialiser = fan_in_uniform, b_init: Initialiser | None = zeros
) -> Layer:
    """Take one step of a unit with a long short-term memory, for use in `scan`.

        a = x wₓ + bₓ + h wₕ + bₕ        in four parts, of i, f, g and o, as in PyTorch
        i = σ(aᵢ)       f = σ(a_f)       g = tanh(a_g)       o = σ(aₒ)
        c' = f c + i g                   h' = o tanh(c')

    In the backward pass, with dh' and dc' the cotangents of the new state:

        d = dc' + dh' o (1 − tanh² c')        dc = d f            daₒ = dh' tanh(c') o (1 − o)
        daᵢ = d g i (1 − i)                   da_f = d c f (1 − f)        da_g = d i (1 − g²)
        dx = da wₓᵀ        dh = da wₕᵀ        dwₓ = xᵀ da        dwₕ = hᵀ da        dbₓ = dbₕ = Σ da

    Args:
        hidden: the number of features of h and of c, at least 1.
        w_init: draws both `w`, of shapes (features, 4 hidden) and (hidden, 4 hidden).
        b_init: draws both `b`, of shape (4 hidden,); None for no bias.

    Returns:
        A layer from (((…, hidden), (…, hidden)), (…, features)), the state (h, c) and the input, to
        the next state, with parameters `Recurrent(Affine(w, b), Affine(w, b))`.

    Raises:
        InputError, KindError: `hidden` is not an integer of at least 1.
        ShapeError: the state or the input does not fit.

    Hochreiter and Schmidhuber, "Long short-term memory" (1997); the gate f: Gers, Schmidhuber and
    Cummins, "Learning to forget" (2000).

    >>> import torch
    >>> in_shape = ((3,), (3,)), (2,)
    >>> params, shape = lstm_cell(3).init(torch.Generator().manual_seed(0), in_shape)
    >>> params.x.w.shape, params.h.w.shape, shape
    (torch.Size([2, 12]), torch.Size([3, 12]), ((3,), (3,)))
    """
    return stepping(Kind("lstm_cell", memories, 4, ("h", "c")), hidden, w_init, b_init)


@named_defaults
def lstm(
    hidden: int,
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
    """Run a unit with a long short-term memory over a sequence, from a state of zeros.

        (hₜ, cₜ) = cell((hₜ₋₁, cₜ₋₁), xₜ)        y = (h₁, …, hₙ)        (formulas: `lstm_cell`'s)

    The inputs of all time steps are multiplied by their weights at once.

    Args:
        hidden: the number of features of h and of c, at least 1.
        layers: how many of them stand one on the other, at least 1.
        bidirectional: whether each layer has a second unit, which begins at the end.
        dropout: the rate at which numbers are dropped between layers in training.
        initial: whether the state before the first step is handed in, behind x.
        final: whether the state after the last step is returned, behind y.
        lengths: whether the number of time steps of each sequence is handed in, as in `gru`.
        w_init: draws both `w`, of shapes (features, 4 hidden) and (hidden, 4 hidden).
        b_init: draws both `b`, of shape (4 hidden,); None for no bias.

    Returns:
        A layer from x (…, time, features) to y (…, time, hidden), with parameters
        `Recurrent(Affine(w, b), Affine(w, b))`; from (x, state, lengths) where these are asked for,
        and to (y, state). A state is a pair (h, c), each (…, hidden). Of several units, parameters
        and states are tuples, as in `gru`.

    Raises:
        InputError, KindError: an argument is out of its range, or a length is.
        ShapeError: an input does not fit the weights, or the others.

    Hochreiter and Schmidhuber, "Long short-term memory" (1997).

    >>> import torch
    >>> layer = lstm(3, layers=2, final=True)
    >>> params, shape = layer.init(torch.Generator().manual_seed(0), (7, 2))
    >>> (y, states), vjp = layer(params, torch.ones(5, 7, 2))
    >>> y.shape, len(params), [(h.shape, c.shape) for h, c in states][1]
    (torch.Size([5, 7, 3]), 2, (torch.Size([5, 3]), torch.Size([5, 3])))
    """
    options = Options(layers, bidirectional, dropout, initial, final, lengths)
    return running(Kind("lstm", memories, 4, ("h", "c")), hidden, options, w_init, b_init)
