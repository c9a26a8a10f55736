"""The one class that wraps any layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from funcdl import tree
from funcdl.contract import Layer, LayerLike, Params, Shape, Value
from funcdl.errors import UsageError
from funcdl.function import as_layer
from funcdl.initialisers import TORCH_GENERATOR
from funcdl.optimisers.statistics import without_statistics
from funcdl.tensor import Generator, Tensor

__all__ = ["Module", "pack", "tensors_of"]

M = TypeVar("M", bound="Module")


class Module:
    """A layer with its parameters, their gradients and the vjp of its last forward pass.

    A new module is in training mode, as in PyTorch: `forward` then hands the generator to the
    layer, so that dropout drops; after `eval()` it does not.

    Args:
        layer: any layer, or a plain function `(params, x) -> (y, vjp)`.
        in_shape: the shape of one input, for the layer's `init`; None where there are no
            parameters to draw.
        rng: the generator to draw from; torch's own without it.

    >>> import torch
    >>> from funcdl import conv2d
    >>> module = Module(conv2d(8, 3), (14, 14, 2), torch.Generator().manual_seed(0))
    >>> y = module.forward(torch.ones(5, 14, 14, 2))
    >>> dx = module.backward(torch.ones_like(y))
    >>> [(p.shape == g.shape) for p, g in module.param()]
    [True, True]
    """

    layer: Layer | None = None
    training: bool = True
    params: Params = ()
    grads: Params = ()
    _rng: Generator = TORCH_GENERATOR
    _vjp: Any = None

    def __init__(
        self, layer: LayerLike, in_shape: Shape | None = (), rng: Generator | None = None
    ) -> None:
        self.layer = as_layer(layer)
        self._rng = TORCH_GENERATOR if rng is None else rng
        if in_shape is not None:
            self.params, _ = self.layer.init(self._rng, in_shape)
            self.grads = tree.zeros_like(self.params)

    def forward(self, *input: Any) -> Value:
        """Apply the module to a tensor or tensors, given one by one or as a tuple.

        Raises:
            ShapeError: the input does not fit the parameters.
        """
        if self.layer is None:
            raise UsageError(f"{self._name}: expected a forward of its own, or a layer to wrap")
        rng = self._rng if self.training else None
        y, self._vjp = self.layer(self.params, pack(input), rng)
        return y

    def backward(self, *gradwrtoutput: Any) -> Value:
        """Add to the gradients of the parameters; return the gradient of the input.

        Args:
            gradwrtoutput: the gradient of the loss with respect to the output of the last
                forward pass, given as that output is.

        Raises:
            UsageError: there was no forward pass before.
        """
        if self._vjp is None:
            raise UsageError(f"{self._name}: expected forward before backward")
        dparams, dx = self._vjp(pack(gradwrtoutput))
        tree.map(lambda grad, d: grad.add_(d), self.grads, dparams)
        return dx

    def param(self) -> list[tuple[Tensor, Tensor]]:
        """List each parameter with its gradient, a tensor of the same shape; empty for none.

        Population statistics, as of a batch norm, are no parameters.
        """
        learnt = without_statistics((self.params, self.grads))
        return list(zip(*map(tree.leaves, learnt)))

    def zero_grad(self) -> None:
        """Set every gradient to 0; until then, backward passes add to them."""
        for _, grad in self.param():
            grad.zero_()

    def train(self: M, mode: bool = True) -> M:
        """Go into training mode, or out of it; return the module."""
        self.training = mode
        return self

    def eval(self: M) -> M:
        """Go into inference mode; return the module."""
        return self.train(False)

    def state(self) -> dict[str, Tensor]:
        """Copy all parameters into a flat dictionary, by paths such as `"0.w"`.

        >>> Module(lambda params, x: (x, lambda dy: ((), dy))).state()
        {}
        """
        return tree.to_dict(tensors_of(self))

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Copy the tensors of such a dictionary into the parameters.

        Raises:
            TreeError, ShapeError, KindError: an entry is missing, too many, or does not fit.
        """
        here = tensors_of(self)
        tree.map(lambda p, new: p.copy_(new), here, tree.from_dict(state, here))

    def __call__(self, *input: Any) -> Value:
        """Do a forward pass."""
        return self.forward(*input)

    def __repr__(self) -> str:
        return f"{self._name}()" if self.layer is None else f"{self._name}({self.layer!r})"

    def __getstate__(self) -> dict[str, Any]:
        """Give what copies and pickles keep: all but the vjp of the last forward pass."""
        return {name: value for name, value in vars(self).items() if name != "_vjp"}

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _tensors(self) -> Params:
        """Give the tensors that are the module's state; here, where it keeps them itself."""
        return self.params if self.layer else tuple(p for p, _ in self.param())


def tensors_of(module: Any) -> Params:
    """Give the tensors of a module's state, as a pytree; of a user's own class, its parameters."""
    if isinstance(module, Module):
        return module._tensors()
    return tuple(p for p, _ in module.param())


def pack(values: tuple[Any, ...]) -> Value:
    """Make one value of the arguments: a tensor by itself, several as a tuple."""
    return values[0] if len(values) == 1 else values
