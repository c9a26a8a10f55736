"""Pytrees: nested tuples, lists, dicts, NamedTuples and dataclasses; anything else is a leaf.

Dict entries are visited in the order of their sorted keys, so that two equal dicts have equal
leaves; those of an OrderedDict in its own. A container comes back as what it was: an OrderedDict in
its order, a defaultdict with its factory, a subclass of a user's own if it can be made of its
entries, a dataclass by its fields. A dataclass whose instances can be called is a leaf as functions
are: so is a `Layer`. None is a leaf too; `()` stands for nothing. Every function returns new
containers and never writes to a leaf.
"""

from funcdl.tree.arithmetic import (
    add,
    norm,
    ravel,
    scale,
    size,
    stack,
    unstack,
    zeros_like,
)
from funcdl.tree.flat import from_dict, map_with_path, paths, select, to_dict
from funcdl.tree.nodes import is_namedtuple, is_node
from funcdl.tree.structure import flatten, has_leaves, leaves, map, unflatten

__all__ = [
    "add",
    "flatten",
    "from_dict",
    "has_leaves",
    "is_namedtuple",
    "is_node",
    "leaves",
    "map",
    "map_with_path",
    "norm",
    "paths",
    "ravel",
    "scale",
    "select",
    "size",
    "stack",
    "to_dict",
    "unflatten",
    "unstack",
    "zeros_like",
]
