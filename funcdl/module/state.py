"""The tensors of a module by PyTorch's names and in its layout, and files of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from funcdl import tree
from funcdl.arguments import show
from funcdl.errors import KindError, ShapeError, TreeError
from funcdl.interop.rules import RULES, SEPARATE, Rule, rules_of
from funcdl.misuse import short
from funcdl.module.parts import children, within
from funcdl.optimisers.statistics import without_statistics
from funcdl.tensor import Tensor

__all__ = ["Keys", "State"]

S = TypeVar("S", bound="State")

COUNTED = "num_batches_tracked"
"""How many batches PyTorch's batch norms have seen: with a moving mean it has no meaning."""


class Keys(NamedTuple):
    """What `load_state_dict` did not find in the dictionary, and what it had no place for."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Entry(NamedTuple):
    """A tensor of a module: PyTorch's name of it, and it and its gradient as PyTorch lays them.

    Attributes:
        name: the attribute.
        tensor: as the module has it.
        view: as PyTorch has it, in the same memory; its `grad` is a view of the gradient.
        is_learnt: whether it is a parameter, and no statistic.
    """

    name: str
    tensor: Tensor
    view: Tensor
    is_learnt: bool = True


class Attribute:
    """A tensor by PyTorch's name: a view, in PyTorch's layout, that can be written into."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, module: Any, owner: Any = None) -> Any:
        """Return the view; None where the module was made without such a tensor."""
        if module is None:
            return self
        own = vars(module)
        if self.name in own:  # of a user's own class
            return own[self.name]
        found = {entry.name: entry.view for entry in entries(module)}
        if self.name in found:
            return found[self.name]
        if self.name in _named(type(module)):
            return None
        raise AttributeError(f"{type(module).__name__} has no {self.name}")

    def __set__(self, module: Any, value: Any) -> None:
        """Refuse another tensor in the place of the module's; a user's own class sets its own."""
        if self.name in _named(type(module)):
            raise KindError(
                f"{type(module).__name__}: expected {self.name} to be written to in place, as by "
                f"module.{self.name}.copy_(…), got another tensor for it"
            )
        vars(module)[self.name] = value


class State:
    """What a module offers of its tensors, under PyTorch's names for it."""

    weight = Attribute()
    bias = Attribute()
    running_mean = Attribute()
    running_var = Attribute()
    weight_ih = Attribute()
    weight_hh = Attribute()
    bias_ih = Attribute()
    bias_hh = Attribute()
    weight_ih_l0 = Attribute()
    weight_hh_l0 = Attribute()
    bias_ih_l0 = Attribute()
    bias_hh_l0 = Attribute()
    in_proj_weight = Attribute()
    in_proj_bias = Attribute()
    q_proj_weight = Attribute()
    k_proj_weight = Attribute()
    v_proj_weight = Attribute()

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Any]]:
        """Give each parameter once, by its name: as PyTorch has it, with its gradient as `grad`.

        It is a view of the module's own: what is written into it in place, is written there.

        >>> from funcdl import Linear, ReLU, Sequential
        >>> net = Sequential(Linear(2, 25), ReLU(), Linear(25, 1))
        >>> [(name, tuple(p.shape)) for name, p in net.named_parameters()][:2]
        [('0.weight', (25, 2)), ('0.bias', (25,))]
        """
        met: set[int] = set()
        for name, entry in _keyed(self, prefix, recurse):
            if entry.is_learnt and id(entry.tensor) not in met:
                met.add(id(entry.tensor))
                yield name, entry.view

    def parameters(self, recurse: bool = True) -> Iterator[Tensor]:
        """Give each parameter once, as `named_parameters` does."""
        return (p for _, p in self.named_parameters(recurse=recurse))

    def state_dict(self) -> dict[str, Tensor]:
        """Copy all tensors into a dictionary by PyTorch's keys, in PyTorch's layout.

        What `torch.save` or safetensors writes of it, PyTorch's module loads.

        >>> from funcdl import Conv2d
        >>> {key: tuple(t.shape) for key, t in Conv2d(2, 8, (3, 5)).state_dict().items()}
        {'weight': (8, 2, 3, 5), 'bias': (8,)}
        """
        return {
            name: entry.view.new_empty(entry.view.shape).copy_(entry.view)
            for name, entry in _keyed(self, "", True)
        }

    def load_state_dict(self, state_dict: Mapping[str, Tensor], strict: bool = True) -> Keys:
        """Copy the tensors of such a dictionary, ours or PyTorch's, into the module's.

        Args:
            state_dict: from keys to tensors of any dtype.
            strict: whether to refuse keys that are missing or unknown.

        Returns:
            The keys that were missing, and those that were unknown, as PyTorch does.

        Raises:
            TreeError, ShapeError, KindError: something does not fit. Nothing is written then.
        """
        name = type(self).__name__
        if not isinstance(state_dict, Mapping):
            raise KindError(f"{name}: expected a dictionary of tensors, got {short(state_dict)}")
        here = {key: entry.view for key, entry in _keyed(self, "", True)}
        missing = [key for key in here if key not in state_dict]
        unknown = [k for k in state_dict if k not in here and not k.endswith(COUNTED)]
        if strict and (missing or unknown):
            raise TreeError(
                f"{name}: expected the keys of its state_dict(), got none of {missing} and also "
                f"{unknown}"
            )
        pairs = [(key, view, state_dict[key]) for key, view in here.items() if key in state_dict]
        for key, view, new in pairs:
            if not isinstance(new, Tensor):
                raise KindError(f"{name}: expected a tensor at {key}, got {short(new)}")
            if new.shape != view.shape:
                wanted, got = show(tuple(view.shape)), show(tuple(new.shape))
                raise ShapeError(f"{name}: expected {key} of shape {wanted}, got {got}")
        for _, view, new in pairs:
            view.copy_(new.detach())
        return Keys(missing, unknown)

    def named_children(self) -> Iterator[tuple[str, Any]]:
        """List the modules in it by name: its attributes, and those in lists, tuples and dicts."""
        return children(self)

    def children(self) -> Iterator[Any]:
        """List the modules in it."""
        return (child for _, child in children(self))

    def named_modules(self) -> Iterator[tuple[str, Any]]:
        """List it and all modules in it, at any depth, each once, by path; its own is empty."""
        return within(self)

    def modules(self) -> Iterator[Any]:
        """List it and all modules in it, at any depth, each once."""
        return (module for _, module in within(self))

    def apply(self: S, fn: Callable[[Any], Any]) -> S:
        """Call a function with each module in it, and with it last, as to initialise them.

        >>> import torch
        >>> from funcdl import Linear, ReLU, Sequential
        >>> def start(module):
        ...     if isinstance(module, Linear):
        ...         torch.nn.init.ones_(module.weight)
        >>> float(Sequential(Linear(2, 3), ReLU()).apply(start)[0].weight.sum())
        6.0
        """
        for module in reversed(list(within(self))):
            fn(module[1])
        return self


