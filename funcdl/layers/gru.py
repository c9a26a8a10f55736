"""The gated recurrent unit: one step of it, and a whole sequence."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from funcdl.arguments import integer
from funcdl.contract import Layer, Vjp, declared
from funcdl.initialisers import Initialiser, fan_in_uniform, zeros
from funcdl.layers.affine import Affine
from funcdl.layers.half import in_float32
from funcdl.ops.affine import affine
from funcdl.ops.gru import advance, factors, input_part, state_part
from funcdl.signature import Signature, of
from funcdl.tensor import Generator, Tensor

__all__ = ["Recurrent", "gru", "gru_cell"]


class Recurrent(NamedTuple):
    """Parameters of a recurrent layer: the affine maps of its input and of its state."""

    x: Affine
    h: Affine


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
        _params(),
        ("h: *models … hidden", "x: *models … in>=0"),
        "*models … hidden",
        hidden=hidden,
    )
    return declared("gru_cell", takes, apply, _draws(w_init, b_init), str(hidden))


def gru(
    hidden: int, *, w_init: Initialiser = fan_in_uniform, b_init: Initialiser | None = zeros
) -> Layer:
    """Run a gated recurrent unit over a sequence, from a state of zeros.

        hₜ = cell(hₜ₋₁, xₜ), h₀ = 0        y = (h₁, …, hₙ)        (the formulas are `gru_cell`'s)

    It is `scan(gru_cell(hidden), hidden)`, and faster: the inputs of all time steps are
    multiplied by their weights at once, and so are the states in the backward pass,
    dwₕ = Σ hₜ₋₁ᵀ dbₜ. The parameters fit both.

    Args:
        hidden: the number of features of the state, at least 1.
        w_init: draws both `w`, of shapes (features, 3 hidden) and (hidden, 3 hidden).
        b_init: draws both `b`, of shape (3 hidden,); None for no bias.

    Returns:
        A layer from (…, time, features) to (…, time, hidden), with parameters
        `Recurrent(Affine(w, b), Affine(w, b))`.

    Raises:
        InputError, KindError: `hidden` is not an integer of at least 1.
        ShapeError: the sequence does not fit the weights.

    Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine
    translation" (2014); the derivative: Werbos, "Backpropagation through time" (1990).

    >>> import torch
    >>> params, shape = gru(3).init(torch.Generator().manual_seed(0), (7, 2))
    >>> y, vjp = gru(3)(params, torch.ones(5, 7, 2))
    >>> shape, y.shape, vjp(y)[1].shape
    ((7, 3), torch.Size([5, 7, 3]), torch.Size([5, 7, 2]))
    """
    integer("gru", "hidden", hidden, 1)

    @in_float32
    def apply(params: Recurrent, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        (wx, bx), (wh, bh) = params
        models, time = wx.shape[:-2], x.shape[-2]
        a, pull_x = affine(x, wx, bx)
        # Time first and all models in one axis: each step is contiguous and one product.
        rows = (math.prod(models), math.prod(x.shape[len(models) : -2]))
        w = wh.reshape(-1, hidden, 3 * hidden)
        a = a.reshape(*rows, time, 3 * hidden).movedim(-2, 0)
        gates = a.new_empty(a.shape).copy_(a)
        ns = a.new_empty((*a.shape[:-1], hidden)).copy_(a.narrow(-1, 2 * hidden, hidden))
        gates.narrow(-1, 2 * hidden, hidden).zero_()
        if not isinstance(bh, tuple):
            gates.add_(bh.reshape(-1, 1, 3 * hidden))
        hs = a.new_zeros((time + 1, *rows, hidden))
        for gate, n, h, y in zip(*(s.unbind(0) for s in (gates, ns, hs[:-1], hs[1:]))):
            z = advance(gate.baddbmm_(h, w), n)
            y.copy_(n).lerp_(h, z)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Recurrent, Tensor | None]:
            dys = dy.reshape(*rows, time, hidden).movedim(-2, 0)
            back, zs = factors(gates, ns, hs[:-1]), gates.narrow(-1, hidden, hidden)
            dh = hs.new_zeros(hs.shape[1:])
            for d, step, z in zip(*(s.unbind(0)[::-1] for s in (dys, back, zs))):
                step.mul_(dh.add_(d).unsqueeze(-2))
                dh.mul_(z).baddbmm_(state_part(step), w.mT)
            da = input_part(back.movedim(0, -3)).reshape(*x.shape[:-1], 3 * hidden)
            dwx, dbx, dx = pull_x(da, need_dx)
            db = _over_time(state_part(back))
            dwh = _over_time(hs[:-1]).mT.bmm(db).reshape(wh.shape)
            dbh = bh if isinstance(bh, tuple) else db.sum(-2).reshape(bh.shape)
            return Recurrent(Affine(dwx, dbx), Affine(dwh, dbh)), dx

        return hs[1:].movedim(0, -2).reshape(*x.shape[:-1], hidden), vjp

    takes = Signature(_params(), "*models … time>=0 in", "*models … time hidden", hidden=hidden)
    return declared("gru", takes, apply, _draws(w_init, b_init), str(hidden))


def _over_time(t: Tensor) -> Tensor:
    """Give the rows of all times of each model: (time, models, n, …) to (models, time n, …)."""
    return t.movedim(0, 1).flatten(1, 2)


def _params() -> Any:
    """Declare the parameters of both."""
    bias = "*models 3*hidden | ()"
    return of(
        Recurrent,
        of(Affine, "*models in>=0 3*hidden", bias),
        of(Affine, "*models hidden 3*hidden", bias),
    )


def _draws(w_init: Initialiser, b_init: Initialiser | None) -> Any:
    return of(Recurrent, of(Affine, w_init, b_init), of(Affine, w_init, b_init))
