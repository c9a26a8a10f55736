"""The study: models × rounds, over processes, each row kept the moment it is there."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    as_completed,
)
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import torch

from pairs.data import Mnist, load_digits, read_digits
from pairs.training import Row, Settings, TrainingError, run_round

__all__ = ["Task", "digits", "pool", "run"]

Task = tuple[str, int]
"""A model's name and a round."""


_loading = threading.Lock()


@lru_cache(maxsize=1)
def digits(data_dir: Path | None) -> Mnist:
    """Load the digits once a process: the package's own, or the IDX files of a folder."""
    return load_digits() if data_dir is None else read_digits(data_dir)


def work(task: Task, settings: Settings, data_dir: Path | None) -> Row:
    """Do one round of one model, on one thread: what a worker does, a function of its arguments.

    It may be called from several threads at once, as the workers of a cluster may do.
    """
    with _loading:
        mnist = digits(data_dir)
    with one_thread(), torch.inference_mode():
        return run_round(*task, settings, mnist)


@contextmanager
def one_thread() -> Iterator[None]:
    """Have torch use one thread within the block, so that sums are the same on every machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def pool(workers: int, data_dir: Path | None) -> Iterator[Executor]:
    """Give an executor of processes, one thread each; ended with the block, whatever happens.

    Where processes can be forked, they find the digits loaded.
    """
    method = "fork" if sys.platform == "linux" else "spawn"
    with one_thread():
        digits(data_dir)
        executor = ProcessPoolExecutor(
            workers, multiprocessing.get_context(method), initializer=_start
        )
        try:
            yield executor
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()
            raise
        finally:
            executor.shutdown()


def run(
    tasks: Sequence[Task],
    settings: Settings,
    data_dir: Path | None,
    executor: Executor,
    keep: Callable[[Row], None],
) -> list[TrainingError]:
    """Do the tasks on an executor, and hand each row to `keep` as soon as it comes.

    Returns:
        The errors of the rounds that failed; the other rounds went on.

    Raises:
        BrokenExecutor, CancelledError: the executor broke; all rows that it gave are kept.
    """
    pending: list[Future[Row]] = [executor.submit(work, task, settings, data_dir) for task in tasks]
    failures = []
    broken: BaseException | None = None
    for future in as_completed(pending):
        try:
            keep(future.result())
        except TrainingError as error:
            failures.append(error)
        except (BrokenExecutor, CancelledError) as error:
            # All that is unfinished fails with it at once; what has finished is still kept.
            broken = error
    if broken is not None:
        raise broken
    return failures


def usable_cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start() -> None:
    # Ctrl-C goes to the whole process group; the parent alone decides what follows.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End the worker when its parent was killed: no one else would."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
