"""The command line, asked in this process: what a shell would see of it, without a process's start."""

import io
import os
import sys
from typing import NamedTuple
from unittest import mock

import torch

import cli
from funcdl_cli import console


class Said(NamedTuple):
    """The exit code, and what was printed."""

    code: int
    out: str
    err: str


class Stream(io.TextIOWrapper):
    """A stream of some encoding, as standard output is one; a terminal if wanted."""

    def __init__(self, encoding, terminal=False):
        # As Python opens it: what does not go in is an error, here as there.
        super().__init__(io.BytesIO(), encoding, "strict", newline="\n", write_through=True)
        self.terminal = terminal

    def isatty(self):
        return self.terminal

    def text(self):
        return self.buffer.getvalue().decode(self.encoding)


def ask(*args, encoding="utf-8", terminal=False, **environment):
    """Run the command line on some arguments, with its output redirected, or on a terminal.

    It goes in by `cli.main`, as a process does, and all that it sets is set back. An exception that
    a process would end by with a traceback comes out.
    """
    out, err = Stream(encoding, terminal), Stream(encoding, terminal)
    threads, kept = torch.get_num_threads(), os.dup(1)
    try:
        with (
            mock.patch.object(sys, "argv", ["funcdl-cli", *map(str, args)]),
            mock.patch.object(sys, "stdout", out),
            mock.patch.object(sys, "stderr", err),
            mock.patch.dict(os.environ, environment),
        ):
            code = _ended()
    finally:
        os.dup2(kept, 1)  # main closes a standard output that takes no more
        os.close(kept)
        torch.set_num_threads(threads)
        console.hush(False)
    return Said(code, out.text(), err.text())


def _ended():
    try:
        cli.main()
    except SystemExit as end:
        return end.code or 0
    return 0
