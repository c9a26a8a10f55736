"""Where a time step stands in its sequence, told to layers that know no order."""

from __future__ import annotations

from funcdl.arguments import integer, positive
from funcdl.contract import Layer, Params, Shape, Vjp, declared
from funcdl.errors import ShapeError
from funcdl.initialisers import Initialiser, normal
from funcdl.layers.embedding import Lookup
from funcdl.layers.windows import written
from funcdl.ops.leading import align
from funcdl.ops.waves import rotate, waves
from funcdl.signature import Signature, of
from funcdl.tensor import Generator, Tensor, as_dtype_of, wide

__all__ = ["learnt_positions", "rotary", "sinusoidal"]


def sinusoidal(base: float = 10000.0) -> Layer[tuple[()], Tensor, Tensor]:
    """Add waves to each time step, from which its position can be read.

        y = x + p        p[t, 2i] = sin(t / bᶦ)        p[t, 2i + 1] = cos(t / bᶦ)        dx = dy

    with bᶦ = base^(2i / features), and t from 0 on.

    Args:
        base: above 0; the larger, the longer are the slowest waves.

    Returns:
        A layer from (…, time, features) to the same, without parameters.

    Raises:
        InputError, KindError: `base` is not a number above 0.

    Vaswani et al., "Attention is all you need" (2017).

    >>> import torch
    >>> sinusoidal()((), torch.zeros(2, 4))[0]
    tensor([[0.0000, 1.0000, 0.0000, 1.0000],
            [0.8415, 0.5403, 0.0100, 0.9999]])
    """
    positive("sinusoidal", "base", base)

    def apply(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        sin, cos = waves(x, base)
        table = sin.new_empty((*sin.shape, 2))
        table.select(-1, 0).copy_(sin)
        table.select(-1, 1).copy_(cos)
        rows = wide(x)
        added = as_dtype_of(table.flatten(-2).narrow(-1, 0, x.shape[-1]), rows)
        y = as_dtype_of(rows.add(added), x)
        return y, lambda dy, need_dx=True: (params, dy if need_dx else None)

    same = "… time>=0 features>=0"
    takes = Signature((), same, same)
    return declared("sinusoidal", takes, apply, args=written(base=(base, 10000.0)))


def learnt_positions(
    longest: int, *, w_init: Initialiser | None = None
) -> Layer[Lookup, Tensor, Tensor]:
    """Add a learnt vector to each time step, one for each position.

        y = x + w[:time]        dw[t] = Σ dy[t]        dx = dy

    Args:
        longest: how many positions have one, at least 1.
        w_init: draws `w` of shape (longest, features); N(0, 0.02²) without it.

    Returns:
        A layer from (…, time, features) to the same, with parameters `Lookup(w)`.

    Raises:
        InputError, KindError: `longest` is not an integer of at least 1.
        ShapeError: a sequence is longer, or does not fit the parameters.

    Gehring, Auli, Grangier, Yarats and Dauphin, "Convolutional sequence to sequence learning"
    (2017).

    >>> import torch
    >>> params, shape = learnt_positions(9).init(torch.Generator().manual_seed(0), (7, 4))
    >>> params.w.shape, shape
    (torch.Size([9, 4]), (7, 4))
    """
    name = "learnt_positions"
    integer(name, "longest", longest, 1)

    def expect(time: int) -> None:
        if time > longest:
            raise ShapeError(f"{name}: expected at most {longest} time steps, got {time}")

    def apply(params: Lookup, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        (w,) = params
        time = x.shape[-2]
        expect(time)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Lookup, Tensor | None]:
            dw = w.new_zeros(w.shape)
            models = w.ndim - 2
            between = tuple(range(models, dy.ndim - 2))
            total = wide(dy).sum(between) if between else dy
            dw.narrow(-2, 0, time).copy_(total)
            return Lookup(dw), dy if need_dx else None

        return x.add(align(w.narrow(-2, 0, time), x, 2)), vjp

    takes = Signature(
        of(Lookup, "*models longest features>=0"),
        "*models … time>=0 features",
        "*models … time features",
        longest=longest,
    )
    layer = declared(name, takes, apply, of(Lookup, w_init or normal(0.0004)), f"{longest}")

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        params, out_shape = layer.init(rng, in_shape)
        expect(in_shape[-2])
        return params, out_shape

    return Layer(name, init, apply, layer.args, signature=takes)


def rotary(base: float = 10000.0) -> Layer[tuple[()], Tensor, Tensor]:
    """Turn each pair of features by an angle that grows with the position.

        (y₂ᵢ, y₂ᵢ₊₁) = (x₂ᵢ, x₂ᵢ₊₁) turned by t / bᶦ
        (dx₂ᵢ, dx₂ᵢ₊₁) = (dy₂ᵢ, dy₂ᵢ₊₁) turned back

    with bᶦ = base^(2i / features), and t from 0 on. The product of two turned vectors knows how far
    apart they are, and not where: `attention(heads, rotary=base)` so turns queries and keys.

    Args:
        base: above 0; the larger, the slower is the slowest turn.

    Returns:
        A layer from (…, time, features) to the same, without parameters; the features are even.

    Raises:
        InputError, KindError: `base` is not a number above 0.
        ShapeError: the number of features is odd.

    Su, Lu, Pan, Murtadha, Wen and Liu, "RoFormer: enhanced transformer with rotary position
    embedding" (2021).

    >>> import torch
    >>> y, vjp = rotary()((), torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    >>> y[1], vjp(y)[1][1].round(decimals=6)
    (tensor([0.5403, 0.8415]), tensor([1., 0.]))
    """
    positive("rotary", "base", base)

    def apply(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Tensor | None]:
            return params, rotate(dy, base, back=True) if need_dx else None

        return rotate(x, base), vjp

    takes = Signature((), "… time>=0 2*half", "… time 2*half")
    return declared("rotary", takes, apply, args=written(base=(base, 10000.0)))
