"""The adapter: layers as classes that keep parameters and gradients, for those who want state.

One class wraps any layer. A module of your own needs no layer: give it `forward(*input)`,
`backward(*gradwrtoutput)` and `param()`, and it goes wherever a module goes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from funcdl import tree
from funcdl.arguments import whole
from funcdl.contract import Layer, LayerLike, Shape, Value, as_layer
from funcdl.errors import FuncdlError, KindError, UsageError
from funcdl.initialisers import TORCH_GENERATOR, zeros
from funcdl.layers.activations import relu, tanh
from funcdl.layers.linear import linear
from funcdl.losses import mse
from funcdl.optimisers import sgd
from funcdl.tensor import Generator, Tensor

__all__ = ["SGD", "Linear", "LossMSE", "Module", "ReLU", "Sequential", "Tanh"]


class Module:
    """A layer with its parameters, their gradients and the vjp of its last forward pass.

    Args:
        layer: any layer, or a plain function `(params, x) -> (y, vjp)`.
        in_shape: the shape of one input, for the layer's `init`.
        rng: the generator to draw parameters from; torch's own without it.

    >>> import torch
    >>> from funcdl import conv2d
    >>> module = Module(conv2d(8, 3), (14, 14, 2), torch.Generator().manual_seed(0))
    >>> y = module.forward(torch.ones(5, 14, 14, 2))
    >>> dx = module.backward(torch.ones_like(y))
    >>> [(p.shape == g.shape) for p, g in module.param()]
    [True, True]
    """

    layer: Layer | None = None

    def __init__(
        self, layer: LayerLike, in_shape: Shape = (), rng: Generator | None = None
    ) -> None:
        self.layer = as_layer(layer)
        self.params, _ = self.layer.init(TORCH_GENERATOR if rng is None else rng, in_shape)
        self.grads = tree.zeros_like(self.params)
        self._vjp: Any = None

    def forward(self, *input: Any) -> Value:
        """Apply the module to a tensor or tensors, given one by one or as a tuple.

        Raises:
            ShapeError: the input does not fit the parameters.
        """
        if self.layer is None:
            raise UsageError(f"{self._name}: expected a forward of its own, or a layer to wrap")
        y, self._vjp = self.layer(self.params, _pack(input))
        return y

    def backward(self, *gradwrtoutput: Any) -> Value:
        """Add to the gradients of the parameters; return the gradient of the input.

        Args:
            gradwrtoutput: the gradient of the loss with respect to the output of the last
                forward pass, given as that output is.

        Raises:
            UsageError: there was no forward pass before.
        """
        vjp = getattr(self, "_vjp", None)
        if vjp is None:
            raise UsageError(f"{self._name}: expected forward before backward")
        dparams, dx = vjp(_pack(gradwrtoutput))
        tree.map(lambda grad, d: grad.add_(d), self.grads, dparams)
        return dx

    def param(self) -> list[tuple[Tensor, Tensor]]:
        """List each parameter with its gradient, a tensor of the same shape; empty for none."""
        if self.layer is None:
            return []
        return list(zip(tree.leaves(self.params), tree.leaves(self.grads)))

    def zero_grad(self) -> None:
        """Set every gradient to 0; until then, backward passes add to them."""
        for _, grad in self.param():
            grad.zero_()

    def __call__(self, *input: Any) -> Value:
        """Do a forward pass."""
        return self.forward(*input)

    def __repr__(self) -> str:
        return f"{self._name}()" if self.layer is None else f"{self._name}({self.layer!r})"

    @property
    def _name(self) -> str:
        return type(self).__name__


class Linear(Module):
    """`linear` as a module: from (…, in_features) to (…, out_features).

    >>> Linear(2, 25)
    Linear(2, 25)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rng: Generator | None = None,
    ) -> None:
        whole("Linear", "in_features", in_features, 1)
        layer = linear(out_features, b_init=zeros if bias else None)
        super().__init__(layer, (in_features,), rng)
        self._args = f"{in_features}, {out_features}" + ("" if bias else ", bias=False")

    def __repr__(self) -> str:
        return f"Linear({self._args})"


class ReLU(Module):
    """`relu` as a module."""

    def __init__(self) -> None:
        super().__init__(relu)

    def __repr__(self) -> str:
        return "ReLU()"


