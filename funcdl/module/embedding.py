"""The module of a table of vectors."""

from __future__ import annotations

from typing import Any

from funcdl.arguments import integer
from funcdl.initialisers import Initialiser
from funcdl.layers.embedding import Lookup, embedding
from funcdl.module.draws import Draw
from funcdl.module.named import Named, refuse, size
from funcdl.tensor import Generator

__all__ = ["Embedding"]


class Embedding(Named):
    """PyTorch's `Embedding`: from (…), int64, to (…, embedding_dim).

    Args:
        num_embeddings, embedding_dim, device, dtype: as in PyTorch.
        padding_idx: the row that begins with 0 and has no gradient; negative from the end.
        max_norm, norm_type, scale_grad_by_freq, sparse, _weight, _freeze: as PyTorch
            has them by default, no others.
        rng: the generator to draw from; torch's own without it.
        w_init: draws the table instead, as that of `embedding`.

    Raises:
        InputError, KindError: an argument is out of its range, or not offered.

    >>> Embedding(10, 3)
    Embedding(10, 3)
    """

    factory = staticmethod(embedding)

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Any = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        rng: Generator | None = None,
        w_init: Initialiser | None = None,
    ) -> None:
        name = "Embedding"
        refuse(name, "max_norm", max_norm, None, "clip the rows after each step")
        refuse(name, "scale_grad_by_freq", scale_grad_by_freq, False, "gradients are sums")
        refuse(name, "sparse", sparse, False, "gradients are plain tensors")
        refuse(name, "_weight", _weight, None, "copy it into the module's parameter")
        refuse(name, "_freeze", _freeze, False, "hand the optimiser the other parameters alone")
        self.num_embeddings = size(name, "num_embeddings", num_embeddings)
        self.embedding_dim = size(name, "embedding_dim", embedding_dim)
        self.padding_idx = padding_idx
        if padding_idx is not None:
            least, most = -num_embeddings, num_embeddings - 1
            self.padding_idx = integer(name, "padding_idx", padding_idx, least, most)
            self.padding_idx %= num_embeddings
        layer = embedding(num_embeddings, embedding_dim, padding=self.padding_idx)
        super().__init__(locals(), layer)

    def _start(self, draw: Draw) -> Lookup:
        shape, init = (self.num_embeddings, self.embedding_dim), self.arguments["w_init"]
        table = draw.normal(1.0, *shape) if init is None else draw.by(init, *shape)
        if self.padding_idx is not None:
            table.select(0, self.padding_idx).zero_()
        return Lookup(table)
