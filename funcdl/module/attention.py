"""Modules of attention."""

from __future__ import annotations

import math
from typing import Any

from funcdl.arguments import number
from funcdl.contract import Value
from funcdl.errors import InputError, KindError, ShapeError
from funcdl.initialisers import Initialiser
from funcdl.layers.affine import Affine
from funcdl.layers.attention import Attention, attention
from funcdl.module.attending import Extra, Separate, attending, barred, is_causal_mask
from funcdl.module.draws import Draw, turned
from funcdl.module.named import Named, flag, size
from funcdl.tensor import Generator, Tensor

__all__ = ["MultiheadAttention", "SelfAttention"]


class SelfAttention(Named):
    """`attention` as a module: from (…, time, embed_dim) to the same.

    It begins as PyTorch's `MultiheadAttention` does.

    Args:
        embed_dim: the number of features.
        num_heads: it divides them.
        causal: whether a time step sees only itself and those before it.
        bias, device, dtype, rng, w_init, b_init: as in `Linear`.

    Raises:
        InputError, KindError: an argument is out of its range.

    >>> import torch
    >>> SelfAttention(8, 2)(torch.ones(5, 7, 8)).shape
    torch.Size([5, 7, 8])
    """

    factory = staticmethod(attention)

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        causal: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        rng: Generator | None = None,
        w_init: Initialiser | None = None,
        b_init: Initialiser | None = None,
    ) -> None:
        self.embed_dim = heads_of("SelfAttention", embed_dim, num_heads)
        flag("SelfAttention", "causal", causal)
        flag("SelfAttention", "bias", bias)
        super().__init__(locals(), attention(num_heads, causal=causal))

    def _start(self, draw: Draw) -> Attention:
        given = self.arguments
        return started(draw, self.embed_dim, given["bias"], given["w_init"], given["b_init"])


class MultiheadAttention(Named):
    """PyTorch's `MultiheadAttention`: `output, weights = attention(query, key, value)`.

    All are (time, batch, embed_dim), with `batch_first` (batch, time, embed_dim), or
    (time, embed_dim). `forward` takes the masks as PyTorch's does, and `need_weights`, without
    which the weights are None. `backward` takes the gradients of both, None for 0, and gives those
    of query, key and value.

    Args:
        embed_dim, num_heads, dropout, bias: as in PyTorch.
        add_bias_kv, add_zero_attn, kdim, vdim, batch_first: as in PyTorch.
        device, dtype: as in PyTorch.
        rng: the generator to draw from; torch's own without it.

    Raises:
        InputError, KindError: an argument is out of its range, or not offered.

    >>> import torch
    >>> x = torch.ones(5, 7, 8)
    >>> output, weights = MultiheadAttention(8, 2, batch_first=True)(x, x, x)
    >>> output.shape, weights.shape
    (torch.Size([5, 7, 8]), torch.Size([5, 7, 7]))
    """

    factory = staticmethod(attention)
    _has_weights = True

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        rng: Generator | None = None,
    ) -> None:
        name = "MultiheadAttention"
        self.embed_dim = heads_of(name, embed_dim, num_heads)
        number(name, "dropout", dropout, 0, 1)
        self.kdim = embed_dim if kdim is None else size(name, "kdim", kdim)
        self.vdim = embed_dim if vdim is None else size(name, "vdim", vdim)
        self.separate = (self.kdim, self.vdim) != (embed_dim, embed_dim)
        for what, value in {
            "bias": bias,
            "add_bias_kv": add_bias_kv,
            "add_zero_attn": add_zero_attn,
            "batch_first": batch_first,
        }.items():
            flag(name, what, value)
        self.num_heads, self.batch_first = num_heads, batch_first
        layer = attending(num_heads, batch_first, add_zero_attn, rate=dropout)
        super().__init__(locals(), layer)

    def _start(self, draw: Draw) -> Any:
        given, width = self.arguments, self.embed_dim
        if self.separate:
            params: Any = _separate(draw, width, self.kdim, self.vdim, given["bias"])
        else:
            params = started(draw, width, given["bias"])
        if not given["add_bias_kv"]:
            return params
        deviation = math.sqrt(2.0 / (width + width))
        rows = [draw.normal(deviation, 1, 1, width) for _ in range(2)]
        if self.separate:
            return params._replace(bias_k=rows[0], bias_v=rows[1])
        return Extra(*params, *rows)

    def __call__(self, *input: Any, **named: Any) -> Value:
        """Do a forward pass, see `forward`."""
        return self.forward(*input, **named)

    def forward(self, *input: Any, **named: Any) -> Value:
        """Let each query look at all keys: the output, and the weights.

        Args:
            input: query, key and value, and what PyTorch's `forward` takes behind them.
            named: the same by name: key_padding_mask, need_weights, attn_mask,
                average_attn_weights, is_causal.

        Raises:
            ShapeError, KindError: an argument does not fit.
        """
        query, key, value, padding, need, mask, average, causal = self._given(*input, **named)
        if causal and mask is None:
            raise InputError("MultiheadAttention: expected attn_mask with is_causal=True, got none")
        # There PyTorch goes by the word, and does not look at the mask.
        if causal and padding is None and not need and not is_causal_mask(mask):
            raise InputError(
                "MultiheadAttention: expected attn_mask to be causal with is_causal=True, "
                "got another one"
            )
        given = self.arguments
        self.layer = attending(
            self.num_heads,
            self.batch_first,
            given["add_zero_attn"],
            need,
            average,
            given["dropout"],
        )
        batch = 1 if query.ndim == 2 else query.shape[0 if self.batch_first else 1]
        bar = barred(self.num_heads, batch, query, padding, mask)
        inputs = (query, key, value) if bar is None else (query, key, value, bar)
        found = super().forward(*inputs)
        self._has_weights = need
        return found if need else (found, None)

    def backward(self, *gradwrtoutput: Any) -> Value:
        """Return the gradients of query, key and value."""
        given = gradwrtoutput
        if len(given) == 1 and isinstance(given[0], Tensor):
            given = (*given, None)
        back = super().backward(*given if self._has_weights else given[:1])
        return None if back is None else back[:3]

    def _given(self, *input: Any, **named: Any) -> tuple[Any, ...]:
        try:
            found = _arguments(*input, **named)
        except TypeError as error:
            text = str(error).replace("_arguments()", "forward")
            raise KindError(f"MultiheadAttention: {text}") from None
        sizes = self.embed_dim, self.kdim, self.vdim
        for what, x, width in zip(("query", "key", "value"), found, sizes):
            if not isinstance(x, Tensor):
                raise KindError(
                    f"MultiheadAttention: expected {what} to be a tensor, got {x!r:.40}"
                )
            if x.ndim not in (2, 3) or x.shape[-1] != width:
                raise ShapeError(
                    f"MultiheadAttention: expected {what} of shape (…, {width}) with 2 or "
                    f"3 axes, got {tuple(x.shape)}"
                )
        return found