class Tanh(Module):
    """`tanh` as a module."""

    def __init__(self) -> None:
        super().__init__(tanh)

    def __repr__(self) -> str:
        return "Tanh()"


class Sequential(Module):
    """Modules one after the other, of any kind, those without a layer too.

    A tuple that one gives out goes into the next as its arguments.

    >>> import torch
    >>> net = Sequential(Linear(2, 25), ReLU(), Linear(25, 2))
    >>> y = net.forward(torch.ones(5, 2))
    >>> net.backward(torch.ones(5, 2)).shape, len(net.param())
    (torch.Size([5, 2]), 4)
    """

    def __init__(self, *modules: Any) -> None:
        for i, module in enumerate(modules):
            for method in ("forward", "backward", "param"):
                if not callable(getattr(module, method, None)):
                    raise KindError(
                        f"Sequential[{i}]: expected a module with forward, backward and param, "
                        f"got {type(module).__name__} without {method}"
                    )
        self.modules = modules

    def forward(self, *input: Any) -> Value:
        """Apply each module to the output of the one before."""
        value = _pack(input)
        for i, module in enumerate(self.modules):
            value = self._at(i, module.forward, value)
        return value

    def backward(self, *gradwrtoutput: Any) -> Value:
        """Go back from the last module to the first."""
        value = _pack(gradwrtoutput)
        for i in reversed(range(len(self.modules))):
            value = self._at(i, self.modules[i].backward, value)
        return value

    def param(self) -> list[tuple[Tensor, Tensor]]:
        """List the pairs of all the modules, in order."""
        return [pair for module in self.modules for pair in module.param()]

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.modules))})"

    def _at(self, i: int, method: Any, value: Value) -> Value:
        try:
            return method(*value) if isinstance(value, tuple) else method(value)
        except FuncdlError as error:
            raise error.within(f"Sequential[{i}]") from None


class LossMSE(Module):
    """`mse` as a module: `forward(output, target)`, then `backward()` for the output's gradient.

    >>> import torch
    >>> loss = LossMSE()
    >>> loss.forward(torch.ones(2, 2), torch.zeros(2, 2))
    tensor(1.)
    >>> loss.backward()
    tensor([[0.5000, 0.5000],
            [0.5000, 0.5000]])
    """

    def __init__(self) -> None:
        super().__init__(mse(), ((), ()))

    def backward(self, *gradwrtoutput: Any) -> Value:
        """Return the gradient with respect to the output; the target, being data, has none."""
        if not gradwrtoutput and self._last is not None:
            gradwrtoutput = (self._last.new_ones(()),)
        dy, _ = super().backward(*gradwrtoutput)
        return dy

    def forward(self, *input: Any) -> Value:
        """Return the mean squared error of (output, target)."""
        self._last = super().forward(*input)
        return self._last

    _last: Tensor | None = None

    def __repr__(self) -> str:
        return "LossMSE()"


class SGD:
    """`sgd` on a list of (parameter, gradient) pairs, which it updates in place.

    Args:
        params: what `param()` returns.
        lr: the learning rate, or a schedule.
        momentum, nesterov, weight_decay: as of `sgd`.

    >>> net = Linear(2, 25)
    >>> optimiser = SGD(net.param(), lr=0.1, momentum=0.9)
    >>> optimiser.zero_grad()
    >>> optimiser.step()
    """

    def __init__(
        self,
        params: Iterable[tuple[Tensor, Tensor]],
        lr: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        self.pairs = list(params)
        self._optimiser = sgd(lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay)
        self._state = self._optimiser.init(tuple(p for p, _ in self.pairs))

    def step(self) -> None:
        """Move every parameter along its gradient."""
        params, grads = tuple(p for p, _ in self.pairs), tuple(g for _, g in self.pairs)
        moved, self._state = self._optimiser.update(params, grads, self._state)
        for p, new in zip(params, moved):
            p.copy_(new)

    def zero_grad(self) -> None:
        """Set every gradient to 0."""
        for _, grad in self.pairs:
            grad.zero_()


def _pack(values: tuple[Any, ...]) -> Value:
    """Make one value of the arguments: a tensor by itself, several as a tuple."""
    return values[0] if len(values) == 1 else values
