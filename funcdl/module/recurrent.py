"""Modules of recurrent layers, with time and batch where PyTorch has them."""

from __future__ import annotations

import math
from typing import Any

from funcdl.contract import Layer, Params, Shape, Value, Vjp
from funcdl.errors import KindError, ShapeError
from funcdl.initialisers import Initialiser
from funcdl.layers.affine import Affine
from funcdl.layers.gru import Recurrent, gru, gru_cell
from funcdl.module.doors import around
from funcdl.module.draws import Draw, turned
from funcdl.module.named import Named, flag, refuse, size
from funcdl.tensor import Generator, Tensor

__all__ = ["GRU", "GRUCell"]


class Gated(Named):
    """What the two share: how weights and biases begin."""

    input_size: int
    hidden_size: int

    def __init__(self, given: dict[str, Any], layer: Layer) -> None:
        flag(self._name, "bias", given["bias"])
        super().__init__(given, layer)

    def _start(self, draw: Draw) -> Recurrent:
        given, hidden = self.arguments, self.hidden_size
        bound, rows = 1 / math.sqrt(hidden), 3 * hidden
        w_init, b_init = given["w_init"], given["b_init"]
        columns = self.input_size, hidden
        if w_init is None:
            ws = [turned(draw.uniform(bound, rows, count), (1, 0)) for count in columns]
        else:
            ws = [draw.by(w_init, count, rows) for count in columns]
        bs: list[Any] = [(), ()]
        if given["bias"]:
            bs = [draw.by(b_init, rows) if b_init else draw.uniform(bound, rows) for _ in columns]
        return Recurrent(*(Affine(w, b) for w, b in zip(ws, bs)))


class GRUCell(Gated):
    """PyTorch's `GRUCell`: from an input (…, input_size) and a state to the next state.

    `forward(input, hx=None)`; without a state it is 0. `backward` gives the gradient of the input,
    and that of the state where there was one.

    Args:
        input_size, hidden_size, bias, device, dtype: as in PyTorch.
        rng: the generator to draw from; torch's own without it.
        w_init, b_init: draw the parameters instead, as those of `gru_cell` do.

    Raises:
        InputError, KindError: an argument is out of its range.

    >>> import torch
    >>> GRUCell(3, 4)(torch.ones(5, 3), torch.zeros(5, 4)).shape
    torch.Size([5, 4])
    """

    factory = staticmethod(gru_cell)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        rng: Generator | None = None,
        w_init: Initialiser | None = None,
        b_init: Initialiser | None = None,
    ) -> None:
        self.input_size = size("GRUCell", "input_size", input_size)
        self.hidden_size = size("GRUCell", "hidden_size", hidden_size)
        super().__init__(locals(), _stepping(hidden_size))

    def forward(self, *input: Any) -> Value:
        """Take a step: the next state."""
        return super().forward(*input[:1] if len(input) == 2 and input[1] is None else input)

    _inputs = ("input", "hx")


