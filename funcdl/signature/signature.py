"""What a layer takes and gives, declared once: checked, worded and written from here."""

from __future__ import annotations

from typing import Any

from funcdl.errors import FuncdlError, InputError, KindError, ShapeError, exhausted, recorded
from funcdl.portable import packed
from funcdl.signature.keys import is_free, key_for
from funcdl.signature.kinds import Kind, devices, first_line, shapes
from funcdl.signature.lengths import Length, Lengths
from funcdl.signature.pattern import parsed
from funcdl.signature.scope import expect_known, names
from funcdl.signature.values import Leaf, Values, drawn, texts, within
from funcdl.tensor import FLOATS
from funcdl.tree import leaves
from funcdl.tree.trouble import odd

__all__ = ["Signature"]

MOST = 1024
"""So many signatures of calls are remembered; then it is begun anew."""


class Signature:
    """The parameters, the input and the output of a layer, as patterns with named axes.

    Args:
        params: a pytree of patterns as the parameters are one of tensors; `()` for none.
        x: of the input: a pattern, or a tuple of them. See `funcdl.signature.pattern`.
        y: of the output.
        floats: whether all tensors are floats, but for what a pattern says itself; otherwise any
            dtype goes. Either way they have one dtype.
        axes: for a star of a given number of axes, that number.
        lengths: of axes that hyperparameters give: a number, or another axis and a function of it.

    Axes are fitted to the hyperparameters first, then to the parameters in their order, then to the
    input: what does not fit those before it is the argument at fault. `*models` is empty where a
    layer is initialised.

    Raises:
        InputError: a pattern is not written in the language, or names an axis that has no length.

    >>> from funcdl.tensor import empty
    >>> takes = Signature(("w: *models in out", "b: *models out"), "*models … in", "… out", out=3)
    >>> takes.fit("linear", (empty(2, 3), empty(4)), empty(5, 2))
    Traceback (most recent call last):
    funcdl.errors.ShapeError: linear: expected b (3,), got (4,)
    >>> takes.infer("linear", (5, 2))
    (((2, 3), (3,)), (5, 3))
    >>> takes
    w: *models in out, b: *models out, x: *models … in → … out
    """

    def __init__(
        self,
        params: Any,
        x: Any,
        y: Any,
        *,
        floats: bool = True,
        axes: dict[str, int] | None = None,
        **lengths: Length,
    ) -> None:
        self.params, self.x, self.y = parsed(params), parsed(x), parsed(y)
        self.floats, self.axes, self.lengths = floats, axes or {}, lengths
        # `count` is that of the entries of `each`.
        known = names(self.x, names(self.params, {"count", *self.axes, *lengths}))
        sources = parsed([rule[0] for rule in lengths.values() if isinstance(rule, tuple)])
        expect_known((self.params, self.x, self.y, sources), known)
        self._seen: dict[Any, Any] = {}
        self._free = is_free(self.params, self.x)
        self._key = key_for(self.params, self.x)

    def fit(self, where: str, params: Any, x: Any) -> Any:
        """Return the kind of the output, or the kinds of a tuple; None where it is not declared.

        What was seen once is looked up, by its shapes and dtypes.

        Raises:
            ShapeError, KindError: an argument does not fit the hyperparameters, or those before it.
        """
        try:
            return self._seen[self._key(params, x)]
        except (KeyError, AttributeError, TypeError, ValueError, RuntimeError):
            return self._look(where, params, x)

    def _look(self, where: str, params: Any, x: Any) -> Any:
        values = self._values(where, params, x)
        known = self._matched(where, values)
        kind = None if self._free else self._kind(values.leaves, known)
        if len(self._seen) >= MOST:
            self._seen.clear()
        self._seen[self._key(params, x)] = kind
        return kind

    def _values(self, where: str, params: Any, x: Any) -> Values:
        """Find the tensors with their patterns; refuse what is none, or not computed with."""
        values = Values(where)
        values.visit(self.params, params, "params")
        values.visit(self.x, x, "x")
        for leaf in values.leaves:
            self._expect_floats(where, leaf, values.leaves)
        return values

    def _expect_floats(self, where: str, leaf: Leaf, others: list[Leaf]) -> None:
        name, pattern, tensor, is_param = leaf
        if (layout := odd(tensor)) is not None:
            raise KindError(f"{where}: expected {name} to be a plain tensor, got a {layout} one")
        if pattern.below:
            if str(tensor.dtype) != "torch.int64":
                raise KindError(f"{where}: expected {name} to be int64, got {tensor.dtype}")
        elif pattern.real:
            if tensor.is_complex():
                raise KindError(f"{where}: expected {name} to be real, got {tensor.dtype}")
        elif self.floats and tensor.dtype not in FLOATS:
            given = [o for o in others if (o.pattern.real or o.pattern.below)]
            swapped = [o.name for o in given if o.value.is_floating_point()]
            if is_param or tensor.is_floating_point():  # that would be swapped in vain
                swapped = []
            hint = f": are {name} and {swapped[0]} swapped?" if swapped else ""
            raise KindError(f"{where}: expected {name} to be floats, got {tensor.dtype}{hint}")

    def _matched(self, where: str, values: Values) -> Lengths:
        """Fit all shapes, then the dtypes and the devices."""
        found, known = values.leaves, self._known(values)
        for name, pattern, tensor, is_param in found:
            if not known.match(pattern.axes, shape := tuple(tensor.shape)):
                if is_param:
                    known.known = {**known.partly, **known.known}
                raise _unlike(where, name, known.words(pattern.axes, shape), shape)
        first = _first(found) if found else None
        for name, pattern, tensor, _ in found:
            if pattern.below or pattern.real or first is None:
                continue
            if tensor.dtype is not first.value.dtype:
                raise KindError(
                    f"{where}: expected {name} to be {first.value.dtype} as {first.name} is, "
                    f"got {tensor.dtype}"
                )
        given = devices([leaf.value for leaf in found])
        if len(given) > 1:
            raise KindError(f"{where}: expected all on one device, got {' and '.join(given)}")
        return known

    def _known(self, values: Values) -> Lengths:
        known = Lengths(self.lengths, self.axes)
        if values.count:
            known.known["count"] = values.count
        return known

    def _kind(self, found: list[Leaf], known: Lengths) -> Any:
        if not found:
            return None
        first = _first(found).value
        return within(
            self.y, known, lambda axes: Kind(known.shape(axes), first.dtype, first.is_meta)
        )

    def infer(self, where: str, in_shape: Any) -> tuple[Any, Any]:
        """Return the shapes of the parameters of one model, and that of the output.

        Raises:
            ShapeError: the input's shape does not fit.
        """
        _, known = self._inferred(where, in_shape)
        return within(self.params, known, known.shape), within(self.y, known, known.shape)

    def bounds(self, where: str, in_shape: Any) -> list[int | None]:
        """Return for each tensor of an input below what its integers are; None for other numbers.

        Raises:
            ShapeError: the input's shape does not fit.
        """
        values, known = self._inferred(where, in_shape)
        below = [leaf.pattern.below for leaf in values.leaves]
        return [known.look_up(axis) if axis else None for axis in below]

    def _inferred(self, where: str, in_shape: Any) -> tuple[Values, Lengths]:
        """Fit the shape of an input of one model."""
        values = Values(where, shapes=True)
        values.visit(self.x, in_shape, "x")
        known = self._known(values)
        if "models" not in self.axes:
            known.known["models"] = ()
        for name, pattern, shape, _ in values.leaves:
            if not known.match(pattern.axes, shape):
                raise _unlike(where, name, known.words(pattern.axes, shape), shape)
        return values, known

    def draw(self, where: str, rng: Any, in_shape: Any, how: Any) -> tuple[Any, Any]:
        """Draw the parameters of one model: `(params, out_shape)`.

        Args:
            where: what errors begin with.
            rng: the generator to draw from.
            in_shape: of the input.
            how: an initialiser `(rng, shape) -> tensor` for each parameter, in a pytree like them;
                None for `()` in its place.

        Raises:
            ShapeError: the input's shape does not fit.
            KindError: what stands in the place of an initialiser is none.
        """
        shapes, out_shape = self.infer(where, in_shape)
        return drawn(where, self.params, shapes, how, rng, "params"), out_shape

    def explained(self, where: str, params: Any, x: Any, error: Exception) -> Exception:
        """Say in one sentence why arguments whose shapes fit could not be computed with.

        An error that a tensor of a user's own class may have raised is returned as it is.
        """
        if (problem := exhausted(where, error)) is not None:
            return problem
        values = self._values(where, params, x)
        if any(_is_a_users(leaf.value) for leaf in values.leaves):
            return error
        if (problem := recorded(where, error)) is not None:
            return problem
        known = self._matched(where, values)
        for name, pattern, tensor, _ in values.leaves:
            if pattern.below and tensor.numel() and not tensor.is_meta:
                count, low, high = (
                    known.look_up(pattern.below),
                    int(tensor.min()),
                    int(tensor.max()),
                )
                if count is not None and not 0 <= low <= high < count:
                    return InputError(
                        f"{where}: expected {name} from 0 to {count - 1}, "
                        f"got one of {low} to {high}"
                    )
        given = f"params {shapes(params)} and x {shapes(x)}" if leaves(params) else f"x {shapes(x)}"
        return ShapeError(f"{where}: expected shapes that fit, got {given}: {first_line(error)}")

    def __str__(self) -> str:
        given = [*texts(self.params, "params"), *texts(self.x, "x")]
        named = ", ".join(f"{name}: {text}" for name, text in given)
        return f"{named} → {', '.join(text for _, text in texts(self.y, ''))}"

    def __repr__(self) -> str:
        return str(self)

    def __copy__(self) -> Signature:
        return self  # nothing in it changes, but for what it remembers

    def __deepcopy__(self, memo: Any) -> Signature:
        return self

    def __reduce__(self) -> Any:
        given = self.params, self.x, self.y, self.floats, self.axes, self.lengths
        return _loaded, (packed(given),)


def _loaded(given: tuple[Any, ...]) -> Signature:
    params, x, y, floats, axes, lengths = given
    return Signature(params, x, y, floats=floats, axes=axes, **lengths)


def _is_a_users(tensor: Any) -> bool:
    """Tell whether a tensor is of a class that neither torch nor this library defines."""
    return type(tensor).__module__.partition(".")[0] not in ("torch", "funcdl")


def _unlike(where: str, name: str, wanted: str, shape: tuple[int, ...]) -> FuncdlError:
    return ShapeError(f"{where}: expected {name} {wanted}, got {shape}")


def _first(found: list[Leaf]) -> Leaf:
    """Return the leaf that gives the others its dtype, and the output."""
    floats = [leaf for leaf in found if not (leaf.pattern.below or leaf.pattern.real)]
    return (floats or found)[0]
