"""Staging: a pure training step, recorded once and replayed as a flat list of in-place calls."""

from funcdl.face import expose as _expose
from funcdl.staging.stage import stage as stage

_expose(globals())
