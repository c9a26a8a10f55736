"""Losses: layers on a pair (output, target) that give a number to make small.

The target is data: its cotangent is None. `models` is the number of leading axes of the output
that count models; the loss then keeps them, and each model's is the loss that it would have alone.
`reduction` says what is made of the examples' losses: their "mean", their "sum", or with "none"
they are kept; there is no mean of no examples. A target that is not a class is taken in the dtype
of the output; outputs of half precision are computed with in float32, and so are their targets.
"""

from funcdl.face import expose as _expose
from funcdl.losses.classes import cross_entropy as cross_entropy
from funcdl.losses.classes import nll as nll
from funcdl.losses.distributions import binary_cross_entropy as binary_cross_entropy
from funcdl.losses.distributions import kl_divergence as kl_divergence
from funcdl.losses.embeddings import contrastive as contrastive
from funcdl.losses.embeddings import cosine_distance as cosine_distance
from funcdl.losses.margins import hinge as hinge
from funcdl.losses.regression import huber as huber
from funcdl.losses.regression import l1 as l1
from funcdl.losses.regression import mse as mse

_expose(globals())
