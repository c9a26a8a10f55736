"""The one class that wraps any layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from funcdl import tree
from funcdl.contract import Layer, LayerLike, Params, Shape, Value
from funcdl.errors import FuncdlError, KindError, ShapeError, UsageError
from funcdl.function import as_layer
from funcdl.initialisers import TORCH_GENERATOR
from funcdl.module import memory
from funcdl.module.memory import Passes, Pull
from funcdl.module.parts import children
from funcdl.module.state import State
from funcdl.module.versions import holds
from funcdl.optimisers.statistics import has_statistics, without_statistics
from funcdl.tensor import Generator, Tensor

__all__ = ["Module", "pack", "tensors_of"]

M = TypeVar("M", bound="Module")

FORGOTTEN = ("_passes", "_views", "_known")
"""What copies and pickles do not keep."""


class Module(State):
    """A layer with its parameters, their gradients and what its forward passes left behind.

    A new module is in training mode, as in PyTorch: `forward` then hands the generator to the
    layer, so that dropout drops; after `eval()` it does not.

    A backward pass goes with the latest forward pass that has not gone back yet, or with the one
    whose output the gradient belongs to, where it comes from another module's `backward`. A module
    may so stand twice in a network, see two inputs before it goes back twice, the last one first,
    or evaluate in between. A second backward pass after one forward pass adds as much again. What
    was written to in between, and would give wrong gradients, is refused.

    A module of your own needs no layer, nor a call of this `__init__`: `forward`, `backward` and
    `param` are enough, and without `param` its parameters are those of the modules in it.

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
    _in_shape: Shape | None = None
    _passes: Passes = ()
    _known: tuple[Any, bool, Any] = (None, True, ())
    _is_plain: ClassVar[bool] = True
    """Whether all that it remembers of a pass is in what `_apply` returns."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._is_plain = cls.forward is Module.forward and cls.backward is Module.backward

    def __init__(
        self, layer: LayerLike, in_shape: Shape | None = (), rng: Generator | None = None
    ) -> None:
        self.layer = as_layer(layer)
        self._rng = TORCH_GENERATOR if rng is None else rng
        self._in_shape = in_shape
        if in_shape is not None:
            self.params = self._drawn()
            self.grads = tree.zeros_like(self.params)

    def forward(self, *input: Any) -> Value:
        """Apply the module to a tensor or tensors, given one by one or as a tuple.

        Raises:
            ShapeError: the input does not fit the parameters.
        """
        x = input[0] if len(input) == 1 else input
        y, pull = self._apply(x)
        self._passes, out = memory.remembered(self._passes, memory.Pass(pull, x, y, self), y)
        return out

    def backward(self, *gradwrtoutput: Any) -> Value:
        """Add to the gradients of the parameters; return the gradient of the input.

        Args:
            gradwrtoutput: the gradient of the loss with respect to the output of the last
                forward pass, given as that output is.

        Raises:
            UsageError: there was no forward pass before, or what it left was written to since.
        """
        dy = gradwrtoutput[0] if len(gradwrtoutput) == 1 else gradwrtoutput
        one = memory.picked(self._name, self._passes, self.training, id(self), dy)
        if memory.is_written(one.noted, one.pull):
            raise memory.written(self._name, "its input and output")
        try:
            dx = one.pull(dy)
        except ShapeError as error:
            raise _advised(error, one.shape, dy) from error.__cause__
        one.gone = True
        return memory.marked_as(one.x, dx, dy)

    def param(self) -> list[tuple[Tensor, Tensor]]:
        """List each parameter with its gradient, a tensor of the same shape; empty for none.

        Population statistics, as of a batch norm, are no parameters.
        """
        if self.layer is None:
            return unique(pair for _, child in children(self) for pair in child.param())
        learnt = without_statistics((self.params, self.grads))
        return list(zip(*map(tree.leaves, learnt)))

    def zero_grad(self) -> None:
        """Set every gradient to 0; until then, backward passes add to them."""
        for _, grad in self.param():
            grad.zero_()

    def train(self: M, mode: bool = True) -> M:
        """Go into training mode, or out of it, with all modules inside; return the module."""
        self.training = mode
        for _, child in children(self):
            if hasattr(child, "train"):
                child.train(mode)
        return self

    def eval(self: M) -> M:
        """Go into inference mode; return the module."""
        return self.train(False)

    def reset_parameters(self) -> None:
        """Draw the parameters anew, from the generator that the module has.

        >>> import torch
        >>> from funcdl import Linear
        >>> linear = Linear(2, 3, rng=torch.Generator().manual_seed(0))
        >>> first = linear.weight.clone()
        >>> linear.reset_parameters()
        >>> bool((linear.weight == first).any())
        False
        """
        if self.layer is not None:
            tree.map(lambda p, new: p.copy_(new), self.params, self._drawn())
            return
        for _, child in children(self):
            if hasattr(child, "reset_parameters"):
                child.reset_parameters()

    def state(self) -> dict[str, Tensor]:
        """Copy all parameters into a flat dictionary, by the layers' paths, such as `"0.w"`.

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
        """Give what copies and pickles keep: all but what forward passes left behind."""
        return {name: value for name, value in vars(self).items() if name not in FORGOTTEN}

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _apply(self, x: Value) -> tuple[Value, Pull]:
        """Do a forward pass that the caller remembers: the output, and its backward pass."""
        layer = self.layer
        if layer is None:
            raise UsageError(f"{self._name}: expected a forward of its own, or a layer to wrap")
        params = self.params
        try:
            y, vjp = layer(params, x, self._rng if self.training else None)
        except TypeError as error:
            raise _drawing(self._name, error) from error.__cause__
        read = self._read(params)
        before = [p._version for p in read]

        def pull(dy: Value) -> Value:
            if [p._version for p in read] != before:
                self._expect_unwritten(read, before, vjp)
            dparams, dx = vjp(dy)
            if dparams != ():
                for grad, d in zip(flat(self.grads), flat(dparams)):
                    grad.add_(d)
            return dx

        return y, pull

    def _read(self, params: Params) -> Any:
        """List the parameters that a pass reads: in training, statistics are written to alone."""
        known = self._known
        if known[0] is params and known[1] is self.training:
            return known[2]
        without = self.training and has_statistics(params)
        leaves = flat(without_statistics(params) if without else params)
        read = tuple(p for p in leaves if not p.is_inference())  # of those nobody counts writes
        self._known = (params, self.training, read)
        return read

    def _expect_unwritten(self, read: list[Tensor], before: list[int], vjp: Pull) -> None:
        changed = [p for p, version in zip(read, before) if p._version != version]
        if any(holds(vjp, p) for p in changed):
            raise memory.written(self._name, "its parameters")

    def _drawn(self) -> Params:
        """Draw parameters."""
        if self.layer is None or self._in_shape is None:
            return self.params
        try:
            return self.layer.init(self._rng, self._in_shape)[0]
        except TypeError as error:
            raise _drawing(self._name, error) from error.__cause__

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


def flat(params: Params) -> Any:
    """List the tensors of parameters: those of most layers are such a list already."""
    if isinstance(params, tuple):
        for entry in params:
            if type(entry) is not Tensor:
                break
        else:
            return params
    return tree.leaves(params)


def unique(pairs: Any) -> list[tuple[Tensor, Tensor]]:
    """List each parameter once, where modules share it."""
    return list({id(pair[0]): pair for pair in pairs}.values())


def _advised(error: FuncdlError, shape: Any, dy: Value) -> FuncdlError:
    """Say what to do where the loss was taken of the output in another shape."""
    if not isinstance(dy, Tensor) or shape is None or dy.shape == shape:
        return error
    if dy.numel() != shape.numel():
        return error
    return type(error)(
        f"{error}: where the loss is taken of the output in another shape, as of y.flatten(), "
        "hand its gradient over in the output's, dy.reshape(y.shape)"
    )


def _drawing(name: str, error: TypeError) -> TypeError:
    """Say what a function needs that draws by itself."""
    if "_TorchGenerator" not in str(error):
        return error
    return KindError(
        f"{name}: expected a generator for a function that draws by itself: write "
        f"{name}(layer, in_shape, torch.Generator())"
    )
