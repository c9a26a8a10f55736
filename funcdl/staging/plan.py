"""Planning: from recorded calls to a flat list of calls in place.

Each pass is one rule: what does not depend on the inputs is computed already; what nobody reads is
left out; the same elementwise call on every parameter is one call on a vector of them all; a result
takes the place of an operand that is not read again; and what is left is written as methods that
write into their tensor.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from funcdl.staging.record import Call, rebuild, storage, tensors
from funcdl.staging.rows import Rows, fits
from funcdl.staging.steps import ELEMENTWISE, Step, is_choice, write
from funcdl.tensor import Tensor

__all__ = ["Pack", "Planner", "same_view"]

# Elementwise methods with f(1) = 1: they may go over a column of ones.
KEEPS_ONE = {"relu_", "sign_", "abs_", "sqrt_", "square_", "reciprocal_", "rsqrt_"}
COMMUTATIVE = {"add", "mul"}
# What may put its result in the place of an operand.
REUSING = ELEMENTWISE | {"clone", "choice"}
# Of two names for the same numbers, the one that has a method in place.
IN_PLACE_NAMES = {"maximum": "clamp_min", "minimum": "clamp_max"}


class Pack:
    """Tensors of one dtype, one behind the other in one vector.

    Attributes:
        vector: the numbers of all of them.
        parts: views of it, of the tensors' shapes.
    """

    def __init__(self, like: Sequence[Tensor]) -> None:
        self.vector: Tensor = like[0].new_empty(sum(t.numel() for t in like))
        self.parts: list[Tensor] = []
        start = 0
        for t in like:
            self.parts.append(self.vector.narrow(0, start, t.numel()).view(t.shape))
            start += t.numel()


class Planner:
    """What is known of the memory while the passes go over the calls."""

    def __init__(self, variable: Iterable[Tensor]) -> None:
        """Begin with the recording's inputs: all that the outputs can depend on."""
        self.variable = {storage(t) for t in variable}
        self.moved: dict[int, tuple[Tensor, Any]] = {}
        self.owners: dict[int, int] = {}
        self.packs: dict[int, tuple[Pack, int]] = {}
        self.widened: dict[int, Rows] = {}
        self.rows: dict[int, Rows] = {}

    # Memory.

    def move(self, t: Tensor, home: Tensor) -> None:
        """Let the memory of `t`, a whole tensor, be that of `home`, contiguous as `t` is."""
        self.moved[storage(t)] = home, home.storage_offset() - t.storage_offset()

    def at(self, t: Tensor) -> Tensor:
        """Give the view of where the numbers of a recorded tensor are in a replay."""
        base, shift = self._base(t)
        rows = self.widened.get(storage(base))
        if rows is not None:
            found = rows.view(t, shift)
        elif base is t:
            return t
        else:
            found = base.as_strided(t.shape, t.stride(), t.storage_offset() + shift)
        # Bits may be seen as numbers of another dtype of their size.
        return found if found.dtype == t.dtype else found.view(t.dtype)

    def _base(self, t: Tensor) -> tuple[Tensor, Any]:
        """Follow the moves of a tensor's memory to the end; and by how much it was shifted."""
        shift: Any = 0
        while storage(t) in self.moved:
            t, further = self.moved[storage(t)]
            shift += further
        return t, shift

    def owner(self, s: int) -> int:
        """Name what lives and dies with a storage."""
        while s in self.owners:
            s = self.owners[s]
        return s

    def add_pack(self, pack: Pack, members: Sequence[Tensor]) -> None:
        """Let the members, whole tensors, be the parts of a pack."""
        for k, (member, part) in enumerate(zip(members, pack.parts)):
            self.move(member, part)
            self.packs[storage(member)] = pack, k

    # Passes.

    def prune(self, calls: list[Call], outputs: Iterable[Tensor]) -> list[Call]:
        """Leave out what is the same in every replay, and what nobody reads."""
        for call in calls:
            call.name = "choice" if is_choice(call) else IN_PLACE_NAMES.get(call.name, call.name)
            if call.effect or call.reads & self.variable:
                self.variable |= call.writes
        wanted = {storage(t) for t in outputs}
        kept = []
        for call in reversed(calls):
            if call.writes & self.variable and (call.effect or call.writes & wanted):
                wanted |= call.reads
                kept.append(call)
        return kept[::-1]

    def fuse(self, calls: list[Call], shapes: list[Any]) -> list[Call]:
        """Make one call of the same elementwise call on each of the parameters."""
        if len(shapes) < 2:
            return calls
        undo = dict(self.moved), dict(self.packs)
        position = list(range(len(calls)))
        fused: dict[int, Call] = {}
        found = True
        while found:
            found = False
            for group in self._groups(calls, shapes, position):
                # Asked only now, since a group fused just before may have packed its operands.
                if self._in_one_pack([calls[i] for i in group]):
                    found = True
                    fused[group[-1]] = self._fused([calls[i] for i in group])
                    for i in group:
                        position[i] = group[-1]
        if not fused or not _in_order(calls, position):
            self.moved, self.packs = undo
            return calls
        for member, (pack, _) in self.packs.items():
            self.owners[member] = storage(pack.vector)
            self.variable.add(storage(pack.vector))
        return [fused.get(i, call) for i, call in enumerate(calls) if position[i] == i]

    def _groups(self, calls: list[Call], shapes: list[Any], position: list[int]) -> list[list[int]]:
        """Find the calls that do the same to each parameter and are not fused yet."""
        found: dict[Any, list[int]] = {}
        done = {last for i, last in enumerate(position) if i != last}
        for i, call in enumerate(calls):
            if position[i] == i and i not in done:
                signature, k = self._signature(call, shapes)
                group = found.setdefault(signature, [])
                if signature is not None and len(group) == k:
                    group.append(i)
        return [group for group in found.values() if len(group) == len(shapes)]

    def _signature(self, call: Call, shapes: list[Any]) -> tuple[Any, int]:
        """Say what a call does to the k-th parameter, in words that are the same for all k."""
        name = call.name.removesuffix("_")
        if name not in ELEMENTWISE or len(call.outs) != 1:
            return None, 0
        places = [self.packs.get(storage(t)) for t in tensors((call.args, call.outs))]
        ks = {place[1] for place in places if place}
        if len(ks) != 1:
            return None, 0
        (k,) = ks
        words: list[Any] = [call.name, tuple(sorted(call.kwargs.items()))]
        if tensors(call.kwargs) or call.outs[0].shape != shapes[k]:
            return None, 0
        for a in call.args:
            if not isinstance(a, Tensor):
                words.append(repr(a))
            elif a.ndim == 0:
                words.append((storage(a), a.storage_offset()))
            elif a.shape != shapes[k] or a.dtype != call.outs[0].dtype:
                return None, 0
            elif storage(a) in self.packs:
                words.append(id(self.packs[storage(a)][0]))
            elif _whole(a) and storage(a) in self.variable and storage(a) not in self.moved:
                words.append("a pack to be")
            else:
                return None, 0
        return tuple(words), k

    def _in_one_pack(self, group: list[Call]) -> bool:
        """Tell whether each operand, and the result, is of one pack for all, or of none yet.

        A call that is made for some parameters alone, as by a masked transform, leaves tensors of
        two kinds: one in a pack already, and one that is not. And no tensor has two places in a
        pack: a gradient that serves two parameters, or a result that the next call reads.
        """
        places: dict[int, int] = {}
        for column in zip(*([*call.args, *call.outs] for call in group)):
            if isinstance(column[0], Tensor) and column[0].ndim:
                packs = set()
                for k, t in enumerate(column):
                    pack, place = self.packs.get(storage(t), (None, k))
                    packs.add(id(pack))
                    if place != k or places.setdefault(storage(t), k) != k:
                        return False
                if len(packs) > 1:
                    return False
        return True

    def _fused(self, group: list[Call]) -> Call:
        """Make one call on packs of calls on their members."""
        first = group[0]

        def gather(column: list[Any]) -> Any:
            a = column[0]
            if not isinstance(a, Tensor) or a.ndim == 0:
                return a
            if storage(a) not in self.packs:
                self.add_pack(Pack(column), column)
            return self.packs[storage(a)][0].vector

        args = tuple(gather(list(column)) for column in zip(*(call.args for call in group)))
        out = gather([call.outs[0] for call in group])
        return Call(first.name, first.func, args, first.kwargs, [out], first.fresh)

    def settled(self, calls: list[Call]) -> int:
        """Count the calls up to the last one that may fail, or run Python.

        Only what comes behind it may write where something is carried: a replay that is cut short
        has then changed nothing, or is finished before anybody can look.
        """
        for i in range(len(calls), 0, -1):
            call = calls[i - 1]
            if not all(s.never_fails() for s in write(call, call.outs, call.args, call.kwargs)):
                return i
        return 0

    def reuse(
        self,
        calls: list[Call],
        outputs: list[Tensor],
        homes: list[tuple[Tensor, Tensor]],
        settled: int = 0,
    ) -> None:
        """Let a result take the place of an operand that is not read again.

        `homes` has pairs of an input and the output that takes its place in the end: no other
        output may settle there, and nothing at all by one of the first `settled` calls.
        """
        last: dict[int, float] = {}
        for i, call in enumerate(calls):
            for s in call.reads | call.writes:
                last[self.owner(s)] = i
        for t in outputs:
            last[self.owner(storage(t))] = math.inf
        carried: dict[int, set[int]] = {}
        for old, new in homes:
            carried.setdefault(self.owner(storage(old)), set()).add(self.owner(storage(new)))
        for i, call in enumerate(calls):
            if not call.fresh or len(call.outs) != 1 or call.name not in REUSING:
                continue
            out = call.outs[0]
            if storage(out) in self.moved:
                continue
            for a in self._operands(call):
                owner = self.owner(storage(a))
                free = storage(a) in self.variable and last[owner] <= i
                ends = last[self.owner(storage(out))]
                if owner in carried:
                    free = free and i >= settled
                    if ends == math.inf:
                        free = free and self.owner(storage(out)) in carried[owner]
                if free and _alike(a, out) and not self._overlaps(call, a):
                    self.move(out, a)
                    self.owners[self.owner(storage(out))] = owner
                    last[owner] = ends
                    rest = list(call.args)
                    del rest[next(k for k, b in enumerate(rest) if b is a)]
                    call.args, call.name, call.fresh = (a, *rest), call.name + "_", False
                    break

    def _operands(self, call: Call) -> list[Tensor]:
        many = 2 if call.name in COMMUTATIVE and not call.kwargs else 1
        return [a for a in call.args[:many] if isinstance(a, Tensor)]

    def _overlaps(self, call: Call, a: Tensor) -> bool:
        """Tell whether another operand shares memory with `a` without being the same view."""
        return any(
            self.owner(storage(b)) == self.owner(storage(a)) and not same_view(a, b)
            for b in tensors((call.args, call.kwargs))
        )

    def widen(self, calls: list[Call], outputs: list[Tensor]) -> None:
        """Give what is multiplied by a weight and then gets a bias a column of ones.

        [x 1] [w; b] is x w + b in one call, and [x 1]ᵀ dy is dw and db. What meets such a matrix
        in an elementwise call gets a column too, so that the call goes over whole memory.
        """
        views: dict[int, list[tuple[Tensor, Any]]] = {}
        for t in tensors([(call.args, call.kwargs, call.outs) for call in calls]):
            base, shift = self._base(t)
            views.setdefault(storage(base), []).append((t, shift))
        taken = {storage(self._base(t)[0]) for t in outputs}

        def give(x: Tensor, ones: bool) -> None:
            base, _ = self._base(x)
            s, width = storage(base), x.shape[-1]
            if s in taken or s not in self.variable or width < 2 or not _whole(base):
                return
            if base.numel() % width == 0 and all(fits(t, n, width) for t, n in views[s]):
                self.widened[s] = rows = Rows(base, width, ones)
                self.rows[storage(rows.matrix)] = rows
                taken.add(s)

        for product, bias in pairwise(calls):
            if product.name == "matmul" and bias.name == "add_" and len(bias.args) == 2:
                x, w = product.args
                if x.ndim == 2 and self._follows(w, bias.args[1]):
                    give(x, True)
        for call in calls:
            if not call.fresh and call.name.removesuffix("_") in ELEMENTWISE:
                operands = [t for t in tensors(call.args) if t.ndim > 1]
                if any(storage(self._base(t)[0]) in self.widened for t in operands[1:]):
                    give(operands[0], False)

    def _follows(self, w: Tensor, b: Any) -> bool:
        """Tell whether `b` is the parameter after `w` in one pack: then [w; b] is a matrix."""
        if not isinstance(b, Tensor) or b.ndim != 1 or w.ndim != 2 or not w.is_contiguous():
            return False
        (pack, k), (other, j) = (self.packs.get(storage(t), (None, -1)) for t in (w, b))
        return pack is not None and pack is other and j == k + 1

    def write(self, calls: list[Call], settled: int = 0) -> tuple[list[Any], list[Any]]:
        """Write each call with the methods of the tensor that it writes into.

        Gives the calls of the first `settled` ones, and those of the rest.
        """
        steps: list[Step] = []
        first = 0
        for i, call in enumerate(calls):
            first = len(steps) if i == settled else first
            outs = [self.at(t) for t in call.outs]
            args, kwargs = rebuild((call.args, call.kwargs), self.at)
            for step in write(call, outs, args, kwargs):
                self._append(steps, step)
        first = len(steps) if settled == len(calls) else first
        bound = [step.bind() for step in steps]
        return bound[:first], bound[first:]

    def _append(self, steps: list[Step], step: Step) -> None:
        """Append a step, folded into the product of matrices just before it where that can be."""
        last = steps[-1] if steps else step
        if step.name in ("add_", "mul_") and last.is_product() and len(step.args) == 1:
            (value,) = step.args
            if not step.kwargs and same_view(step.target, last.target):
                # A product with the factor 0 is not computed at all, which 0 times infinity is not.
                if step.name == "mul_" and isinstance(value, float) and value:
                    last.kwargs["alpha"] = last.kwargs.get("alpha", 1) * value
                    return
                other = isinstance(value, Tensor) and storage(value) != storage(step.target)
                if step.name == "add_" and other and "alpha" not in last.kwargs:
                    steps[-1:] = self._biased(last, value)
                    return
        if step.sums and last.is_product() and same_view(step.args[1], last.args[1]):
            x, both = self._whole(last.args[0].mT, True), _matrix(last.target, step.target)
            if x is not None and both is not None and last.kwargs == step.kwargs:
                steps[-1] = Step(both, "addmm_", x.mT, last.args[1], **last.kwargs)
                return
        steps.append(self._over_rows(step))

    def _biased(self, product: Step, b: Tensor) -> list[Step]:
        """Write x w + b: one product where x has its ones, else one that adds to b."""
        x, w = product.args
        wide, both = self._whole(x, True), _matrix(w, b)
        if wide is not None and both is not None and product.name == "addmm_":
            return [Step(product.target, "addmm_", wide, both, beta=0)]
        return [Step(product.target, "copy_", b), Step(product.target, product.name, x, w)]

    def _over_rows(self, step: Step) -> Step:
        """Let an elementwise call go over the last columns too, where that does no harm."""
        if step.name.removesuffix("_") not in ELEMENTWISE:
            return step
        rows = self.rows.get(storage(step.target))
        if (
            rows is None
            or step.target.dtype != rows.matrix.dtype
            or (rows.ones and step.name not in KEEPS_ONE)
        ):
            return step
        wide = [self._whole(t) for t in [step.target, *tensors(step.args)]]
        if any(t is None or t.shape[-1] != rows.width + 1 for t in wide):
            return step
        rest = iter(wide[1:])
        args = [next(rest) if isinstance(a, Tensor) else a for a in step.args]
        return Step(wide[0], step.name, *args, **step.kwargs)

    def _whole(self, t: Tensor, ones: bool = False) -> Tensor | None:
        """Widen a view by its last column, with `ones` one of ones; None where there is none."""
        rows = self.rows.get(storage(t))
        return None if rows is None or (ones and not rows.ones) else rows.whole(t)


