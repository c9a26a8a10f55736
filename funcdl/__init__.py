"""funcdl: deep learning as pure functions that return their own derivatives.

apply(params, x) -> (y, vjp)        vjp(dy) -> (dparams, dx)

Each folder's `__init__` is its face, and what the faces export is exported here too.
"""

__version__ = "0.1.0"

from funcdl import initialisers as initialisers
from funcdl import schedules as schedules
from funcdl import tree as tree
from funcdl.batches import batches as batches
from funcdl.calibrate import calibrate as calibrate
from funcdl.check import Differences as Differences
from funcdl.check import check as check
from funcdl.combinators import *
from funcdl.contract import Layer as Layer
from funcdl.contract import Params as Params
from funcdl.contract import Shape as Shape
from funcdl.contract import Value as Value
from funcdl.contract import Vjp as Vjp
from funcdl.errors import ContractError as ContractError
from funcdl.errors import DerivativeError as DerivativeError
from funcdl.errors import FuncdlError as FuncdlError
from funcdl.errors import FuncdlWarning as FuncdlWarning
from funcdl.errors import InputError as InputError
from funcdl.errors import KindError as KindError
from funcdl.errors import ResourceError as ResourceError
from funcdl.errors import ShapeError as ShapeError
from funcdl.errors import TreeError as TreeError
from funcdl.errors import UsageError as UsageError
from funcdl.face import expose as _expose
from funcdl.function import as_layer as as_layer
from funcdl.function import layer as layer
from funcdl.interop import *
from funcdl.judge import *
from funcdl.layers import *
from funcdl.losses import *
from funcdl.module import *
from funcdl.names import named_paths as named_paths
from funcdl.optimisers import *
from funcdl.signature import Signature as Signature
from funcdl.staging import *
from funcdl.summary import Summary as Summary
from funcdl.summary import summary as summary
from funcdl.trace import *
from funcdl.training import training_step as training_step
from funcdl.training import value_and_grad as value_and_grad

_expose(globals(), "initialisers", "schedules", "tree")
