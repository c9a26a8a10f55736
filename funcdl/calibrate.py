"""The population's mean and variance, for every batch_norm in a network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from funcdl import tree
from funcdl.arguments import generator
from funcdl.contract import Layer, LayerLike, Params, Value, as_layer
from funcdl.errors import InputError
from funcdl.layers.batch_norm import BatchNorm
from funcdl.staging.record import Recorder, unwrap
from funcdl.tensor import Generator, Tensor

__all__ = ["calibrate"]


def calibrate(layer: LayerLike, params: Params, batches: Iterable[Value], rng: Generator) -> Params:
    """Measure what each `batch_norm` of a network sees, once its training is done.

    Mean and variance are exact: those of all numbers of all batches, with every batch normalised
    as in training, by its own statistics. A norm that is applied several times, as in `shared`,
    gets those of all its inputs.

    Args:
        layer: the network.
        params: its parameters; they are not written to.
        batches: inputs of the network, one or more, as many as describe the population. Their
            sizes may differ. A network with its loss takes pairs (x, target).
        rng: for the layers that draw numbers in training.

    Returns:
        The parameters, with another `mean` and `var` for every `BatchNorm` that was applied.

    Raises:
        InputError: there is no batch.

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
    watch = _Watch(params)
    count = 0
    for batch in batches:
        count += 1
        net(watch.wrap(params), watch.wrap(batch), generator("calibrate", rng))
    if not count:
        raise InputError("calibrate: expected one batch or more, got none")
    leaves, structure = tree.flatten(params)
    for moments in watch.found.values():
        leaves[moments.where[0]] = moments.mean.to(leaves[moments.where[0]].dtype)
        leaves[moments.where[1]] = moments.variance().to(leaves[moments.where[1]].dtype)
    return tree.unflatten(structure, leaves)


class _Watch(Recorder):
    """Sees each application of a batch_norm, and measures its input."""

    def __init__(self, params: Params) -> None:
        super().__init__(set())
        self.places = {id(leaf): i for i, leaf in enumerate(tree.leaves(params))}
        self.found: dict[int, _Moments] = {}

    def call(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Carry out an operation; nothing is written down, so that numbers may be looked at."""
        return self.wrap(func(*unwrap(tuple(args)), **unwrap(kwargs)))

    def layer(self, layer: Layer, params: Params, x: Value, rng: Generator | None) -> Any:
        """Apply a layer, and look at what goes into it."""
        plain: Any = unwrap(params)
        # A combinator may have the parameters of its part: the part alone counts.
        norm = isinstance(plain, BatchNorm) and not layer.layers
        if norm and id(plain.mean) in self.places:
            where = self.places[id(plain.mean)], self.places[id(plain.var)]
            moments = self.found.setdefault(where[0], _Moments(where))
            moments.add(unwrap(x), plain.mean.ndim - 1)
        return layer.apply(params, x, rng)


class _Moments:
    """Mean and sum of squared deviations of numbers that come batch by batch, in float64."""

    def __init__(self, where: tuple[int, int]) -> None:
        self.where = where
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

    def variance(self) -> Tensor:
        """Give the variance of the population."""
        variance: Tensor = self.squares / self.count
        return variance
