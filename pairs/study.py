"""The study: models × rounds, over processes, each round given the moment it is there."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
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
from pairs.rounds import row_of, train_round
from pairs.training import Row, Settings, TrainingError
from pairs.watch import watch_round
from studykit.threads import one_thread

__all__ = ["Done", "Task", "digits", "keep", "missing", "pool", "run"]


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
    workers: Workers,
    data_dir: Path | None = None,
    *,
    watched: bool = False,
    saved: bool = False,
    stop: Connection | None = None,
) -> Generator[tuple[Task, Done | TrainingError]]:
    """Have workers do the tasks.

    Args:
        tasks: in the order in which they are begun.
        workers: who does them.
        data_dir: where the digits are, as `digits` has it.
        watched: whether the rounds are watched, for their details; it takes half as long again.
        saved: whether the content of a file of the parameters is given too.
        stop: the end of a pipe, or None; once there is something to read, the work ends.

    Yields:
        Each task with what it gave, as soon as it comes, or with the error of a round that failed;
        the other rounds go on.

    Raises:
        WorkerLostError, KeyboardInterrupt: as `Workers` has them; all that came was given.
    """
    function = partial(work, data_dir=data_dir, watched=watched, saved=saved)
    with closing(workers(function, tasks, stop)) as outcomes:
        for task, outcome in outcomes:
            if isinstance(outcome, Exception) and not isinstance(outcome, TrainingError):
                raise outcome
            yield task, outcome


def keep(results: Results, task: Task, done: Done) -> None:
    """Keep what a task gave, its row last: a kill before leaves a round to be done again."""
    if done.details is not None:
        results.add_details(done.details)
    if done.model is not None:
        results.add_model(task.model, task.round, done.model)
    results.add(done.row)
