"""A case: a layer with a shape to try it on, and what its parameters and inputs are drawn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from funcdl import tree
from funcdl.cases.draws import declared, normals
from funcdl.contract import Layer, Params, Shape, Value
from funcdl.judge.trial import Trial
from funcdl.tensor import Generator

__all__ = ["Case", "Draw", "Oracle"]

Draw = Callable[[Generator, Shape], Value]
"""From a generator and the shape of an input to an input in float64."""

Oracle = Callable[[Any, Params, Value], Value]
"""`(nnf, params, x) -> y`, where `nnf` is `torch.nn.functional`."""


@dataclass(frozen=True)
class Case:
    """A row of the table.

    Attributes:
        layer: what is tried.
        shape: of its input, with leading axes, as `init` takes it.
        draw: where its inputs come from, where the layer's signature does not say it; see
            `funcdl.cases.draws`.
        oracle: the same in PyTorch's words, which are handed in, since the library imports none.
            Where PyTorch has no such function its derivatives are those of the layer's values.
        over_models: the layer for inputs and parameters with a leading axis of models, where it
            is another one, such as `mse(models=1)`.
        random: whether it is applied with a generator, as in training. What it draws for several
            models in one pass is not what it would draw for each alone.
        target: whether its input ends with data, which has no cotangent: it is a loss.
        module: the Module that is this layer, by its name, and the arguments that make it. Its
            channels stand where PyTorch has them.
        specials: whether infinities and NaN have to be as the oracle has them.
        of: the public name that it is a row of, where it is not the layer's own.
        id: its name in reports, where the layer's text does not tell it from another row.
    """

    layer: Layer
    shape: Shape
    draw: Draw | None = None
    oracle: Oracle | None = None
    over_models: Layer | None = None
    random: bool = False
    target: bool = False
    module: tuple[Any, ...] = ()
    specials: bool = True
    of: str = ""
    id: str = ""

    def __str__(self) -> str:
        return self.id or repr(self.layer)

    @property
    def name(self) -> str:
        """The public name that it is a row of."""
        return self.of or self.layer.name

    @property
    def stacked(self) -> Layer:
        """The layer for parameters with an axis of models."""
        return self.over_models or self.layer

    def params(self, rng: Generator) -> Params:
        """Draw parameters in float64, off their first values, many of which are 0 or 1."""
        drawn, _ = self.layer.init(rng, self.shape)
        return tree.map(lambda p: p.double() + 0.1 * normals(rng, p.shape), drawn)

    def inputs(self, rng: Generator) -> Value:
        """Draw an input in float64."""
        return (self.draw or declared(self.layer))(rng, self.shape)

    def trial(self, rng: Generator) -> Trial:
        """Give the case as the judge takes it.

        >>> import torch
        >>> from funcdl import linear
        >>> from funcdl.judge.verdict import PROPERTIES
        >>> trial = Case(linear(3), (4, 5)).trial(torch.Generator().manual_seed(0))
        >>> PROPERTIES["derivative"](trial)
        """
        return Trial(
            self.layer,
            self.shape,
            rng,
            self.inputs,
            self.params,
            self.stacked,
            self.random,
            self.target,
        )
