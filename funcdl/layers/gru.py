"""The gated recurrent unit: one step of it, and a whole sequence."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from funcdl.arguments import filled, last_axis, sequence_shape, show, whole
from funcdl.contract import Layer, Shape, Vjp
from funcdl.errors import FuncdlError, KindError, ShapeError
from funcdl.initialisers import Initialiser, fan_in_uniform, zeros
from funcdl.layers.affine import Affine, bias_of, draw, fitting_bias, misfit_parts
from funcdl.layers.half import in_float32
from funcdl.ops.affine import affine
from funcdl.ops.gru import advance, factors, input_part, state_part
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
    whole("gru_cell", "hidden", hidden, 1)

    def init(rng: Generator, in_shape: Shape) -> tuple[Recurrent, Shape]:
        if len(in_shape) != 2 or not all(isinstance(shape, tuple) for shape in in_shape):
            raise ShapeError(f"gru_cell: expected a pair (h, x), got {show(in_shape)}")
        h, x = in_shape
        wanted = (*x[:-1], hidden)
        if h != wanted:
            raise ShapeError(f"gru_cell: expected h of shape {show(wanted)}, got {show(h)}")
        features = last_axis("gru_cell", x)
        return _draw("gru_cell", rng, features, hidden, w_init, b_init), h

    @in_float32
    def apply(
        params: Recurrent, x: tuple[Tensor, Tensor], rng: Generator | None = None
    ) -> tuple[Tensor, Vjp]:
        try:
            h, seen = x
            (wx, bx), (wh, bh) = params
            a, pull_x = affine(seen, wx, bias_of(bx))
            gates, pull_h = affine(h, wh, bias_of(bh))
            if a.shape != gates.shape or a.is_meta is not gates.is_meta:
                raise ValueError("the axes before the features differ, or the devices")
            gates.narrow(-1, 0, 2 * hidden).add_(a.narrow(-1, 0, 2 * hidden))
            n = a.narrow(-1, 2 * hidden, hidden)
            z = advance(gates, n)
            # Not by lerp, which gives NaN for an infinite h where z is above a half.
            y = h.sub(n).mul_(z).add_(n)
        except (RuntimeError, TypeError, ValueError, AttributeError):
            raise _misfit("gru_cell", hidden, params, x) from None

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Recurrent, Any]:
            back = factors(gates, n, h).mul_(dy.unsqueeze(-2))
            dwx, dbx, dx = pull_x(input_part(back), need_dx)
            dwh, dbh, dh = pull_h(state_part(back), need_dx)
            dparams = Recurrent(_affine(dwx, dbx), _affine(dwh, dbh))
            if dh is None:
                return dparams, None
            return dparams, (dh.addcmul_(dy, z), dx)

        return y, vjp

    return Layer("gru_cell", init, apply, str(hidden), floats=True)


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
    whole("gru", "hidden", hidden, 1)

    def init(rng: Generator, in_shape: Shape) -> tuple[Recurrent, Shape]:
        _, features = sequence_shape("gru", in_shape)
        params = _draw("gru", rng, features, hidden, w_init, b_init)
        return params, (*in_shape[:-1], hidden)

    @in_float32
    def apply(params: Recurrent, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        try:
            (wx, bx), (wh, bh) = params
            models, time = wx.shape[:-2], x.shape[-2]
            if wh.is_meta is not x.is_meta:
                raise ValueError("expected all on one device")
            if x.ndim < wx.ndim or x.shape[: len(models)] != models:
                raise ValueError("x does not begin with the models' axes")
            a, pull_x = affine(x, wx, bias_of(bx))
            # Time first and all models in one axis: each step is contiguous and one product.
            rows = (math.prod(models), math.prod(x.shape[len(models) : -2]))
            w = wh.reshape(-1, hidden, 3 * hidden)
            a = a.reshape(*rows, time, 3 * hidden).movedim(-2, 0)
            gates = a.new_empty(a.shape).copy_(a)
            ns = a.new_empty((*a.shape[:-1], hidden)).copy_(a.narrow(-1, 2 * hidden, hidden))
            gates.narrow(-1, 2 * hidden, hidden).zero_()
            bias = fitting_bias(bh, wh, wh.shape[:-2] + wh.shape[-1:])
            if bias is not None:
                gates.add_(bias.reshape(-1, 1, 3 * hidden))
            hs = a.new_zeros((time + 1, *rows, hidden))
            for gate, n, h, y in zip(*(s.unbind(0) for s in (gates, ns, hs[:-1], hs[1:]))):
                z = advance(gate.baddbmm_(h, w), n)
                y.copy_(n).lerp_(h, z)
        except (RuntimeError, TypeError, ValueError, AttributeError, IndexError):
            raise _misfit("gru", hidden, params, x) from None

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
            dbh = None if bias is None else db.sum(-2).reshape(bias.shape)
            return Recurrent(_affine(dwx, dbx), _affine(dwh, dbh)), dx

        return hs[1:].movedim(0, -2).reshape(*x.shape[:-1], hidden), vjp

    return Layer("gru", init, apply, str(hidden), floats=True)


def _over_time(t: Tensor) -> Tensor:
    """Give the rows of all times of each model: (time, models, n, …) to (models, time n, …)."""
    return t.movedim(0, 1).flatten(1, 2)


def _draw(
    where: str,
    rng: Generator,
    features: int,
    hidden: int,
    w_init: Initialiser,
    b_init: Initialiser | None,
) -> Recurrent:
    return Recurrent(
        draw(where, rng, (features, 3 * hidden), w_init, b_init),
        draw(where, rng, (hidden, 3 * hidden), w_init, b_init),
    )


def _affine(dw: Tensor, db: Tensor | None) -> Affine:
    return Affine(dw, () if db is None else db)


def _misfit(where: str, hidden: int, params: Any, x: Any) -> FuncdlError:
    """Say in one sentence why parameters and input do not fit each other."""
    if not isinstance(params, Recurrent):
        return KindError(f"{where}: expected params (x, h), got {type(params).__name__}")
    cell = where == "gru_cell"
    if cell and not (isinstance(x, tuple) and len(x) == 2):
        return KindError(f"{where}: expected a pair (h, x), got {type(x).__name__}")
    given = x if cell else (x,)
    wx = params.x.w
    for t in given:
        if not isinstance(t, Tensor):
            return KindError(f"{where}: expected a tensor, got {type(t).__name__}")
        if t.dtype != wx.dtype:
            return KindError(f"{where}: expected x to be {wx.dtype} as w is, got {t.dtype}")
    parts = {"x": (params.x, wx.shape[-2], 3 * hidden), "h": (params.h, hidden, 3 * hidden)}
    if (problem := misfit_parts(where, parts, x)) is not None:
        return problem
    for t in given:
        filled(where, t.shape)
    models = "".join(f"{length}, " for length in wx.shape[:-2])
    features = wx.shape[-2]
    if cell:
        expected = f"(({models}…, {hidden}), ({models}…, {features}))"
        got = show(tuple(tuple(t.shape) for t in given))
    else:
        expected, got = f"({models}…, time, {features})", show(x.shape)
    return ShapeError(f"{where}: expected {expected}, got {got}")
