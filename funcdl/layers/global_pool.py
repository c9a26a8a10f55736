"""Pooling of all pixels of channels-last images, or of all steps of sequences, to one number."""

from __future__ import annotations

from funcdl.contract import Apply, Layer, Params, Vjp, declared
from funcdl.signature import Signature
from funcdl.tensor import Generator, Tensor

__all__ = ["global_avg_pool1d", "global_avg_pool2d", "global_max_pool1d", "global_max_pool2d"]


def _global_avg(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
    height, width = x.shape[-3:-1]
    y = x.mean((-3, -2))

    def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Tensor | None]:
        if not need_dx:
            return params, None
        share = dy.mul(1 / (height * width))
        return params, share.unsqueeze(-2).unsqueeze(-2).expand(x.shape)

    return y, vjp


def _global_max(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
    flat = x.flatten(-3, -2)
    y, index = flat.max(-2, keepdim=True)

    def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Tensor | None]:
        if not need_dx:
            return params, None
        dx = dy.new_zeros(flat.shape).scatter_(-2, index, dy.unsqueeze(-2))
        return params, dx.reshape(x.shape)

    return y.squeeze(-2), vjp


def _of_steps(apply: Apply) -> Apply:
    """Make `apply` for sequences, (…, length, c), of that for images."""

    def steps(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Tensor, Vjp]:
        y, pull = apply(params, x.unsqueeze(-3))

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Tensor | None]:
            _, dx = pull(dy, need_dx)
            return params, None if dx is None else dx.squeeze(-3)

        return y, vjp

    return steps


def _global(name: str, apply: Apply, own: str = "height width") -> Layer[tuple[()], Tensor, Tensor]:
    takes = Signature((), f"… {own} channels>=0", "… channels")
    return declared(name, takes, apply)


global_avg_pool2d = _global("global_avg_pool2d", _global_avg)
"""y = the mean over height and width, from (…, h, w, c) to (…, c); dx = dy / (h w).

Lin, Chen and Yan, "Network in network" (2014).
"""

global_max_pool2d = _global("global_max_pool2d", _global_max)
"""y = the largest over height and width, from (…, h, w, c) to (…, c); dx = dy there, 0 elsewhere.

Oquab, Bottou, Laptev and Sivic, "Is object localization for free?" (2015).
"""

global_avg_pool1d = _global("global_avg_pool1d", _of_steps(_global_avg), "length")
"""y = the mean over the steps, from (…, length, c) to (…, c); dx = dy / length.

Lin, Chen and Yan, "Network in network" (2014).
"""

global_max_pool1d = _global("global_max_pool1d", _of_steps(_global_max), "length")
"""y = the largest over the steps, from (…, length, c) to (…, c); dx = dy there, 0 elsewhere.

Collobert, Weston, Bottou, Karlen, Kavukcuoglu and Kuksa, "Natural language processing (almost) from
scratch" (2011).
"""
