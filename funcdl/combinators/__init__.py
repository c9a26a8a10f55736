"""Combinators: they take layers and give a layer, one idea a file."""

from funcdl.combinators.concat import concat as concat
from funcdl.combinators.debug import debug as debug
from funcdl.combinators.fan_in import fan_in as fan_in
from funcdl.combinators.fan_out import fan_out as fan_out
from funcdl.combinators.freeze import freeze as freeze
from funcdl.combinators.inference import inference as inference
from funcdl.combinators.lazy import lazy as lazy
from funcdl.combinators.named import named as named
from funcdl.combinators.parallel import parallel as parallel
from funcdl.combinators.remat import remat as remat
from funcdl.combinators.repeat import repeat as repeat
from funcdl.combinators.residual import residual as residual
from funcdl.combinators.scan import scan as scan
from funcdl.combinators.serial import serial as serial
from funcdl.combinators.shared import shared as shared
from funcdl.combinators.siamese import siamese as siamese
from funcdl.combinators.supervised import supervised as supervised
from funcdl.combinators.tap import tap as tap
from funcdl.combinators.transformers import decoder_blocks as decoder_blocks
from funcdl.combinators.transformers import encoder_blocks as encoder_blocks
from funcdl.combinators.vmap import vmap as vmap
from funcdl.combinators.weighted_sum import weighted_sum as weighted_sum
from funcdl.face import expose as _expose

_expose(globals())
