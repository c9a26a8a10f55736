"""Parameters from PyTorch's modules and back into them, by their attributes alone."""

from funcdl.face import expose as _expose
from funcdl.interop.copy import from_torch as from_torch
from funcdl.interop.copy import to_torch as to_torch

_expose(globals())
