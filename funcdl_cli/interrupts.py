"""What Ctrl-C, a closed terminal and `kill` do: at every moment something that loses nothing.

While nothing is there to be kept they end the process at once; while something is computed they are
a KeyboardInterrupt; while rounds are kept they are noted, and the work ends in order.
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from types import FrameType

__all__ = ["INTERRUPTED", "at_once", "noted", "raised"]

INTERRUPTED = 130
"""The exit code, as shells have it for Ctrl-C."""

IMPATIENT = 3
"""So many interrupts end the process wherever it is: its files are complete at any moment."""

SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]

Handler = Callable[[int, FrameType | None], None]


def leave(*_: object) -> None:
    """End the process at once: the handler of a signal that finds nothing to be kept."""
    os._exit(INTERRUPTED)


@contextmanager
def _handled(handler: Handler) -> Iterator[None]:
    """Have a function handle the signals within the block.

    What is ignored stays so, as `nohup` and a shell's background jobs want it, and outside the main
    thread nothing changes.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def at_once() -> Iterator[None]:
    """Have an interrupt end the process within the block."""
    with _handled(leave):
        yield


_came = False
"""Whether there was an interrupt: Python drops what is raised in a callback, in an import's say."""


@contextmanager
def raised() -> Iterator[None]:
    """Have an interrupt of any kind be a KeyboardInterrupt within the block.

    In the last moments of the process, when all is said, it ends it.
    """
    global _came
    atexit.unregister(_last)
    atexit.register(_last)
    try:
        with _handled(_raise):
            yield
    finally:
        _came = False


def _raise(*_: object) -> None:
    global _came
    _came = True
    raise KeyboardInterrupt


def _last() -> None:
    with suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, leave)


@contextmanager
def noted() -> Iterator[Connection]:
    """Have an interrupt only be noted within the block; the third ends the process.

    One that came before, and that nobody heard of, counts.

    Yields:
        The end of a pipe on which there is something to read from the first interrupt on.
    """
    heard, bell = Pipe(duplex=False)
    numbers = count(1)

    def note(*_: object) -> None:
        number = next(numbers)
        if number == 1:
            bell.send_bytes(b"!")
        elif number == IMPATIENT:
            leave()

    if _came:
        note()

    try:
        with _handled(note):
            yield heard
    finally:
        heard.close()
        bell.close()
