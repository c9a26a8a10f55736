"""The rounds of a plan: done here or on a cluster, shown as they end, kept whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import typer

from funcdl_cli.console import err, notes
from funcdl_cli.interrupts import INTERRUPTED, noted
from funcdl_cli.progress import live, progress
from pairs import study
from pairs.cluster import cluster
from pairs.details import Details
from pairs.pool import Workers
from pairs.results import Results
from pairs.training import Row, Settings, TrainingError

__all__ = ["finish"]


def finish(
    plan: Mapping[Settings, Results],
    names: list[str],
    rounds: int,
    workers: int,
    dask: str | None,
    data_dir: Path | None,
    tell: Callable[[], None],
    watched: bool = False,
    saved: bool = False,
) -> None:
    """Do what is missing of a plan, on this machine or a cluster, and tell of what there is.

    Whatever ends it early, the rounds that are finished are kept and told of by `tell`. Rounds that
    failed are named then, and the exit code is 1.
    """
    tasks = study.missing(plan, names, rounds)
    there = rounds * len(names) * len(plan) - len(tasks)
    if there:
        notes.print(f"Resuming: {there} rounds are there already.")
    if dask is not None and data_dir is not None:
        data_dir = data_dir.absolute()  # a worker is at home elsewhere
    where = study.pool(min(workers, len(tasks)), data_dir) if dask is None else cluster(dask)
    failures: dict[study.Task, TrainingError] = {}
    end: BaseException | None = None
    try:
        if tasks:
            failures = _work(tasks, where, data_dir, plan, watched, saved)
    except BaseException as error:
        end = error
    with noted() as stop:
        # What ended the work is told, not that its disk is still full.
        with suppress(*([] if end is None else [OSError])):
            for results in plan.values():
                results.finish()
        if stop.poll() and end is None:
            end = KeyboardInterrupt()
    count = sum(len(results.rows) for results in plan.values())
    if count or end is None:
        tell()
    if isinstance(end, KeyboardInterrupt):
        resumable = all(results.folder is not None for results in plan.values())
        kept = " The same command goes on from there." if resumable else ""
        err.print(f"Interrupted: {count} rounds are finished.{kept}")
        raise typer.Exit(INTERRUPTED)
    if end is not None:
        raise end
    for task, failure in failures.items():
        err.print(f"Error: {_of(plan, task.settings)}{failure}")
    if failures:
        raise typer.Exit(1)


def _work(
    tasks: list[study.Task],
    where: AbstractContextManager[Workers],
    data_dir: Path | None,
    plan: Mapping[Settings, Results],
    watched: bool,
    saved: bool,
) -> dict[study.Task, TrainingError]:
    """Do the tasks with a progress bar, or a line a round where there is no terminal."""
    with where as workers, progress() as bar, noted() as stop:
        task = bar.add_task("rounds", total=len(tasks))

        def keep(done: study.Task, row: Row) -> None:
            plan[done.settings].add(row)
            place = _of(plan, done.settings)
            bar.update(task, advance=1, description=f"{place}{row.model} {row.test_error:.1%}")
            if not live():
                notes.print(
                    f"{place}{row.model}, round {row.round}: test error {row.test_error:.2%}, "
                    f"{row.seconds:.2f} s"
                )

        def keep_details(done: study.Task, details: Details) -> None:
            plan[done.settings].add_details(details)

        def keep_model(done: study.Task, content: bytes) -> None:
            plan[done.settings].add_model(done.model, done.round, content)

        failures = study.run(
            tasks,
            data_dir,
            workers,
            keep,
            keep_details if watched else None,
            keep_model if saved else None,
            stop,
        )
        if stop.poll():  # after the last round, or while it was kept
            raise KeyboardInterrupt
        return failures


def _of(plan: Mapping[Settings, Results], settings: Settings) -> str:
    """Name the folder of some settings, where there are several."""
    folder = plan[settings].folder
    return f"{folder.name}, " if len(plan) > 1 and folder is not None else ""
