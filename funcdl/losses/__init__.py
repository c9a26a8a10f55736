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
from funcdl.losses.focal import binary_focal as binary_focal
from funcdl.losses.focal import focal as focal
from funcdl.losses.margins import hinge as hinge
from funcdl.losses.margins import margin_ranking as margin_ranking
from funcdl.losses.margins import multi_margin as multi_margin
from funcdl.losses.margins import soft_margin as soft_margin
from funcdl.losses.multi_label import multi_label_margin as multi_label_margin
from funcdl.losses.multi_label import multi_label_soft_margin as multi_label_soft_margin
from funcdl.losses.regression import huber as huber
from funcdl.losses.regression import l1 as l1
from funcdl.losses.regression import mse as mse
from funcdl.losses.similar import cosine_embedding as cosine_embedding
from funcdl.losses.similar import hinge_embedding as hinge_embedding
from funcdl.losses.triplet import triplet as triplet

_expose(globals())
