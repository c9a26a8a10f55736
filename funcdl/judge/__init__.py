"""The complete contract, tried on one layer: every property that the library's own layers have."""

from funcdl.face import expose as _expose
from funcdl.judge.verdict import Verdict as Verdict
from funcdl.judge.verdict import judge as judge

_expose(globals())
