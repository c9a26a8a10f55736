"""The one error that bad data raises."""

from __future__ import annotations

from funcdl import FuncdlError


class DataError(FuncdlError, ValueError):
    """A file, a folder or an argument does not hold what was expected.

    The message is one sentence: where (a path or an argument), what was expected, what came.
    """
