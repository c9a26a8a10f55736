"""A pass through a network, forward and backward, as a page to read."""

from funcdl.face import expose as _expose
from funcdl.trace.seen import Applied as Applied
from funcdl.trace.trace import Trace as Trace
from funcdl.trace.trace import trace as trace

_expose(globals())
