"""The adapter: layers as classes that keep parameters and gradients, for those who want state.

One class wraps any layer. Every layer and loss of the library has a name of its own too, with the
arguments that PyTorch's has, and so do the optimisers. A module of your own needs no layer: give it
`forward(*input)`, `backward(*gradwrtoutput)` and `param()`, and it goes wherever a module goes.
"""

from funcdl.module import layers, losses, optimisers, plain
from funcdl.module.base import Module
from funcdl.module.layers import *  # noqa: F403
from funcdl.module.losses import *  # noqa: F403
from funcdl.module.optimisers import *  # noqa: F403
from funcdl.module.plain import *  # noqa: F403
from funcdl.module.sequential import Sequential

__all__ = ["Module", "Sequential"]
__all__ += layers.__all__
__all__ += losses.__all__
__all__ += optimisers.__all__
__all__ += plain.__all__
