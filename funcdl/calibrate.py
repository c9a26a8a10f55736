"""The population's mean and variance, for every batch_norm in a network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import compress
from typing import Any

from funcdl import tree
from funcdl.arguments import generator
from funcdl.contract import Layer, LayerLike, Params, Value
from funcdl.errors import InputError, KindError
from funcdl.function import as_layer
from funcdl.layers.batch_norm import BatchNorm
from funcdl.tensor import Generator, Tensor
from funcdl.tree.nodes import entries
from funcdl.watching.nested import storage
from funcdl.watching.watcher import Watcher, unwrap

__all__ = ["calibrate"]


def calibrate(layer: LayerLike, params: Params, batches: Iterable[Value], rng: Generator) -> Params:
    """Measure what each `batch_norm` of a network sees, once its training is done.

    Mean and variance are exact: those of all numbers of all batches, with every batch normalised
    as in training, by its own statistics. A norm that is applied several times, as in `shared`,
    gets those of all its inputs. One that acts as in inference, by `inference`, keeps its own.

    Args:
        layer: the network.
        params: its parameters; they are not written to.
        batches: inputs of the network, one or more, as many as describe the population. Their
            sizes may differ. A network with its loss takes pairs (x, target).
        rng: for the layers that draw numbers in training.

    Returns:
        The parameters, with another `mean` and `var` for every `BatchNorm`.

    Raises:
        InputError: there is no batch; or a norm was not seen, since it was not applied, a layer
            before it wrote into memory of its own, or it got copies of its parameters.

    Wu and Johnson, "Rethinking 'Batch' in BatchNorm" (2021), section 3: precise batch norm. The
    batches' moments are merged as by Chan, Golub and LeVeque, "Algorithms for computing the sample
    variance" (1983).

    >>> import torch
    >>> from funcdl import batch_norm
    >>> rng = torch.Generator().manual_seed(0)
    >>> params, _ = batch_norm().init(rng, (1,))
    >>> batches = [torch.tensor([[1.0], [3.0]]), torch.tensor([[5.0], [7.0]])]
    >>> params = calibrate(batch_norm(), params, batches, rng)
    >>> params.mean, params.var
    (tensor([4.]), tensor([5.]))
    """
    net = as_layer(layer)
    # Copies, so that a parameter is known by its memory, also where a layer gets a part of it.
    own = tree.map(lambda p: p.contiguous().clone() if isinstance(p, Tensor) else p, params)
    watch = _Watch(own)
    if not isinstance(batches, Iterable) or isinstance(batches, Tensor):
        raise KindError(f"calibrate: expected batches, got {type(batches).__name__}")
    count = 0
    for batch in batches:
        count += 1
        net(watch.wrap(own), watch.wrap(batch), generator("calibrate", rng))
    if not count:
        raise InputError("calibrate: expected one batch or more, got none")
    missed = [watch.missed.get(_memory(leaf)) for leaf in tree.leaves(own)]
    for path in compress(tree.paths(own), missed):
        raise InputError(f"calibrate: expected every batch_norm to be seen, but not {path}")
    written = watch.write()
    return tree.map(lambda old, new: new if _memory(new) in written else old, params, own)


def _memory(leaf: Any) -> int:
    """Name the memory of a tensor; 0 stands for a leaf that is none."""
    return storage(leaf) if isinstance(leaf, Tensor) else 0


class _Watch(Watcher):
    """Sees each application of a batch_norm, and measures its input.

    Attributes:
        found: the moments, by the place in memory of the `mean` that they are for.
        missed: how many numbers of each `mean`, by its memory, have not been measured.
    """

    def __init__(self, params: Params) -> None:
        self.found: dict[tuple[int, Any], _Moments] = {}
        self.missed = {storage(norm.mean): norm.mean.numel() for norm in _norms(params)}

    def layer(self, layer: Layer, params: Params, x: Value, rng: Generator | None) -> Any:
        """Apply a layer, and look at what goes into it."""
        # Other layers may have the parameters of a norm that they apply: the norm alone counts.
        if layer.name == "batch_norm" and not layer.layers:
            if rng is None:
                self.missed.pop(storage(unwrap(params).mean), None)  # as `inference` says
            else:
                self._measure(unwrap(params), unwrap(x))
        return super().layer(layer, params, x, rng)

    def _measure(self, params: BatchNorm, x: Tensor) -> None:
        place = storage(params.mean), params.mean.storage_offset()
        if place[0] in self.missed:
            if place not in self.found:
                self.found[place] = _Moments(params)
                self.missed[place[0]] -= params.mean.numel()
            self.found[place].add(x, params.mean.ndim - 1)

    def write(self) -> set[int]:
        """Write what was measured into the parameters that were watched; and name their memory."""
        for moments in self.found.values():
            moments.params.mean.copy_(moments.mean)
            moments.params.var.copy_(moments.squares / moments.count)
        norms = [moments.params for moments in self.found.values()]
        return {storage(leaf) for norm in norms for leaf in (norm.mean, norm.var)}


def _norms(params: Params) -> Iterator[BatchNorm]:
    """Find the parameters of every batch_norm."""
    if isinstance(params, BatchNorm):
        yield params
    elif tree.is_node(params):
        for entry in entries(params):
            yield from _norms(entry)


class _Moments:
    """Mean and sum of squared deviations of numbers that come batch by batch, in float64."""

    def __init__(self, params: BatchNorm) -> None:
        self.params = params
        self.count = 0
        self.mean: Any = 0.0
        self.squares: Any = 0.0

    def add(self, x: Tensor, models: int) -> None:
        """Merge a batch (*models, …, features)."""
        rows = x.double().reshape((*x.shape[:models], -1, x.shape[-1]))
        new = rows.shape[-2]
        mean = rows.mean(-2)
        squares = rows.sub(mean.unsqueeze(-2)).square().sum(-2)
        both = self.count + new
        step = mean - self.mean
        self.mean = self.mean + step * (new / both)
        self.squares = self.squares + squares + step.square() * (self.count * new / both)
        self.count = both
