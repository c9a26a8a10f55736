"""The rounds of a plan: done here or on a cluster, shown as they end, kept whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple

import typer

from funcdl import FuncdlError
from funcdl_cli.console import err, notes
from funcdl_cli.interrupts import INTERRUPTED, noted
from funcdl_cli.options import CORES
from funcdl_cli.progress import live, progress
from pairs import study
from pairs.cluster import cluster
from pairs.pool import Workers
from pairs.results import Results
from pairs.room import most_of
from pairs.training import Row, Settings, TrainingError

__all__ = ["Ending", "Where", "finish"]

_INTERRUPTED = Path("results") / "interrupted"
"""Where rounds are kept that nobody said a folder for."""

Plan = Mapping[Settings, Results]
Failures = dict[study.Task, TrainingError]


class Where(NamedTuple):
    """Where rounds are trained, as the command line has it.

    Attributes:
        device: "cpu", or one of CUDA's.
        stack: rounds in one pass; None for a good choice.
        workers: processes; None for a good choice.
        dask: the address of a scheduler; None for this machine.
    """

    device: str = "cpu"
    stack: int | None = None
    workers: int | None = None
    dask: str | None = None


class Ending(NamedTuple):
    """How the work on a plan ended. A command tells of the rounds that are kept, and leaves.

    Attributes:
        plan: the settings with their results.
        failures: the rounds that failed.
        error: what ended the work early; None where it was done to its end.
    """

    plan: Plan
    failures: Failures
    error: BaseException | None

    @property
    def rounds(self) -> int:
        """How many rounds are finished, with those from before."""
        return sum(len(results.rows) for results in self.plan.values())

    @property
    def told(self) -> bool:
        """Whether there is something to tell of."""
        return self.rounds > 0 or self.error is None

    def leave(self) -> None:
        """Go on where all is well; else say what is not, and end with the exit code for it."""
        if isinstance(self.error, KeyboardInterrupt):
            err.print(f"Interrupted: {_rounds(self.rounds)} finished.{self._kept()}")
            raise typer.Exit(INTERRUPTED)
        if self.error is not None:
            raise self.error
        for task, failure in self.failures.items():
            err.print(f"Error: {_of(self.plan, task.settings)}{failure}")
        if self.failures:
            raise typer.Exit(1)

    def _kept(self) -> str:
        """Say how to go on; rounds that were in memory alone are put in a folder first."""
        if all(results.folder is not None for results in self.plan.values()):
            return " The same command goes on from there."
        (results,) = self.plan.values()  # a sweep has folders
        if not results.rows:
            return ""
        folder = next(path for i in count(1) if not (path := _INTERRUPTED / f"{i}").exists())
        try:
            results.keep_in(folder)
        except (FuncdlError, OSError) as error:
            return f" They are not kept: {error}"
        return f" With --out {folder}, where they are kept now, the same command goes on."


def finish(
    plan: Plan,
    names: list[str],
    rounds: int,
    where: Where,
    data_dir: Path | None,
    *,
    watched: bool = False,
    saved: bool = False,
) -> Ending:
    """Do what is missing of a plan, on this machine or a cluster.

    Whatever ends it early, the rounds that are finished are kept.
    """
    tasks = study.missing(plan, names, rounds)
    there = rounds * len(names) * len(plan) - len(tasks)
    if there:
        notes.print(f"Resuming: {_rounds(there)} there already.")
    if where.dask is not None and data_dir is not None:
        data_dir = data_dir.absolute()  # a worker is at home elsewhere
    failures: Failures = {}
    error: BaseException | None = None
    try:
        if tasks:
            failures = _work(tasks, where, data_dir, plan, watched, saved)
    except BaseException as early:
        error = early
    with noted() as stop:
        # What ended the work is told, not that its disk is still full.
        with suppress(*([] if error is None else [OSError])):
            for results in plan.values():
                results.finish()
        if stop.poll() and error is None:
            error = KeyboardInterrupt()
    return Ending(plan, failures, error)


def _work(
    tasks: list[study.Task],
    where: Where,
    data_dir: Path | None,
    plan: Plan,
    watched: bool,
    saved: bool,
) -> Failures:
    """Do the tasks with a progress bar, or a line a round where there is no terminal."""
    failures: Failures = {}
    most, made = _made(where, tasks, data_dir)
    with made as workers, progress() as bar, noted() as stop:
        line = bar.add_task("rounds", total=len(tasks))
        for task, result in study.run(
            tasks,
            workers,
            data_dir,
            watched=watched,
            saved=saved,
            stop=stop,
            device=where.device,
            most=most,
        ):
            if isinstance(result, TrainingError):
                failures[task] = result
                continue
            study.keep(plan[task.settings], task, result)
            row, place = result.row, _of(plan, task.settings)
            wrong = f"{row.test_error:.1%}"
            bar.update(line, advance=1, description=f"{place}{row.model}: {wrong} wrong")
            if not live():
                notes.print(_told(place, row))
        if stop.poll():  # after the last round, or while it was kept
            raise KeyboardInterrupt
    return failures


def _made(
    where: Where, tasks: list[study.Task], data_dir: Path | None
) -> tuple[Callable[[study.Task], int], AbstractContextManager[Workers]]:
    """Choose how many rounds are trained in one pass, and who does them.

    Raises:
        DeviceError: the device cannot be used, or has no room for a round.
    """
    device, stack, workers, dask = where
    if dask is not None:
        return most_of(device, stack, remote=True), cluster(dask)
    count = workers or (CORES if device == "cpu" else 1)
    most = most_of(device, stack, count)
    count = min(count, len(study.stacks(tasks, most)))
    return most, study.pool(count, data_dir, device)


def _rounds(number: int) -> str:
    """Begin a sentence on some rounds."""
    return "1 round is" if number == 1 else f"{number} rounds are"


def _told(place: str, row: Row) -> str:
    return (
        f"{place}{row.model}, round {row.round}: test error {row.test_error:.2%}, "
        f"{row.seconds:.2f} s"
    )


def _of(plan: Plan, settings: Settings) -> str:
    """Name the folder of some settings, where there are several."""
    folder = plan[settings].folder
    return f"{folder.name}, " if len(plan) > 1 and folder is not None else ""