class GRU(Gated):
    """PyTorch's `GRU` of one layer: `output, h_n = gru(input)`, from a state of 0.

    The input is (time, batch, input_size), with `batch_first` (batch, time, input_size), or
    (time, input_size); the output is like it, with hidden_size features, and h_n is the last state,
    (1, batch, hidden_size). `backward` takes the gradients of both, None for 0.

    Args:
        input_size, hidden_size, bias, batch_first, device, dtype: as in PyTorch.
        num_layers, dropout, bidirectional: 1, 0 and False, no others.
        rng: the generator to draw from; torch's own without it.
        w_init, b_init: draw the parameters instead, as those of `gru` do.

    Raises:
        InputError, KindError: an argument is out of its range, or not offered.

    >>> import torch
    >>> output, h_n = GRU(3, 4, batch_first=True)(torch.ones(5, 7, 3))
    >>> output.shape, h_n.shape
    (torch.Size([5, 7, 4]), torch.Size([1, 5, 4]))
    """

    factory = staticmethod(gru)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        rng: Generator | None = None,
        w_init: Initialiser | None = None,
        b_init: Initialiser | None = None,
    ) -> None:
        name = "GRU"
        refuse(name, "num_layers", num_layers, 1, "apply one GRU to the output of another")
        flag(name, "batch_first", batch_first)
        if dropout != 0:
            refuse(name, "dropout", dropout, 0.0, "there is nothing between layers of which one is")
        refuse(name, "bidirectional", bidirectional, False, "apply a second GRU to x.flip(time)")
        self.input_size = size(name, "input_size", input_size)
        self.hidden_size = size(name, "hidden_size", hidden_size)
        super().__init__(locals(), _running(hidden_size, batch_first))

    _inputs = ("input", "hx")

    def forward(self, *input: Any) -> Value:
        """Run over a sequence: the output, and the last state."""
        if len(input) == 2 and input[1] is not None:
            raise KindError("GRU: expected no hx: it starts from 0; apply a GRUCell step by step")
        return super().forward(*input[:1] if len(input) == 2 else input)

    def backward(self, *gradwrtoutput: Any) -> Value:
        """Add to the gradients; return that of the input. Without that of h_n, it is 0."""
        if len(gradwrtoutput) == 1 and isinstance(gradwrtoutput[0], Tensor):
            gradwrtoutput = (*gradwrtoutput, None)
        return super().backward(*gradwrtoutput)


def _stepping(hidden: int) -> Layer:
    """Make a cell that takes the input first, and a state of 0 where none is given."""
    inner = gru_cell(hidden)

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        alone = isinstance(x, Tensor)
        if not alone and not isinstance(x, tuple):
            raise KindError(f"GRUCell: expected an input and a state, got {type(x).__name__}")
        if alone:
            seen = x
            h = seen.new_zeros((*seen.shape[:-1], hidden))
        elif len(x) == 2:
            seen, h = x
        else:
            raise KindError(f"GRUCell: expected an input and a state, got {len(x)} tensors")
        y, pull = inner.at("GRUCell", params, (h, seen), rng)

        def vjp(dy: Tensor, need_dx: bool = True) -> tuple[Params, Value]:
            dparams, back = pull(dy, need_dx)
            if back is None:
                return dparams, None
            dh, dx = back
            return dparams, dx if alone else (dx, dh)

        return y, vjp

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        seen = in_shape[0] if isinstance(in_shape[0], tuple) else in_shape
        return inner.init(rng, ((*seen[:-1], hidden), seen))

    return around("GRUCell", inner, None, apply, init)


def _running(hidden: int, batch_first: bool) -> Layer:
    """Make a layer with time where PyTorch has it, that gives the last state too."""
    inner = gru(hidden)

    def turned_round(t: Tensor) -> Tensor:
        return t if batch_first or t.ndim < 3 else t.transpose(0, 1)

    def apply(params: Params, x: Tensor, rng: Generator | None = None) -> tuple[Value, Vjp]:
        if not isinstance(x, Tensor):
            return inner.at("GRU", params, x, rng)  # which says what is wrong
        if x.ndim not in (2, 3):
            raise ShapeError(f"GRU: expected x to have 2 or 3 axes, got {tuple(x.shape)}")
        y, pull = inner.at("GRU", params, turned_round(x), rng)
        if not y.shape[-2]:
            raise ShapeError(f"GRU: expected x to have a time step or more, got {tuple(x.shape)}")
        last = y.select(-2, -1).unsqueeze(0)

        def vjp(dy: Any, need_dx: bool = True) -> tuple[Params, Tensor | None]:
            d_output, d_last = dy
            back = y.new_zeros(y.shape) if d_output is None else turned_round(d_output)
            if d_last is not None:
                back = back.clone()
                back.select(-2, -1).add_(d_last.squeeze(0))
            dparams, dx = pull(back, need_dx)
            return dparams, None if dx is None else turned_round(dx)

        return (turned_round(y), last), vjp

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        params, out_shape = inner.init(rng, in_shape)
        return params, (out_shape, (1, *in_shape[1:-2], hidden))

    return around("GRU", inner, None, apply, init)
