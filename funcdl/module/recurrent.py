"""Modules of recurrent layers, with time and batch where PyTorch has them."""

from __future__ import annotations

import re
from typing import Any

from funcdl.contract import Layer, Value
from funcdl.errors import KindError
from funcdl.initialisers import Initialiser
from funcdl.layers.gru import gru
from funcdl.layers.lstm import lstm
from funcdl.layers.rnn import rnn
from funcdl.module.named import flag, refuse, size
from funcdl.module.running import running
from funcdl.module.state import entries
from funcdl.module.units import Units
from funcdl.tensor import Generator, Tensor

__all__ = ["GRU", "LSTM", "RNN"]

NAME = re.compile(r"(weight|bias)_[ih]h_l\d+(_reverse)?")


class Sequences(Units):
    """Recurrent layers over a sequence: what the three share."""

    _pairs = False

    def _layer(self, given: dict[str, Any], *activation: str) -> Layer:
        """Check the arguments, and make the layer."""
        name, args = self._name, given
        self._sizes(args["input_size"], args["hidden_size"])
        self.num_layers = size(name, "num_layers", args["num_layers"])
        self.bidirectional = flag(name, "bidirectional", args["bidirectional"])
        flag(name, "batch_first", args["batch_first"])
        if args["dropout"] != 0 and self.num_layers == 1:
            instead = "there is nothing between layers of which one is"
            refuse(name, "dropout", args["dropout"], 0.0, instead)

        settings = {
            "layers": self.num_layers,
            "bidirectional": self.bidirectional,
            "dropout": args["dropout"],
            "final": True,
        }
        layers = [
            self.factory(self.hidden_size, *activation, initial=initial, **settings)
            for initial in (False, True)
        ]
        sizes = self.units, self.hidden_size
        return running(name, layers, *sizes, self._pairs, args["batch_first"])

    def forward(self, *input: Any) -> Value:
        """Run over a sequence: the output, and the last state."""
        if type(input[0] if input else None).__name__ == "PackedSequence":
            raise KindError(
                f"{self._name}: expected a padded tensor, got a PackedSequence: the layer "
                f"{self.factory.__name__}(…, lengths=True) takes the lengths beside it"
            )
        return super().forward(*input[:1] if len(input) == 2 and input[1] is None else input)

    def backward(self, *gradwrtoutput: Any) -> Value:
        """Add to the gradients; return that of the input, and of the state where one was given.

        Without the gradient of the last state, it is 0.
        """
        if len(gradwrtoutput) == 1 and isinstance(gradwrtoutput[0], Tensor):
            gradwrtoutput = (*gradwrtoutput, None)
        return super().backward(*gradwrtoutput)

    def __getattr__(self, name: str) -> Any:
        if NAME.fullmatch(name):
            for entry in entries(self):
                if entry.name == name:
                    return entry.view
        raise AttributeError(f"{type(self).__name__} has no {name}")

    def __setattr__(self, name: str, value: Any) -> None:
        if NAME.fullmatch(name):
            raise KindError(
                f"{type(self).__name__}: expected {name} to be written to in place, as by "
                f"module.{name}.copy_(…), got another tensor for it"
            )
        super().__setattr__(name, value)


class GRU(Sequences):
    """PyTorch's `GRU`: `output, h_n = gru(input, h_0)`; without h_0, from a state of 0.

    The input is (time, batch, input_size), with `batch_first` (batch, time, input_size), or
    (time, input_size); the output is like it, with hidden_size features for each direction, and
    states are (num_layers × directions, batch, hidden_size). `backward` takes the gradients of
    output and h_n, None for 0, and gives those of what went in.

    Args:
        input_size, hidden_size, num_layers, bias: as in PyTorch.
        batch_first, dropout, bidirectional, device: as in PyTorch.
        dtype: as in PyTorch.
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
    parts = 3

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
        super().__init__(locals(), self._layer(locals()))


class LSTM(Sequences):
    """PyTorch's `LSTM`: `output, (h_n, c_n) = lstm(input, (h_0, c_0))`; else from a state of 0.

    Shapes and `backward` are those of `GRU`, with a pair for each state.

    Args:
        input_size, hidden_size, num_layers, bias: as in PyTorch.
        batch_first, dropout, bidirectional, device: as in PyTorch.
        dtype: as in PyTorch.
        proj_size: 0, no other.
        rng: the generator to draw from; torch's own without it.
        w_init, b_init: draw the parameters instead, as those of `lstm` do.

    Raises:
        InputError, KindError: an argument is out of its range, or not offered.

    >>> import torch
    >>> output, (h_n, c_n) = LSTM(3, 4, num_layers=2)(torch.ones(7, 5, 3))
    >>> output.shape, c_n.shape
    (torch.Size([7, 5, 4]), torch.Size([2, 5, 4]))
    """

    factory = staticmethod(lstm)
    parts = 4
    _pairs = True

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
        *,
        rng: Generator | None = None,
        w_init: Initialiser | None = None,
        b_init: Initialiser | None = None,
    ) -> None:
        refuse("LSTM", "proj_size", proj_size, 0, "put a Linear behind it")
        super().__init__(locals(), self._layer(locals()))


class RNN(Sequences):
    """PyTorch's `RNN`: `output, h_n = rnn(input, h_0)`; without h_0, from a state of 0.

    Shapes and `backward` are those of `GRU`.

    Args:
        input_size, hidden_size, num_layers: as in PyTorch.
        nonlinearity, bias, batch_first, dropout: as in PyTorch.
        bidirectional, device, dtype: as in PyTorch.
        rng: the generator to draw from; torch's own without it.
        w_init, b_init: draw the parameters instead, as those of `rnn` do.

    Raises:
        InputError, KindError: an argument is out of its range, or not offered.

    >>> import torch
    >>> output, h_n = RNN(3, 4, bidirectional=True)(torch.ones(7, 5, 3))
    >>> output.shape, h_n.shape
    (torch.Size([7, 5, 8]), torch.Size([2, 5, 4]))
    """

    factory = staticmethod(rnn)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
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
        super().__init__(locals(), self._layer(locals(), nonlinearity))
