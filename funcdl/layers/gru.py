"""The gated recurrent unit: one step of it, and a whole sequence."""

from __future__ import annotations

from typing import Any

from funcdl.arguments import integer
from funcdl.contract import Layer, Vjp, declared
from funcdl.initialisers import Initialiser, fan_in_uniform, zeros
from funcdl.layers.affine import Affine
from funcdl.layers.half import in_float32
from funcdl.layers.recurrent import Kind, Recurrent, drawing
from funcdl.layers.sequence import Options, running
from funcdl.ops.affine import affine
from funcdl.ops.gru import advance, factors, gated, input_part, state_part
from funcdl.shown import named_defaults
from funcdl.signature import Signature
from funcdl.tensor import Generator, Tensor

__all__ = ["gru", "gru_cell"]


@named_defaults
def gru_cell(
    hidden: int, *, w_init: Initialiser = fan_in_uniform, b_init: Initialiser | None = zeros
) -> Layer:
    """Take one step of a gated recurrent unit, for use in `scan`.

        a = x wₓ + bₓ        b = h wₕ + bₕ        each in three parts, of r, z and n
        r = σ(aᵣ + bᵣ)       z = σ(a_z + b_z)     n = tanh(aₙ + r bₙ)
        h' = (1 − z) n + z h

    In the backward pass, with dh' the cotangent of the new state:

        daₙ = dh' (1 − z)(1 − n²)        dbₙ = daₙ r        da_z = db_z = dh' (h − n) z (1 − z)
        daᵣ = dbᵣ = daₙ bₙ r (1 − r)     dx = da wₓᵀ        dh = dh' z + db wₕᵀ
        dwₓ = xᵀ da        dwₕ = hᵀ db        dbₓ = Σ da        dbₕ = Σ db

    As in PyTorch, the gate r multiplies bₙ after the product with wₕ, so that one product of
    matrices serves all three parts.

    Args:
        hidden: the number of features of the state, at least 1.
        w_init: draws both `w`, of shapes (features, 3 hidden) and (hidden, 3 hidden).
        b_init: draws both `b`, of shape (3 hidden,); None for no bias.

    Returns:
        A layer from ((…, hidden), (…, features)), the state and the input, to the next state
        (…, hidden), with parameters `Recurrent(Affine(w, b), Affine(w, b))`.

    Raises:
        InputError, KindError: `hidden` is not an integer of at least 1.
        ShapeError: the state or the input does not fit.

    Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine
    translation" (2014).

    >>> import torch
    >>> params, shape = gru_cell(3).init(torch.Generator().manual_seed(0), ((3,), (2,)))
    >>> params.x.w.shape, params.h.w.shape, shape
    (torch.Size([2, 9]), torch.Size([3, 9]), (3,))
    """
    integer("gru_cell", "hidden", hidden, 1)

    @in_float32
    def apply(
        params: Recurrent, x: tuple[Tensor, Tensor], rng: Generator | None = None
    ) -> tuple[Tensor, Vjp]:
        h, seen = x
        (wx, bx), (wh, bh) = params
        a, pull_x = affine(seen, wx, bx)
        gates, pull_h = affine(h, wh, bh)
        gates.narrow(-1, 0, 2 * hidden).add_(a.narrow(-1, 0, 2 * hidden))
        n = a.narrow(-1, 2 * hidden, hidden)
        z = advance(gates, n)
        # Not by lerp, which gives NaN for an infinite h where z is above a half.
        y = h.sub(n).mul_(z).add_(n)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Recurrent, Any]:
            back = factors(gates, n, h).mul_(dy.unsqueeze(-2))
            dwx, dbx, dx = pull_x(input_part(back), need_dx)
            dwh, dbh, dh = pull_h(state_part(back), need_dx)
            dparams = Recurrent(Affine(dwx, dbx), Affine(dwh, dbh))
            if dh is None:
                return dparams, None
            return dparams, (dh.addcmul_(dy, z), dx)

        return y, vjp

    takes = Signature(
        Kind("gru_cell", gated, 3).params("in>=0"),
        ("h: *models … hidden", "x: *models … in>=0"),
        "*models … hidden",
        hidden=hidden,
    )
    return declared("gru_cell", takes, apply, drawing(w_init, b_init), str(hidden))


@named_defaults
def gru(
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
    """Run a gated recurrent unit over a sequence, from a state of zeros.

        hₜ = cell(hₜ₋₁, xₜ), h₀ = 0        y = (h₁, …, hₙ)        (the formulas are `gru_cell`'s)

    It is `scan(gru_cell(hidden), hidden)`, and faster: the inputs of all time steps are
    multiplied by their weights at once, and so are the states in the backward pass,
    dwₕ = Σ hₜ₋₁ᵀ dbₜ. The parameters fit both.

    A *unit* is one layer in one direction. With one unit its parameters and its state are single;
    with several, tuples with one entry a unit: the first layer forwards, the first backwards, the
    second forwards, and so on.

    Args:
        hidden: the number of features of the state, at least 1.
        layers: how many of them stand one on the other, at least 1.
        bidirectional: whether each layer has a second unit, which begins at the end of the
            sequence; their outputs stand side by side, 2 hidden features.
        dropout: the rate at which numbers are dropped between layers in training.
        initial: whether h₀ is handed in, behind x.
        final: whether the state after the last step is returned, behind y.
        lengths: whether the number of time steps of each sequence is handed in, as the last input:
            0 to time, int64. Of a sequence that was padded, y is 0 behind its end, the final state
            is that at its end, and whatever the padding is, it is of no weight.
        w_init: draws both `w`, of shapes (features, 3 hidden) and (hidden, 3 hidden).
        b_init: draws both `b`, of shape (3 hidden,); None for no bias.

    Returns:
        A layer from x (…, time, features) to y (…, time, hidden), with parameters
        `Recurrent(Affine(w, b), Affine(w, b))`; from (x, state, lengths) where these are asked for,
        and to (y, state). A state is (…, hidden), lengths are (…).

    Raises:
        InputError, KindError: an argument is out of its range, or a length is.
        ShapeError: an input does not fit the weights, or the others.

    Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine
    translation" (2014); both directions: Schuster and Paliwal, "Bidirectional recurrent neural
    networks" (1997); the derivative: Werbos, "Backpropagation through time" (1990).

    >>> import torch
    >>> params, shape = gru(3).init(torch.Generator().manual_seed(0), (7, 2))
    >>> y, vjp = gru(3)(params, torch.ones(5, 7, 2))
    >>> shape, y.shape, vjp(y)[1].shape
    ((7, 3), torch.Size([5, 7, 3]), torch.Size([5, 7, 2]))

    Two sequences, of 4 and of 7 steps, and where each of them ended:

    >>> layer = gru(3, final=True, lengths=True)
    >>> (y, h), vjp = layer(params, (torch.ones(2, 7, 2), torch.tensor([4, 7])))
    >>> torch.equal(y[0, 3], h[0]), torch.equal(y[1, 6], h[1]), float(y[0, 4:].abs().sum())
    (True, True, 0.0)
    """
    options = Options(layers, bidirectional, dropout, initial, final, lengths)
    return running(Kind("gru", gated, 3), hidden, options, w_init, b_init)