def _arguments(
    query: Any,
    key: Any,
    value: Any,
    key_padding_mask: Any = None,
    need_weights: bool = True,
    attn_mask: Any = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Any, ...]:
    return (
        *(query, key, value, key_padding_mask, need_weights, attn_mask),
        *(average_attn_weights, is_causal),
    )


def heads_of(name: str, embed_dim: Any, num_heads: Any) -> int:
    """Return the features, which the heads have to divide."""
    width = size(name, "embed_dim", embed_dim)
    if width % size(name, "num_heads", num_heads):
        raise InputError(f"{name}: expected num_heads to divide {embed_dim}, got {num_heads}")
    return width


def _separate(draw: Draw, width: int, keys: int, values: int, bias: bool) -> Separate:
    """Draw a weight for each of query, key and value, behind the one that comes out."""
    out_w = draw.affine((width, width), width, (1, 0), bias).w
    sizes = width, keys, values
    bounds = [math.sqrt(3.0) * math.sqrt(2.0 / (width + count)) for count in sizes]
    q, k, v = (
        turned(draw.uniform(bound, width, count), (1, 0)) for bound, count in zip(bounds, sizes)
    )
    if not bias:
        return Separate(q, k, v, (), Affine(out_w, ()))
    return Separate(q, k, v, draw.full(0.0, 3 * width), Affine(out_w, draw.full(0.0, width)))


def started(
    draw: Draw,
    width: int,
    bias: bool,
    w_init: Initialiser | None = None,
    b_init: Initialiser | None = None,
) -> Attention:
    """Draw the parameters as PyTorch does: what comes out first, as a Linear, its bias then 0."""
    if w_init is not None:
        qkv_w, out_w = draw.by(w_init, width, 3 * width), draw.by(w_init, width, width)
    else:
        out_w = draw.affine((width, width), width, (1, 0), bias).w
        bound = math.sqrt(3.0) * math.sqrt(2.0 / (width + 3 * width))
        qkv_w = turned(draw.uniform(bound, 3 * width, width), (1, 0))
    if not bias:
        return Attention(Affine(qkv_w, ()), Affine(out_w, ()))
    biases = [
        draw.by(b_init, count) if b_init else draw.full(0.0, count) for count in (3 * width, width)
    ]
    return Attention(Affine(qkv_w, biases[0]), Affine(out_w, biases[1]))
