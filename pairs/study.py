"""The study: models × rounds, over processes or in one pass, given the moment they are there."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache, partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import torch

from pairs.data import Mnist, load_digits, read_digits
from pairs.details import Details
from pairs.model_file import from_round, pack
from pairs.models import MODELS
from pairs.pool import METHOD, Workers
from pairs.pool import pool as processes
from pairs.results import Results
from pairs.rounds import begin, learnt, row_of, together
from pairs.training import Row, Settings, TrainingError
from pairs.watch import watched as watch_all
from studykit.devices import here, on
from studykit.memory import no_memory
from studykit.threads import one_thread

__all__ = ["Done", "Task", "digits", "keep", "missing", "pool", "run", "stacks"]


class Task(NamedTuple):
    """One round of one model under some settings."""

    model: str
    round: int
    settings: Settings


Stack = tuple[Task, ...]
"""Rounds that are trained in one pass: what a worker does."""


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


def stacks(tasks: Sequence[Task], most: Callable[[Task], int]) -> list[Stack]:
    """Gather rounds that one pass can train: of one model, and of settings of the same shapes.

    Those that a sweep of the rate, or of the weight of the auxiliary loss, varies are together.

    Args:
        tasks: in the order in which they shall be done.
        most: how many at most are trained with a task.

    Returns:
        The stacks in the order of their first tasks; all tasks, each once.
    """
    found: list[list[Task]] = []
    open_: dict[tuple[str, Settings], list[Task]] = {}
    for task in tasks:
        key = task.model, task.settings._replace(lr=None, aux_weight=0.0)
        room = most(task) if MODELS[task.model].stackable else 1
        if key not in open_ or len(open_[key]) >= room:
            open_[key] = []
            found.append(open_[key])
        open_[key].append(task)
    return [tuple(stack) for stack in found]


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


def work(
    stack: Stack,
    data_dir: Path | None,
    watched: bool = False,
    saved: bool = False,
    device: str = "cpu",
) -> list[Done | TrainingError]:
    """Do the rounds of a stack, on one thread: what a worker does, a function of its arguments.

    It may be called from several threads at once, as the workers of a cluster may do. A worker that
    has not the device does the rounds one by one on its processor, and so does every worker with
    those of a model that is not stackable.

    Returns:
        What came of each round; the error of one that failed.
    """
    with _loading:
        mnist = digits(data_dir)
    where = here(device) if MODELS[stack[0].model].stackable else "cpu"
    with one_thread(), torch.inference_mode(), on(where):
        if where == device:
            return _done(stack, mnist, watched, saved, where)
        return [one for task in stack for one in _done((task,), mnist, watched, saved, where)]


def _done(
    stack: Stack, mnist: Mnist, watched: bool, saved: bool, device: str
) -> list[Done | TrainingError]:
    if device != "cpu":
        gc.collect()  # what the stack before left in cycles
    start = together([begin(*task, mnist) for task in stack], device)
    found: Sequence[Any] = watch_all(start) if watched else learnt(start)
    done: list[Done | TrainingError] = []
    for task, one in zip(stack, found):
        if isinstance(one, TrainingError):
            done.append(one)
            continue
        trained, details = one if watched else (one, None)
        model = pack(from_round(*task, trained)) if saved else None
        done.append(Done(row_of(*task, trained), details, model))
    return done


@contextmanager
def pool(workers: int, data_dir: Path | None, device: str = "cpu") -> Iterator[Workers]:
    """Give processes, one thread each; ended with the block, whatever happens.

    Where processes can be forked, they find the digits loaded. CUDA does not bear it: who works
    there begins anew.
    """
    with one_thread():
        digits(data_dir)
        with processes(workers, METHOD if device == "cpu" else "spawn") as made:
            yield made


def run(
    tasks: Sequence[Task],
    workers: Workers,
    data_dir: Path | None = None,
    *,
    watched: bool = False,
    saved: bool = False,
    stop: Connection | None = None,
    device: str = "cpu",
    most: Callable[[Task], int] = lambda task: 1,
) -> Generator[tuple[Task, Done | TrainingError]]:
    """Have workers do the tasks.

    Args:
        tasks: in the order in which they are begun.
        workers: who does them.
        data_dir: where the digits are, as `digits` has it.
        watched: whether the rounds are watched, for their details; it takes half as long again.
        saved: whether the content of a file of the parameters is given too.
        stop: the end of a pipe, or None; once there is something to read, the work ends.
        device: where workers train, if they have it: "cpu", or one of CUDA's.
        most: how many rounds are trained in one pass, as `stacks` has it. A stack that memory has
            no room for is done in two halves, after the others.

    Yields:
        Each task with what it gave, as soon as it comes, or with the error of a round that failed;
        the other rounds go on.

    Raises:
        WorkerLostError, KeyboardInterrupt: as `Workers` has them; all that came was given.
    """
    function = partial(work, data_dir=data_dir, watched=watched, saved=saved, device=device)
    todo = stacks(tasks, most)
    while todo:
        halves: list[Stack] = []
        with closing(workers(function, todo, stop)) as outcomes:
            for stack, outcome in outcomes:
                if not isinstance(outcome, Exception):
                    yield from zip(stack, outcome)
                elif len(stack) > 1 and no_memory(outcome):
                    half = (len(stack) + 1) // 2
                    halves += [stack[:half], stack[half:]]
                else:
                    raise outcome
        todo = halves


def keep(results: Results, task: Task, done: Done) -> None:
    """Keep what a task gave, its row last: a kill before leaves a round to be done again."""
    if done.details is not None:
        results.add_details(done.details)
    if done.model is not None:
        results.add_model(task.model, task.round, done.model)
    results.add(done.row)
