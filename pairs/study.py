"""The study: models × rounds, over processes, each row kept the moment it is there."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from typing import NamedTuple

import torch

from pairs.data import Mnist, load_digits, read_digits
from pairs.details import Details
from pairs.model_file import from_round, pack
from pairs.results import Results
from pairs.training import Row, Settings, TrainingError, row_of, train_round
from pairs.watch import watch_round

__all__ = ["Task", "digits", "missing", "pool", "run"]


class Task(NamedTuple):
    """One round of one model under some settings: what a worker does."""

    model: str
    round: int
    settings: Settings


def missing(plan: Mapping[Settings, Results], names: Sequence[str], rounds: int) -> list[Task]:
    """List what is still to do for some rounds of some models, in the order of the plan.

    Args:
        plan: the settings, each with the results that its rows go to.
        names: of the models.
        rounds: how many of each; within one setting all models do a round before the next.
    """
    return [
        Task(name, i, settings)
        for settings, results in plan.items()
        for i in range(rounds)
        for name in names
        if not results.done(name, i)
    ]


_loading = threading.Lock()


@lru_cache(maxsize=1)
def digits(data_dir: Path | None) -> Mnist:
    """Load the digits once a process: the package's own, or the IDX files of a folder."""
    return load_digits() if data_dir is None else read_digits(data_dir)


class Done(NamedTuple):
    """What a worker gives for a task."""

    row: Row
    details: Details | None = None
    model: bytes | None = None
    """The content of a file of its parameters: a cluster's workers may share no disk."""


def work(task: Task, data_dir: Path | None, watched: bool = False, saved: bool = False) -> Done:
    """Do one round of one model, on one thread: what a worker does, a function of its arguments.

    It may be called from several threads at once, as the workers of a cluster may do.
    """
    with _loading:
        mnist = digits(data_dir)
    with one_thread(), torch.inference_mode():
        trained, details = (
            watch_round(*task, mnist) if watched else (train_round(*task, mnist), None)
        )
        model = pack(from_round(*task, trained)) if saved else None
        return Done(row_of(*task, trained), details, model)


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
            for child in multiprocessing.active_children():
                child.terminate()
            raise
        finally:
            executor.shutdown(cancel_futures=True)


def run(
    tasks: Sequence[Task],
    data_dir: Path | None,
    executor: Executor,
    keep: Callable[[Task, Row], None],
    keep_details: Callable[[Task, Details], None] | None = None,
    keep_model: Callable[[Task, bytes], None] | None = None,
) -> dict[Task, TrainingError]:
    """Do the tasks on an executor, and hand each with its row to `keep` as soon as it comes.

    Where there is a `keep_details`, the rounds are watched, which takes half as long again, and it
    is handed a task's details before `keep` is handed its row; so is `keep_model` the content of a
    file of its parameters.

    Returns:
        The rounds that failed, with their errors; the other rounds went on.

    Raises:
        BrokenExecutor, CancelledError: the executor broke; all rows that it gave are kept.
    """
    watched = keep_details is not None
    pending: dict[Future[Done], Task] = {
        executor.submit(work, task, data_dir, watched, keep_model is not None): task
        for task in tasks
    }
    failures = {}
    broken: BaseException | None = None
    for future in as_completed(pending):
        try:
            row, details, model = future.result()
            if keep_details is not None and details is not None:
                keep_details(pending[future], details)
            if keep_model is not None and model is not None:
                keep_model(pending[future], model)
            keep(pending[future], row)
        except TrainingError as error:
            failures[pending[future]] = error
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
