"""Pytrees: nested tuples, lists, dicts, NamedTuples and dataclasses; anything else is a leaf.

Dict entries are visited in the order of their sorted keys, so that two equal dicts have equal
leaves; those of an OrderedDict in its own. A container comes back as what it was: an OrderedDict in
its order, a defaultdict with its factory, a subclass of a user's own if it can be made of its
entries, a dataclass by its fields. A dataclass whose instances can be called is a leaf as functions
are: so is a `Layer`. None is a leaf too; `()` stands for nothing. Every function returns new
containers and never writes to a leaf.
"""

from funcdl.face import expose as _expose
from funcdl.tree.arithmetic import add as add
from funcdl.tree.arithmetic import multiply as multiply
from funcdl.tree.arithmetic import norm as norm
from funcdl.tree.arithmetic import ravel as ravel
from funcdl.tree.arithmetic import size as size
from funcdl.tree.arithmetic import stack as stack
from funcdl.tree.arithmetic import unstack as unstack
from funcdl.tree.arithmetic import zeros_like as zeros_like
from funcdl.tree.flat import find as find
from funcdl.tree.flat import from_dict as from_dict
from funcdl.tree.flat import map_with_path as map_with_path
from funcdl.tree.flat import paths as paths
from funcdl.tree.flat import to_dict as to_dict
from funcdl.tree.nodes import is_namedtuple as is_namedtuple
from funcdl.tree.nodes import is_node as is_node
from funcdl.tree.structure import from_leaves as from_leaves
from funcdl.tree.structure import has_leaves as has_leaves
from funcdl.tree.structure import leaves as leaves
from funcdl.tree.structure import map as map
from funcdl.tree.structure import to_leaves as to_leaves

_expose(globals())
