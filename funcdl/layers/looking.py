"""What attention can be asked for: masks, lengths, noise, and the weights beside the output."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from funcdl.arguments import number, positive
from funcdl.errors import KindError
from funcdl.layers.dropout import dropout
from funcdl.layers.windows import written
from funcdl.misuse import short
from funcdl.ops.attending import Noise, attend_to
from funcdl.ops.waves import rotate
from funcdl.tensor import Generator, Tensor

__all__ = ["Found", "Looking"]


class Found(NamedTuple):
    """What queries found, z of (…, queries, width), with the weights of all heads.

    Attributes:
        z: (…, queries, width).
        weights: (…, heads, queries, keys).
        pull: `(dz, dweights) -> (dq, dk, dv, dmask)`.
    """

    z: Tensor
    weights: Tensor
    pull: Callable[..., tuple[Tensor, Tensor, Tensor, Tensor]]


class Looking(NamedTuple):
    """The options of `attention` and `cross_attention`, which tell what they mean."""

    heads: int
    causal: bool = False
    dropout: float = 0.0
    mask: bool = False
    lengths: bool = False
    weights: bool = False
    rotary: float | None = None

    @property
    def is_plain(self) -> bool:
        """Tell whether nothing but the heads, and which time steps are seen, is asked for."""
        return self == Looking(self.heads, self.causal)

    def expect(self, name: str) -> None:
        """Refuse what is out of range."""
        number(name, "dropout", self.dropout, 0, 1)
        if self.rotary is not None:
            positive(name, "rotary", self.rotary)
        for what in ("causal", "mask", "lengths", "weights"):
            if not isinstance(value := getattr(self, what), bool):
                raise KindError(f"{name}: expected {what} to be True or False, got {short(value)}")

    def inputs(self, keys: str) -> tuple[str, ...]:
        """Declare the inputs behind the sequences."""
        mask = (f"mask: *models … time {keys}",) * self.mask
        return mask + ("lengths: *models … <limit",) * self.lengths

    def outputs(self, y: str, keys: str) -> Any:
        """Declare what comes out."""
        return (y, f"*models … heads time {keys}") if self.weights else y

    def args(self, **more: tuple[Any, Any]) -> str:
        """Write the arguments of a call."""
        usual = Looking(self.heads)
        settings = {what: (getattr(self, what), getattr(usual, what)) for what in self._fields[1:]}
        return written(self.heads, **more, **settings)

    def look(
        self,
        qkv: Sequence[Tensor],
        mask: Tensor | None,
        barred: Tensor | None,
        rng: Generator | None,
    ) -> Found:
        """Let queries look at keys.

        Args:
            qkv: queries, keys and values, each (…, time, width).
            mask: (…, queries, keys), added to the scores of all heads.
            barred: (…, queries or 1, keys), True for what is not to be seen.
            rng: where the noise is drawn from; None for none.
        """
        q, k, v = (t.reshape(math.prod(t.shape[:-2]), *t.shape[-2:]) for t in qkv)
        lead, queries, keys = qkv[0].shape[:-2], q.shape[-2], k.shape[-2]
        hidden = None if barred is None else barred.reshape(len(q), 1, *barred.shape[-2:])
        if self.causal:
            later = q.new_ones((queries, keys)).triu_(1).bool()
            hidden = later if hidden is None else hidden.logical_or(later)
        added = None if mask is None else mask.reshape(len(q), 1, queries, keys)
        q, k = self._turned(q), self._turned(k)
        found = attend_to(q, k, v, self.heads, added, hidden, self.noise(rng))

        def pull(dz: Tensor, dweights: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
            shape = found.weights.shape
            given = None if dweights is None else dweights.reshape(shape)
            dq, dk, dv, ds = found.pull(dz.reshape(found.y.shape), given)
            parts = self._turned(dq, back=True), self._turned(dk, back=True), dv
            dq, dk, dv = (d.reshape(t.shape) for d, t in zip(parts, qkv))
            return dq, dk, dv, ds.sum(1).reshape(*lead, queries, keys)

        weights = found.weights.reshape(*lead, self.heads, queries, keys)
        return Found(found.y.reshape(*lead, queries, v.shape[-1]), weights, pull)

    def _turned(self, t: Tensor, back: bool = False) -> Tensor:
        """Turn queries or keys, (sequences, time, heads d), or their cotangents back."""
        if self.rotary is None:
            return t
        each = t.reshape(*t.shape[:2], self.heads, t.shape[-1] // self.heads).transpose(1, 2)
        return rotate(each, self.rotary, back).transpose(1, 2).reshape(t.shape)

    def noise(self, rng: Generator | None) -> Noise | None:
        """Drop some of the weights in training."""
        if rng is None or not self.dropout:
            return None
        part = dropout(self.dropout)

        def noise(p: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
            kept, pull = part.apply((), p, rng)
            return kept, lambda d: pull(d)[1]

        return noise
