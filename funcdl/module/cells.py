"""Modules of one step of a recurrent unit."""

from __future__ import annotations

from typing import Any

from funcdl.contract import Layer, Params, Shape, Value, Vjp
from funcdl.errors import KindError
from funcdl.initialisers import Initialiser
from funcdl.layers.gru import gru_cell
from funcdl.layers.lstm import lstm_cell
from funcdl.layers.rnn import rnn_cell
from funcdl.module.doors import around
from funcdl.module.units import Units
from funcdl.tensor import Generator, Tensor

__all__ = ["GRUCell", "LSTMCell", "RNNCell"]


class Cell(Units):
    """A step: from an input and a state to the next state."""

    def forward(self, *input: Any) -> Value:
        """Take a step: the next state."""
        return super().forward(*input[:1] if len(input) == 2 and input[1] is None else input)


class GRUCell(Cell):
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
    parts = 3

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
        self._sizes(input_size, hidden_size)
        super().__init__(locals(), _stepping("GRUCell", gru_cell(hidden_size), hidden_size))


class LSTMCell(Cell):
    """PyTorch's `LSTMCell`: from an input (…, input_size) and a state (h, c) to the next one.

    `forward(input, hx=None)`; without a state it is 0. `backward` takes the gradients of h and c,
    None for 0, and gives that of the input, and that of the state where there was one.

    Args:
        input_size, hidden_size, bias, device, dtype: as in PyTorch.
        rng: the generator to draw from; torch's own without it.
        w_init, b_init: draw the parameters instead, as those of `lstm_cell` do.

    Raises:
        InputError, KindError: an argument is out of its range.

    >>> import torch
    >>> h, c = LSTMCell(3, 4)(torch.ones(5, 3))
    >>> h.shape, c.shape
    (torch.Size([5, 4]), torch.Size([5, 4]))
    """

    factory = staticmethod(lstm_cell)
    parts = 4

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
        self._sizes(input_size, hidden_size)
        inner = lstm_cell(hidden_size)
        super().__init__(locals(), _stepping("LSTMCell", inner, hidden_size, pairs=True))


class RNNCell(Cell):
    """PyTorch's `RNNCell`: from an input (…, input_size) and a state to the next state.

    `forward(input, hx=None)`; without a state it is 0. `backward` gives the gradient of the input,
    and that of the state where there was one.

    Args:
        input_size, hidden_size, bias, nonlinearity, device, dtype: as in PyTorch.
        rng: the generator to draw from; torch's own without it.
        w_init, b_init: draw the parameters instead, as those of `rnn_cell` do.

    Raises:
        InputError, KindError: an argument is out of its range.

    >>> import torch
    >>> RNNCell(3, 4, nonlinearity="relu")(torch.ones(5, 3)).shape
    torch.Size([5, 4])
    """

    factory = staticmethod(rnn_cell)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
        *,
        rng: Generator | None = None,
        w_init: Initialiser | None = None,
        b_init: Initialiser | None = None,
    ) -> None:
        self._sizes(input_size, hidden_size)
        inner = rnn_cell(hidden_size, nonlinearity)
        super().__init__(locals(), _stepping("RNNCell", inner, hidden_size))


def _stepping(name: str, inner: Layer, hidden: int, pairs: bool = False) -> Layer:
    """Make a cell that takes the input first, and a state of 0 where none is given."""

    def state(value: Any) -> Any:
        return (value, value) if pairs else value

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        alone = isinstance(x, Tensor)
        if not alone and not isinstance(x, tuple):
            raise KindError(f"{name}: expected an input and a state, got {type(x).__name__}")
        if alone:
            seen = x
            h = state(seen.new_zeros((*seen.shape[:-1], hidden)))
        elif len(x) == 2:
            seen, h = x
        else:
            raise KindError(f"{name}: expected an input and a state, got {len(x)} tensors")
        y, pull = inner.at(name, params, (h, seen), rng)

        def vjp(dy: Any, need_dx: bool = True) -> tuple[Params, Value]:
            dparams, back = pull(dy, need_dx)
            if back is None:
                return dparams, None
            dh, dx = back
            return dparams, dx if alone else (dx, dh)

        return y, vjp

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        seen = in_shape[0] if isinstance(in_shape[0], tuple) else in_shape
        return inner.init(rng, (state((*seen[:-1], hidden)), seen))

    return around(name, inner, None, apply, init)
