"""The study: models × rounds, over processes, each row kept the moment it is there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache, partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import torch

from pairs.data import Mnist, load_digits, read_digits
from pairs.details import Details
from pairs.model_file import from_round, pack
from pairs.pool import Workers
from pairs.pool import pool as processes
from pairs.results import Results
from pairs.training import Row, Settings, TrainingError, row_of, train_round
from pairs.watch import watch_round
from studykit.threads import one_thread

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
    found = []
    for settings, results in plan.items():
        there = {(row.model, row.round) for row in results.rows}
        all_of_them = ((name, i) for i in range(rounds) for name in names)
        found += [Task(*key, settings) for key in all_of_them if key not in there]
    return found


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
def pool(workers: int, data_dir: Path | None) -> Iterator[Workers]:
    """Give processes, one thread each; ended with the block, whatever happens.

    Where processes can be forked, they find the digits loaded.
    """
    with one_thread():
        digits(data_dir)
        with processes(workers) as made:
            yield made


def run(
    tasks: Sequence[Task],
    data_dir: Path | None,
    workers: Workers,
    keep: Callable[[Task, Row], None],
    keep_details: Callable[[Task, Details], None] | None = None,
    keep_model: Callable[[Task, bytes], None] | None = None,
    stop: Connection | None = None,
) -> dict[Task, TrainingError]:
    """Have workers do the tasks, and hand each with its row to `keep` as soon as it comes.

    Where there is a `keep_details`, the rounds are watched, which takes half as long again, and it
    is handed a task's details before `keep` is handed its row; so is `keep_model` the content of a
    file of its parameters. Once there is something to read from `stop`, the work ends.

    Returns:
        The rounds that failed, with their errors; the other rounds went on.

    Raises:
        WorkerLostError, KeyboardInterrupt: as `Workers` has them; all rows that came are kept.
    """
    watched, saved = keep_details is not None, keep_model is not None
    function = partial(work, data_dir=data_dir, watched=watched, saved=saved)
    failures = {}
    with closing(workers(function, tasks, stop)) as outcomes:
        for task, outcome in outcomes:
            if isinstance(outcome, TrainingError):
                failures[task] = outcome
                continue
            if isinstance(outcome, Exception):
                raise outcome
            if keep_details is not None and outcome.details is not None:
                keep_details(task, outcome.details)
            if keep_model is not None and outcome.model is not None:
                keep_model(task, outcome.model)
            keep(task, outcome.row)
    return failures
