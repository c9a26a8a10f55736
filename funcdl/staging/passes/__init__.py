"""The passes of a plan: each a function from a program to a program, in a file of its own.

Their examples show a step before and after. `funcdl.staging.plan` has them in their order.
"""

from funcdl.staging.passes.bring_home import bring_home
from funcdl.staging.passes.fold import fold_biases, fold_factors, fold_sums
from funcdl.staging.passes.fuse import fuse
from funcdl.staging.passes.lower import lower
from funcdl.staging.passes.prune import prune
from funcdl.staging.passes.rename import rename
from funcdl.staging.passes.reuse import reuse
from funcdl.staging.passes.separate import separate
from funcdl.staging.passes.settle import settle
from funcdl.staging.passes.share import share
from funcdl.staging.passes.span import span
from funcdl.staging.passes.stay import stay
from funcdl.staging.passes.widen import widen

__all__ = [
    "bring_home",
    "fold_biases",
    "fold_factors",
    "fold_sums",
    "fuse",
    "lower",
    "prune",
    "rename",
    "reuse",
    "separate",
    "settle",
    "share",
    "span",
    "stay",
    "widen",
]
