"""The gated recurrent unit: one step of it, and a whole sequence."""

from __future__ import annotations

from typing import Any, NamedTuple

from funcdl.arguments import last_axis, show, whole
from funcdl.contract import Layer, Shape, Vjp
from funcdl.errors import ShapeError
from funcdl.initialisers import Initialiser, fan_in_uniform, zeros
from funcdl.layers.affine import Affine, bias_of
from funcdl.ops.affine import affine
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

    Backwards, with dh' the cotangent of the new state:

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
        InputError, KindError: `hidden` is not a whole number of at least 1.
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
        h, x = _states("gru_cell", hidden, in_shape)
        return _draw("gru_cell", rng, last_axis("gru_cell", x), hidden, w_init, b_init), h

    def apply(
        params: Recurrent, x: tuple[Tensor, Tensor], rng: Generator | None = None
    ) -> tuple[Tensor, Vjp]:
        try:
            h, seen = x
            if h.shape[:-1] != seen.shape[:-1]:
                raise ValueError("leading axes")
            (wx, bx), (wh, bh) = params
            a, pull_x = affine(seen, wx, bias_of(bx))
            b, pull_h = affine(h, wh, bias_of(bh))
            y, pull = _gates(a, b, h)
        except (RuntimeError, TypeError, ValueError, AttributeError) as error:
            raise _misfit("gru_cell", hidden, params, x, error) from None

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Recurrent, Any]:
            da, db = a.new_empty(a.shape), b.new_empty(b.shape)
            kept = pull(dy, da, db)
            dwx, dbx, dx = pull_x(da, need_dx)
            dwh, dbh, dh = pull_h(db, need_dx)
            dparams = _cotangents(dwx, dbx, dwh, dbh)
            return dparams, None if dh is None else (kept.add_(dh), dx)

        return y, vjp

    return Layer("gru_cell", init, apply, str(hidden))


def gru(
    hidden: int, *, w_init: Initialiser = fan_in_uniform, b_init: Initialiser | None = zeros
) -> Layer:
    """Run a gated recurrent unit over a sequence, from a state of zeros.

        hₜ = cell(hₜ₋₁, xₜ), h₀ = 0        y = (h₁, …, hₙ)        (the formulas are `gru_cell`'s)

    It is `scan(gru_cell(hidden), hidden)`, and faster: the inputs of all times are multiplied by
    their weights at once, and so are the states on the way back, dwₕ = Σ hₜ₋₁ᵀ dbₜ. The parameters
    fit both.

    Args:
        hidden: the number of features of the state, at least 1.
        w_init: draws both `w`, of shapes (features, 3 hidden) and (hidden, 3 hidden).
        b_init: draws both `b`, of shape (3 hidden,); None for no bias.

    Returns:
        A layer from (…, time, features) to (…, time, hidden), with parameters
        `Recurrent(Affine(w, b), Affine(w, b))`.

    Raises:
        InputError, KindError: `hidden` is not a whole number of at least 1.
        ShapeError: the sequence does not fit the weights.

    Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine
    translation" (2014).

    >>> import torch
    >>> params, shape = gru(3).init(torch.Generator().manual_seed(0), (7, 2))
    >>> y, vjp = gru(3)(params, torch.ones(5, 7, 2))
    >>> shape, y.shape, vjp(y)[1].shape
    ((7, 3), torch.Size([5, 7, 3]), torch.Size([5, 7, 2]))
    """
    whole("gru", "hidden", hidden, 1)

    def init(rng: Generator, in_shape: Shape) -> tuple[Recurrent, Shape]:
        if len(in_shape) < 2 or not all(isinstance(length, int) for length in in_shape):
            raise ShapeError(
                f"gru: expected sequences of shape (…, time, features), got {show(in_shape)}"
            )
        params = _draw("gru", rng, in_shape[-1], hidden, w_init, b_init)
        return params, (*in_shape[:-1], hidden)

    def apply(params: Recurrent, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        try:
            (wx, bx), (wh, bh) = params
            models, time = wx.shape[:-2], x.shape[-2]
            if x.ndim < wx.ndim or x.shape[: len(models)] != models:
                raise ValueError("the axes before (time, features) are not the models'")
            a, pull_x = affine(x, wx, bias_of(bx))
            lead = (*models, x[..., 0, 0].numel() // max(wx[..., 0, 0].numel(), 1))
            # The states of all times, time first: each is whole memory then.
            hs = a.new_zeros((time + 1, *lead, hidden))
            pulls = []
            for t, at in enumerate(a.reshape(*lead, time, 3 * hidden).unbind(-2)):
                b, _ = affine(hs[t], wh, bias_of(bh))
                h, pull = _gates(at, b, hs[t])
                hs[t + 1].copy_(h)
                pulls.append(pull)
        except (RuntimeError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise _misfit("gru", hidden, params, x, error) from None

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Recurrent, Tensor | None]:
            raise NotImplementedError

        return hs[1:].movedim(0, -2).reshape(*x.shape[:-1], hidden), vjp

    return Layer("gru", init, apply, str(hidden))
