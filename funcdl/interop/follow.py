"""What feeds what in a PyTorch module: followed where it can be, asked for where it cannot."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from math import prod
from typing import Any, NamedTuple

from funcdl.errors import KindError, ShapeError
from funcdl.interop.flow import Flow, after, beginning, gap, is_chain, through
from funcdl.interop.rules import RULES, is_torch, kind_of, rules_of

__all__ = ["Follower", "Part"]


class Part(NamedTuple):
    """A module with tensors of its own: its path, its class in the table, and what feeds it.

    Attributes:
        channels: of the flattened image that it is fed; 1 for none.
        image: how many axes of cells what it is fed has, with channels before them; 0 for none,
            −1 where that cannot be known.
    """

    path: str
    kind: str
    module: Any
    channels: int
    image: int


Found = Generator[Part, None, Flow]


class Follower:
    """Goes through a module, part by part.

    `flattened` is what the caller says: the channels of the flattened image that feeds a module,
    by its path; none feeds another that cannot be followed. Without it there is an error where
    that is in doubt.
    """

    def __init__(self, where: str, flattened: Mapping[str, int] | None) -> None:
        self.where = where
        self.told = flattened
        self.used: set[str] = set()

    def parts(self, module: Any) -> list[Part]:
        """List the parts of a module in their order; what stands there twice comes twice.

        Raises:
            KindError: a module has parameters of its own and is of no class that is known here, or
                what feeds it cannot be known.
            ShapeError: a flattened image does not fit what it feeds.
        """
        found = list(self._enter(module, "", Flow()))
        for path in self.told or ():
            if path not in self.used:
                raise KindError(
                    f"{self.where}: expected flattened to name modules that a flattened image may "
                    f"feed, got {path!r}"
                )
        return found

    def _enter(self, module: Any, path: str, flow: Flow) -> Found:
        if not hasattr(module, "named_children"):
            raise KindError(f"{self.where}: expected a torch.nn.Module, got {_kind(module)}")
        self._refuse_changed(module, path)
        kind = kind_of(self.where, path, module)
        self._refuse_others(module, path, kind)
        if kind:
            channels = self._feeding(module, path, kind, flow)
            yield Part(path, kind, module, channels, self._image(module, path, flow))
            return after(kind, module, flow)
        children = [(name, c) for name, c in module._modules.items() if c is not None]
        if is_chain(module):
            flow = beginning(module, flow)
            for name, child in children:
                flow = yield from self._enter(child, f"{path}{name}.", flow)
            return flow
        if not children:
            if type(module).__name__ == "Unflatten" and is_torch(type(module)):
                self._unflatten(module, path)
            return through(module, flow)
        if type(module).__name__ == "ModuleList" and is_torch(type(module)):
            for name, child in children:
                flow = yield from self._enter(child, f"{path}{name}.", gap(flow, child))
            return flow
        # A forward of its own: every image inside may be flattened in front of every part.
        around = flow.lost()
        for name, child in children:
            silent = Follower(self.where, {})
            end = _end(silent._enter(child, f"{path}{name}.", Flow())).lost()
            around = around._replace(open=around.open | end.open)
        for name, child in children:
            yield from self._enter(child, f"{path}{name}.", around)
        return around

    def _refuse_changed(self, module: Any, path: str) -> None:
        """Refuse a module that may compute something else than its class does."""
        name = f"{path.removesuffix('.') or 'the module'}, a {_kind(module)},"
        lazy = hasattr(module, "cls_to_become")  # by a hook of its own; its tensors are refused
        hooks = (getattr(module, f"_forward_{when}hooks", None) for when in ("", "pre_"))
        if any(hooks) and not lazy:
            raise KindError(
                f"{self.where}: expected {name} without forward hooks, which may change what it "
                "computes: remove them"
            )
        if "forward" in vars(module):
            raise KindError(f"{self.where}: expected {name} with the forward of its class")

    def _refuse_others(self, module: Any, path: str, kind: str) -> None:
        """Refuse parameters that nothing here would take."""
        known = [rule.attribute for rule in rules_of(kind, module)] if kind else []
        for name, _ in module.named_parameters(recurse=bool(kind)):
            if name not in known:
                raise KindError(
                    f"{self.where}: expected parameters of {', '.join(RULES)}, "
                    f"got {path}{name} of {_kind(module)}"
                )

    def _feeding(self, module: Any, path: str, kind: str, flow: Flow) -> int:
        """Tell the channels of the flattened image that feeds a part; 1 for none."""
        place, count = path.removesuffix("."), _inputs(module, kind)
        if not count:
            return 1
        if self.told is not None and place in self.told:
            self.used.add(place)
            channels = self.told[place]
        elif flow.layout == "flat" and not flow.single:
            channels = flow.channels or self._doubt(place, kind, count)
        elif flow.layout == "unknown" and any(c < count for c in flow.open):
            norm = kind != "Linear" and RULES[kind].owner != "Recurrent" and count in flow.open
            channels = 1 if norm else self._doubt(place, kind, count)
        else:
            return 1
        if isinstance(channels, bool) or not isinstance(channels, int) or channels < 1:
            raise KindError(
                f"{self.where}: expected flattened[{place!r}] to be a number of channels, "
                f"got {channels!r}"
            )
        if count % channels:
            raise ShapeError(
                f"{self.where}: expected {place} to take a flattened image of {channels} channels, "
                f"got one of {count} inputs"
            )
        if channels not in (1, count) and not _is_reordered(module, kind):
            raise KindError(
                f"{self.where}: expected {place}, a {kind}, not to be fed by a flattened image, "
                "whose numbers have another order here"
            )
        return channels

    def _image(self, module: Any, path: str, flow: Flow) -> int:
        """Count the axes behind the channels; −1 where that cannot be known."""
        place, shape = path.removesuffix("."), getattr(module, "normalized_shape", ())
        if len(shape) > 1 and place in (self.told or ()):
            self.used.add(place)
            return len(shape) - 1
        if flow.layout == "image":
            return flow.axes
        return -1 if flow.layout == "unknown" else 0

    def _doubt(self, place: str, kind: str, count: int) -> int:
        if self.told is not None:
            return 1
        name = place or "the module"
        raise KindError(
            f"{self.where}: expected to know whether a flattened image feeds {name}, a {kind} of "
            f"{count} inputs: pass flattened={{{place!r}: its channels}}, or flattened={{}} if "
            "none does"
        )

    def _unflatten(self, module: Any, path: str) -> None:
        """Ask which order an image gets that is made of features."""
        sizes = [n for n in module.unflattened_size if isinstance(n, int)]
        if self.told is None and len(sizes) > 1 and sizes[0] != 1 and prod(sizes[1:]) != 1:
            raise KindError(
                f"{self.where}: expected to know the order in which {path.removesuffix('.')}, an "
                "Unflatten, is done here: pass flattened={} if features keep PyTorch's order, "
                "channels first"
            )


def _kind(module: Any) -> str:
    return type(module).__name__


def _end(found: Found) -> Flow:
    """Run a generator to its end, for what it returns."""
    while True:
        try:
            next(found)
        except StopIteration as end:
            flow: Flow = end.value
            return flow


def _inputs(module: Any, kind: str) -> int:
    """Count the features that come in, where their order matters to the parameters."""
    if kind in ("LayerNorm", "RMSNorm"):
        shape = module.normalized_shape
        return shape[0] if len(shape) == 1 else 0
    return getattr(module, RULES[kind].inputs) if RULES[kind].inputs else 0


def _is_reordered(module: Any, kind: str) -> bool:
    """Tell whether a part computes the same of features in another order."""
    if kind == "GroupNorm":
        return bool(module.num_groups == 1)
    return any(rule.fed for rule in RULES[kind].rules)