def _matrix(w: Tensor, b: Tensor) -> Tensor | None:
    """View w (in, out) and the b (out,) behind it as one matrix (in + 1, out)."""
    if w.ndim != 2 or b.numel() != w.shape[-1] or storage(w) != storage(b):
        return None
    if (
        not (w.is_contiguous() and b.is_contiguous())
        or b.storage_offset() != w.storage_offset() + w.numel()
    ):
        return None
    return w.as_strided((w.shape[0] + 1, w.shape[1]), w.stride(), w.storage_offset())


def _whole(t: Tensor) -> bool:
    """Tell whether a tensor is all of its memory, in order."""
    size = t.untyped_storage().nbytes()
    return t.is_contiguous() and t.storage_offset() == 0 and size == t.numel() * t.element_size()


def _alike(a: Tensor, b: Tensor) -> bool:
    """Tell whether two contiguous tensors are of one shape and dtype."""
    laid = a.shape == b.shape and a.dtype == b.dtype
    return laid and a.is_contiguous() and b.is_contiguous()


def same_view(a: Tensor, b: Tensor) -> bool:
    """Tell whether two tensors are the same view of the same memory."""
    laid = a.shape == b.shape and a.dtype == b.dtype and a.stride() == b.stride()
    return laid and a.data_ptr() == b.data_ptr()


def _in_order(calls: list[Call], position: list[int]) -> bool:
    """Tell whether each storage sees its reads and writes in order after calls were moved."""
    written: dict[int, int] = {}
    touched: dict[int, int] = {}
    for call, at in zip(calls, position):
        for s in call.reads | call.writes:
            if at < (touched if s in call.writes else written).get(s, -1):
                return False
            touched[s] = max(touched.get(s, -1), at)
        for s in call.writes:
            written[s] = max(written.get(s, -1), at)
    return True
