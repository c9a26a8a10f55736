"""Processes that work on tasks, each at the end of a pipe of its own.

A queue that processes share has a lock, and whoever is killed while holding it stops all others for
ever. Here nothing is shared but what a fork copies:

- A worker has one pipe, to the parent, and answers one task after another on it.
- The parent waits in one place only, for all pipes together. A worker that dies, at whatever
  moment, is the end of its own pipe and of nothing else.
- Another pipe, `stop`, ends that wait: Ctrl-C is something that the parent reads, never an
  exception between two lines. Workers leave it to the parent.
- However it ends, what has come through a pipe by then is given first.
- Whoever leaves the loop early leaves workers at their tasks; what these answer later is dropped,
  so that the same workers can be asked again.
- In the end workers are killed, so that none needs to agree; one whose parent was killed ends by
  itself.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Protocol, TypeVar

from funcdl import FuncdlError

__all__ = ["METHOD", "WorkerLostError", "Workers", "pool"]

T = TypeVar("T")
R = TypeVar("R")

METHOD = "fork" if sys.platform == "linux" else "spawn"
"""A worker that is forked finds what its parent has loaded."""

POLITE = 1.0
"""Seconds that idle workers have to end by themselves before they are killed."""

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGHUP") if hasattr(signal, name)]
"""They go to a whole process group; the parent alone decides what follows."""


class WorkerLostError(FuncdlError, RuntimeError):
    """A worker that was killed, in the middle of a task or before it."""


class Workers(Protocol):
    """Whoever does tasks: processes of this machine, or a cluster."""

    def __call__(
        self, function: Callable[[T], R], tasks: Sequence[T], stop: Connection | None
    ) -> Generator[tuple[T, R | Exception]]:
        """Give each task with what the function returns or raises, as soon as it is there.

        Args:
            function: called with a task; both are pickled.
            tasks: in the order in which they are begun.
            stop: the end of a pipe, or None; once there is something to read, the work ends.

        Raises:
            KeyboardInterrupt: there is; what had finished was given.
            WorkerLostError: a task has no outcome; what had finished was given.
        """


@contextmanager
def pool(count: int, method: str = METHOD) -> Iterator[Workers]:
    """Give so many processes; they have ended when the block has, whatever ends it.

    Args:
        count: of the processes.
        method: how they are made, "fork" or "spawn".

    Raises:
        OSError: this machine has no room for so many.
    """
    context: Any = multiprocessing.get_context(method)
    workers: list[tuple[BaseProcess, Connection]] = []
    try:
        for _ in range(count):
            with _undisturbed():
                ours, theirs = context.Pipe()
                inherited = [ours, *(pipe for _, pipe in workers)] if method == "fork" else []
                process = context.Process(target=_serve, args=(theirs, inherited), daemon=True)
                workers.append((process, ours))
                process.start()
                theirs.close()
        yield partial(_outcomes, [pipe for _, pipe in workers], set())
        for _, pipe in workers:
            pipe.close()
        for process, _ in workers:
            process.join(POLITE)
    finally:
        for process, pipe in workers:
            pipe.close()
            if process.pid is not None:
                process.kill()
                process.join()


def _outcomes(
    pipes: Sequence[Connection],
    left: set[Connection],
    function: Callable[[T], R],
    tasks: Sequence[T],
    stop: Connection | None,
) -> Generator[tuple[T, R | Exception]]:
    """Do the parent's half of `Workers`; `left` has the pipes whose answers nobody waits for."""
    ahead, idle = deque(tasks), [pipe for pipe in pipes if pipe not in left]
    busy: dict[Any, T] = {}
    came: list[tuple[T, R | Exception]] = []
    end: BaseException | None = None
    try:
        while True:
            while ahead and idle and end is None:
                pipe, following = idle.pop(), ahead.popleft()
                try:
                    pipe.send_bytes(pickle.dumps((function, following)))
                except OSError:  # its worker died while it had nothing to do
                    end = WorkerLostError("a worker process was killed")
                else:
                    busy[pipe] = following
            yield from came  # while the workers are at the next ones
            came = []
            awaited = [*busy, *(left if ahead else ())]
            watched = awaited if stop is None or end is not None else [*awaited, stop]
            ready: list[Any] = wait(watched, None if awaited and end is None else 0)
            if not ready:  # all is done, or all that is ready at the end
                break
            for pipe in ready:
                if pipe is stop:
                    end = KeyboardInterrupt()
                    continue
                asked = pipe in busy
                task: Any = busy.pop(pipe, None)
                left.discard(pipe)
                try:
                    outcome = pickle.loads(pipe.recv_bytes())
                except (EOFError, OSError):
                    end = end or WorkerLostError("a worker process was killed")
                else:
                    idle.append(pipe)
                    if asked:
                        came.append((task, outcome))
    finally:
        left.update(busy)
    if end is not None:
        # What interrupts the whole group may kill a worker first.
        raise KeyboardInterrupt if stop is not None and stop.poll() else end


def _serve(pipe: Connection, inherited: Sequence[Connection]) -> None:
    """Answer tasks until the pipe ends: a worker's whole life."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [*SIGNALS, signal.SIGTERM])
    for other in inherited:
        other.close()  # or the end of the parent would not be that of its pipes
    with suppress(RuntimeError):  # no room for a thread: its task's end will do
        threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):
        while True:
            pipe.send_bytes(_answer(*pickle.loads(pipe.recv_bytes())))


def _answer(function: Callable[[Any], Any], task: Any) -> bytes:
    try:
        return pickle.dumps(function(task))
    except Exception as error:
        told = traceback.format_exc()
        error.add_note(f"In a worker:\n{told}")
        try:
            packed = pickle.dumps(error)
            pickle.loads(packed)
        except Exception:  # an exception that cannot travel
            packed = pickle.dumps(RuntimeError(told))
        return packed


def _end_with_parent() -> None:
    """End the worker when its parent was killed, in the middle of a task too: no one else would."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold signals back while a worker is made: it, and the parent's knowledge of it, are whole."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [*SIGNALS, signal.SIGTERM])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
