"""The adapter: layers as classes that keep parameters and gradients, for those who want state.

One class wraps any layer. Every layer and loss of the library has a name of its own too, with the
arguments that PyTorch's has, and so do the optimisers. A module of your own needs no layer: give it
`forward(*input)`, `backward(*gradwrtoutput)` and `param()`, and it goes wherever a module goes.
"""

from funcdl.face import expose as _expose
from funcdl.module.base import Module as Module
from funcdl.module.clipping import clip_grad_norm_ as clip_grad_norm_
from funcdl.module.clipping import clip_grad_value_ as clip_grad_value_
from funcdl.module.layers import *
from funcdl.module.losses import *
from funcdl.module.optimisers import *
from funcdl.module.plain import *
from funcdl.module.sequential import Sequential as Sequential

_expose(globals())
