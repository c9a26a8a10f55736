"""What the modules of recurrent units share: how their weights and biases begin."""

from __future__ import annotations

import math
from typing import Any

from funcdl.contract import Layer
from funcdl.layers.affine import Affine
from funcdl.layers.recurrent import Recurrent
from funcdl.module.draws import Draw, turned
from funcdl.module.named import Named, flag, size
from funcdl.tensor import Tensor

__all__ = ["Units"]


class Units(Named):
    """A module of recurrent units, all of one size.

    Attributes:
        parts: how many parts, each as long as the state, the affine maps of a unit have.
    """

    parts = 1
    input_size: int
    hidden_size: int
    num_layers: int = 1
    bidirectional: bool = False
    _inputs = ("input", "hx")

    def __init__(self, given: dict[str, Any], layer: Layer) -> None:
        flag(self._name, "bias", given["bias"])
        super().__init__(given, layer)

    def _sizes(self, input_size: Any, hidden_size: Any) -> None:
        self.input_size = size(self._name, "input_size", input_size)
        self.hidden_size = size(self._name, "hidden_size", hidden_size)

    @property
    def units(self) -> int:
        """Return how many there are, each a layer in one direction."""
        return self.num_layers * (2 if self.bidirectional else 1)

    def _start(self, draw: Draw) -> Any:
        ways = self.units // self.num_layers
        features = [self.input_size] * ways + [self.hidden_size * ways] * (self.units - ways)
        units = tuple(self._unit(draw, count) for count in features)
        return units if len(units) > 1 else units[0]

    def _unit(self, draw: Draw, features: int) -> Recurrent:
        given, hidden = self.arguments, self.hidden_size
        bound, rows = 1 / math.sqrt(hidden), self.parts * hidden
        w_init, b_init = given["w_init"], given["b_init"]
        columns = features, hidden
        if w_init is None:
            ws = [turned(draw.uniform(bound, rows, count), (1, 0)) for count in columns]
        else:
            ws = [draw.by(w_init, count, rows) for count in columns]
        bs: list[Tensor | tuple[()]] = [(), ()]
        if given["bias"]:
            bs = [draw.by(b_init, rows) if b_init else draw.uniform(bound, rows) for _ in columns]
        return Recurrent(*(Affine(w, b) for w, b in zip(ws, bs)))
