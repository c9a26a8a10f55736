"""Optimisers: pure functions from (params, grads, state) to (params, state).

Each is a chain of transforms of the gradient and a learning rate: p ← p − lr u. States are pytrees
of tensors, so that they stack, save and compare as parameters do.
"""

from funcdl.face import expose as _expose
from funcdl.optimisers.adaptive import scale_by_adagrad as scale_by_adagrad
from funcdl.optimisers.adaptive import scale_by_rms as scale_by_rms
from funcdl.optimisers.average import Averaged as Averaged
from funcdl.optimisers.average import averaged as averaged
from funcdl.optimisers.chosen import Accumulated as Accumulated
from funcdl.optimisers.chosen import Careful as Careful
from funcdl.optimisers.chosen import accumulated as accumulated
from funcdl.optimisers.chosen import finite_only as finite_only
from funcdl.optimisers.clip import clip as clip
from funcdl.optimisers.clip import clip_by_global_norm as clip_by_global_norm
from funcdl.optimisers.clip import clip_by_norm as clip_by_norm
from funcdl.optimisers.groups import Grouped as Grouped
from funcdl.optimisers.groups import by_path as by_path
from funcdl.optimisers.groups import grouped as grouped
from funcdl.optimisers.groups import scaled as scaled
from funcdl.optimisers.kin import scale_by_adadelta as scale_by_adadelta
from funcdl.optimisers.kin import scale_by_adamax as scale_by_adamax
from funcdl.optimisers.kin import scale_by_nadam as scale_by_nadam
from funcdl.optimisers.moments import scale_by_adam as scale_by_adam
from funcdl.optimisers.moments import scale_by_radam as scale_by_radam
from funcdl.optimisers.moments import sign_of_momentum as sign_of_momentum
from funcdl.optimisers.optimiser import Optimiser as Optimiser
from funcdl.optimisers.optimiser import OptimiserState as OptimiserState
from funcdl.optimisers.optimiser import optimiser as optimiser
from funcdl.optimisers.orthogonal import orthogonalise as orthogonalise
from funcdl.optimisers.plateau import Plateau as Plateau
from funcdl.optimisers.plateau import PlateauState as PlateauState
from funcdl.optimisers.plateau import plateau as plateau
from funcdl.optimisers.ready import adagrad as adagrad
from funcdl.optimisers.ready import adam as adam
from funcdl.optimisers.ready import adamw as adamw
from funcdl.optimisers.ready import lion as lion
from funcdl.optimisers.ready import radam as radam
from funcdl.optimisers.ready import rmsprop as rmsprop
from funcdl.optimisers.ready import sgd as sgd
from funcdl.optimisers.ready_kin import adadelta as adadelta
from funcdl.optimisers.ready_kin import adamax as adamax
from funcdl.optimisers.ready_kin import muon as muon
from funcdl.optimisers.ready_kin import nadam as nadam
from funcdl.optimisers.simple import decay as decay
from funcdl.optimisers.simple import momentum as momentum
from funcdl.optimisers.transform import Transform as Transform
from funcdl.optimisers.transform import chain as chain

_expose(globals())
