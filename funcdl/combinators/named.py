"""A name for a part of a network."""

from __future__ import annotations

from typing import NamedTuple

from funcdl.combinators.parts import as_layers, needing, place
from funcdl.contract import Layer, LayerLike, Params, Shape, Value, Vjp
from funcdl.errors import KindError
from funcdl.generic import XT, YT, ParamsT
from funcdl.tensor import Generator

__all__ = ["Naming", "named"]


class Naming(NamedTuple):
    """The `apply` of a layer with a name, which the paths of its parameters have too.

    See `funcdl.named_paths`.
    """

    part: Layer
    where: str

    def __call__(self, params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        """Apply the part."""
        return self.part.at(self.where, params, x, rng)


def named(name: str, layer: LayerLike[ParamsT, XT, YT]) -> Layer[ParamsT, XT, YT]:
    """Give a layer a name, which errors, summaries and `repr` show.

    The layer computes what it did, and its parameters are unchanged.

    Args:
        name: one word or more, not empty.
        layer: what is named.

    Raises:
        KindError: `name` is not a string, or empty; or the part is neither a layer nor a function.

    >>> import torch
    >>> from funcdl import linear, serial
    >>> net = serial(named("encoder", linear(3)), named("head", linear(2)))
    >>> net
    serial(encoder(linear(3)), head(linear(2)))
    >>> params, _ = net.init(torch.Generator().manual_seed(0), (4,))
    >>> net(params, torch.ones(5, 7))
    Traceback (most recent call last):
    funcdl.errors.ShapeError: serial[0] encoder: linear: expected x (…, 4), got (5, 7)
    """
    if not isinstance(name, str) or not name:
        raise KindError(f"named: expected a name, got {name!r}")
    (part,) = as_layers(name, [layer])

    where = f"{name}:"

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        with place(where):
            return part.init(rng, in_shape)

    return Layer(
        name, init, Naming(part, where), layers=(part,), needs_rng=needing([(where, part)])
    )
