"""By what calls of a layer are told from each other: shapes, dtypes, and how numbers are kept.

What was seen once need not be looked at again. Each layer of a plain step comes by here, so that
the common cases have a function each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from funcdl.signature.pattern import Anything, Each, Pattern
from funcdl.tensor import Tensor
from funcdl.tree import nodes

__all__ = ["Key", "is_free", "key_for"]

Key = Callable[[Any, Any], Any]
"""Of parameters and input; it may raise an error where they have another structure."""


def is_free(params: Any, x: Any) -> bool:
    """Tell whether any tensor fits."""
    return params == () and isinstance(x, Pattern) and x.text in ("…", "...")


def key_for(params: Any, x: Any) -> Key:
    """Choose the function for such patterns."""
    if is_free(params, x):
        return _of_any
    if isinstance(x, Pattern) and _are(Pattern, params):
        return _of_two if len(params) == 2 else _of_several
    if params == () and _are(Pattern, x):
        return _of_tuple
    if isinstance(x, Anything) and isinstance(params, Each) and _is_bare(params):
        return _of_parts
    if isinstance(params, Anything) and _are(Anything, x):
        return _of_count
    return lambda given, value: (_key_of(params, given), _key_of(x, value))


def _are(kind: type, patterns: Any) -> bool:
    """Tell whether patterns of one kind stand side by side."""
    return (
        type(patterns) is not kind
        and isinstance(patterns, tuple)
        and all(isinstance(entry, kind) for entry in patterns)
    )


def _is_bare(pattern: Each) -> bool:
    return isinstance(pattern.pattern, Anything)


def _of_any(params: Any, x: Any) -> Any:
    return x.dtype, x.layout, params if type(params) is tuple else (type(params), len(params))


def _of_two(params: Any, x: Any) -> Any:
    a, b = params
    if type(b) is tuple:
        return (
            *(x.shape, x.dtype, x.layout, x.is_meta),
            *(a.shape, a.dtype, a.layout, a.is_meta, b),
        )
    return (
        *(x.shape, x.dtype, x.layout, x.is_meta),
        *(a.shape, a.dtype, a.layout, a.is_meta),
        *(b.shape, b.dtype, b.layout, b.is_meta),
    )


def _of_several(params: Any, x: Any) -> Any:
    given = [p if type(p) is tuple else (p.shape, p.dtype, p.layout, p.is_meta) for p in params]
    return x.shape, x.dtype, x.layout, x.is_meta, *given


def _of_tuple(params: Any, x: Any) -> Any:
    # By the type too: a tensor is as many rows.
    return type(x), type(params), len(params), *[(t.shape, t.dtype, t.layout, t.is_meta) for t in x]


def _of_parts(params: Any, x: Any) -> Any:
    return type(params), len(params)


def _of_count(params: Any, x: Any) -> Any:
    return type(x), len(x)


def _key_of(pattern: Any, value: Any) -> Any:
    if isinstance(pattern, Pattern):
        if isinstance(value, Tensor):
            return value.shape, value.dtype, value.layout, value.is_meta
        return type(value), len(value)
    if isinstance(pattern, Anything):
        return None
    if isinstance(pattern, Each):
        if _is_bare(pattern):
            return type(value), len(value)
        return type(value), *[_key_of(pattern.pattern, entry) for entry in value]
    if len(pattern) != len(value):
        raise TypeError("another structure")
    return tuple(map(_key_of, nodes.entries(pattern), nodes.entries(value)))
