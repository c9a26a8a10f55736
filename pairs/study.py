"""The study: models × rounds, over processes, each row kept the moment it is there."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import torch

from pairs.data import Mnist, load_digits, read_digits
from pairs.training import Row, Settings, TrainingError, run_round

__all__ = ["Task", "digits", "pool", "run"]

Task = tuple[str, int]
"""A model's name and a round."""


@lru_cache(maxsize=1)
def digits(data_dir: Path | None) -> Mnist:
    """Load the digits once a process: the package's own, or the IDX files of a folder."""
    return load_digits() if data_dir is None else read_digits(data_dir)


def work(task: Task, settings: Settings, data_dir: Path | None) -> Row:
    """Do one round of one model: what a worker does, a pure function of its arguments."""
    with torch.inference_mode():
        return run_round(*task, settings, digits(data_dir))


@contextmanager
def pool(workers: int, data_dir: Path | None) -> Iterator[Executor]:
    """Give an executor of processes, one thread each; ended with the block, whatever happens.

    Where processes can be forked, they find the digits loaded.
    """
    torch.set_num_threads(1)
    digits(data_dir)
    method = "fork" if sys.platform == "linux" else "spawn"
    executor = ProcessPoolExecutor(workers, multiprocessing.get_context(method), initializer=_start)
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
    """
    pending: list[Future[Row]] = [executor.submit(work, task, settings, data_dir) for task in tasks]
    failures = []
    for future in as_completed(pending):
        try:
            keep(future.result())
        except TrainingError as error:
            failures.append(error)
    return failures


def usable_cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start() -> None:
    torch.set_num_threads(1)
    # Ctrl-C goes to the whole process group; the parent alone decides what follows.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
