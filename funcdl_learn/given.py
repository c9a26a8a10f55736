"""What a student wrote: a file's names, and what is wrong with it in one sentence."""

from __future__ import annotations

import sys
import traceback
from importlib.abc import InspectLoader
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from types import CodeType
from typing import Any

__all__ = ["Given", "MissingError", "WrongError", "told", "unwritten"]


class WrongError(Exception):
    """An answer that is not right: one sentence with what was expected, what came, and for what."""


class MissingError(Exception):
    """A name that the student's file does not have yet."""


class _Loader(InspectLoader):
    """Loads a module from a text that is in no file."""

    def __init__(self, source: str, file: str) -> None:
        self.source, self.file = source, file

    def get_source(self, fullname: str) -> str:
        """Give the text."""
        return self.source

    def get_code(self, fullname: str) -> CodeType:
        """Compile it, so that errors name the student's file."""
        return self.source_to_code(self.source, self.file)


class Given:
    """The names of a student's file, as attributes.

    >>> Given("y = 2", "mine.py").y
    2
    >>> Given("y = 2", "mine.py").z
    Traceback (most recent call last):
    funcdl_learn.given.MissingError: mine.py: expected it to define z
    """

    def __init__(self, source: str, file: str) -> None:
        self._file, self._source = file, source
        loader = _Loader(source, file)
        module = module_from_spec(ModuleSpec("given", loader, origin=file))
        sys.modules["given"] = module  # where dataclasses look for their module
        self._names = vars(module)
        loader.exec_module(module)

    def __getattr__(self, name: str) -> Any:
        if name not in self._names:
            raise MissingError(f"{self._file}: expected it to define {name}")
        return self._names[name]

    def text(self) -> str:
        """Give the file as it was written."""
        return self._source


def told(error: BaseException, source: str, file: str) -> str:
    """Say what a student's file raised, and in which of its lines."""
    about = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    about = " ".join(about.split())
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: SyntaxError: {error.msg}"
    number, line = _place(error, source, file)
    return f"line {number}, `{line}`: {about}" if number else about


def unwritten(error: BaseException, source: str, file: str) -> str:
    """Say where a student's file is not written yet."""
    number, _ = _place(error, source, file)
    return f"expected it to be written from line {number} on, where NotImplementedError is raised"


def _place(error: BaseException, source: str, file: str) -> tuple[int, str]:
    """Find the last line of a student's file that an error came through; 0 if there is none."""
    lines = source.splitlines()
    own = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == file and frame.lineno
    ]
    return (own[-1], lines[own[-1] - 1].strip()) if own and own[-1] <= len(lines) else (0, "")
