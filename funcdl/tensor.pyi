from torch import Generator as Generator
from torch import Tensor as Tensor
from torch import dtype, layout
from torch import empty as empty

FULL: frozenset[dtype]
FLOATS: frozenset[dtype]
STRIDED: layout

def is_half(t: Tensor) -> bool: ...
def wide(t: Tensor) -> Tensor: ...
def as_dtype_of(t: Tensor, other: Tensor) -> Tensor: ...