def entries(module: Any) -> list[Entry]:
    """List the tensors of a module alone, without those inside it."""
    if getattr(module, "layer", None) is None:
        return _own_entries(module)
    grads = tree.leaves(module.grads)
    learnt = {id(leaf) for leaf in tree.leaves(without_statistics(module.params))}
    rules = {rule.path: rule for rule in _rules(type(module), module)}
    found = []
    paths, tensors = tree.paths(module.params), tree.leaves(module.params)
    for path, tensor, grad in zip(paths, tensors, grads):
        field = path.replace("[", ".").replace("]", "").lstrip(".")
        rule = rules.get(field)
        name, axes = (rule.attribute, rule.axes) if rule else (field, None)
        view = _kept(module, name, tensor, grad, axes)
        found.append(Entry(name, tensor, view, id(tensor) in learnt))
    counted = vars(module).get(COUNTED)
    if isinstance(counted, Tensor) and any(entry.name == "running_mean" for entry in found):
        found.append(Entry(COUNTED, counted, counted, is_learnt=False))
    if any(entry.name.startswith("weight_hh") for entry in found):  # in PyTorch's order
        units = list(dict.fromkeys(_unit(entry) for entry in found))
        found.sort(key=lambda entry: (units.index(_unit(entry)), entry.name.startswith("bias")))
    return found


def _unit(entry: Entry) -> str:
    """Tell the recurrent unit of a tensor by the end of its name: `_l1` of `weight_ih_l1`."""
    return entry.name.partition("h_")[2]


def _own_entries(module: Any) -> list[Entry]:
    """List what a class of a user's own has, by the attributes that hold it."""
    inner = {id(p) for _, child in children(module) for p, _ in child.param()}
    inner |= {id(entry.tensor) for _, child in children(module) for _, entry in _keyed(child)}
    held = vars(module) if hasattr(module, "__dict__") else {}
    names = {id(value): name for name, value in held.items() if isinstance(value, Tensor)}
    return [
        Entry(name := names.get(id(p), str(i)), p, _kept(module, name, p, grad, None))
        for i, (p, grad) in enumerate(module.param())
        if id(p) not in inner
    ]


def _keyed(module: Any, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Entry]]:
    """List the tensors of a module and of all those in it; of one that stands twice, twice."""
    before = f"{prefix}." if prefix else ""
    for entry in entries(module):
        yield before + entry.name, entry
    if recurse and hasattr(module, "__dict__"):
        for name, child in children(module):
            yield from _keyed(child, before + name)


def _rules(kind: type, module: Any = None) -> tuple[Rule, ...]:
    """Look up what PyTorch calls the tensors of a module of a class."""
    for base in kind.__mro__:
        if base.__name__ in RULES and base.__module__.startswith("funcdl."):
            return rules_of(base.__name__, module)
    return ()


def _named(kind: type) -> set[str]:
    rules = _rules(kind)
    others = SEPARATE if any(rule.field == "qkv.w" for rule in rules) else ()
    return {rule.attribute for rule in (*rules, *others)}


def _kept(module: Any, name: str, tensor: Tensor, grad: Any, axes: Any) -> Tensor:
    """Return the same view each time, as long as the tensors are the same."""
    views = vars(module).setdefault("_views", {}) if isinstance(module, State) else {}
    known = views.get(name)
    if known is not None and known[0] is tensor and known[1] is grad:
        same: Tensor = known[2]
        return same
    view = _turned(tensor, axes).detach()
    view.grad = _turned(grad, axes).detach()
    views[name] = (tensor, grad, view)
    return view


def _turned(tensor: Tensor, axes: tuple[int, ...] | None) -> Tensor:
    """View a tensor as PyTorch lays it, whose axes stand in this order here."""
    if axes is None or len(axes) == 1 == tensor.ndim:
        return tensor
    if len(axes) != tensor.ndim:
        return tensor.unsqueeze(0) if tensor.ndim == 0 else tensor
    return tensor.permute([axes.index(axis) for axis in range(len(axes))])
