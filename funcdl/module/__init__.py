"""The adapter: layers as classes that keep parameters and gradients, for those who want state.

One class wraps any layer. A module that bears a name of PyTorch's takes PyTorch's arguments, in the
same places and with the same defaults and layouts, and gives the same numbers; what it does not
offer it refuses. A module of your own needs no layer: give it `forward(*input)`,
`backward(*gradwrtoutput)` and `param()`, and it goes wherever a module goes.
"""

from funcdl.face import expose as _expose
from funcdl.module.activations import *
from funcdl.module.adaptive import *
from funcdl.module.attention import *
from funcdl.module.base import Module as Module
from funcdl.module.batch_norms import *
from funcdl.module.cells import *
from funcdl.module.class_losses import *
from funcdl.module.clipping import clip_grad_norm_ as clip_grad_norm_
from funcdl.module.clipping import clip_grad_value_ as clip_grad_value_
from funcdl.module.containers import *
from funcdl.module.convolution import *
from funcdl.module.distances import *
from funcdl.module.dropouts import *
from funcdl.module.embedding import *
from funcdl.module.instance_norms import *
from funcdl.module.label_losses import *
from funcdl.module.linear import *
from funcdl.module.losses import *
from funcdl.module.margin_losses import *
from funcdl.module.muon import *
from funcdl.module.norms import *
from funcdl.module.optimisers import *
from funcdl.module.padding import *
from funcdl.module.pooling import *
from funcdl.module.probability_losses import *
from funcdl.module.rectifiers import *
from funcdl.module.recurrent import *
from funcdl.module.sequential import Sequential as Sequential
from funcdl.module.shapes import *
from funcdl.module.transformer_layers import *
from funcdl.module.transformers import *
from funcdl.module.upsampling import *

_expose(globals())
