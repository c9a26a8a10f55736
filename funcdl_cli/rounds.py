"""The rounds of a plan: done here or on a cluster, shown as they end, kept whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from pathlib import Path

import typer

from funcdl_cli.console import err, notes
from funcdl_cli.progress import live, progress
from pairs import study
from pairs.cluster import cluster
from pairs.details import Details
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
    try:
        failures = _work(tasks, where, data_dir, plan, watched, saved) if tasks else {}
    except BaseException as end:
        _close(plan)
        count = sum(len(results.rows) for results in plan.values())
        if count:
            tell()
        if not isinstance(end, KeyboardInterrupt):
            raise
        resumable = all(results.folder is not None for results in plan.values())
        kept = " The same command goes on from there." if resumable else ""
        err.print(f"Interrupted: {count} rounds are finished.{kept}")
        raise typer.Exit(130) from None
    _close(plan)
    tell()
    for task, failure in failures.items():
        err.print(f"Error: {_of(plan, task.settings)}{failure}")
    if failures:
        raise typer.Exit(1)


def _close(plan: Mapping[Settings, Results]) -> None:
    for results in plan.values():
        results.finish()


def _work(
    tasks: list[study.Task],
    where: AbstractContextManager[Executor],
    data_dir: Path | None,
    plan: Mapping[Settings, Results],
    watched: bool,
    saved: bool,
) -> dict[study.Task, TrainingError]:
    """Do the tasks with a progress bar, or a line a round where there is no terminal."""
    with where as executor, progress() as bar:
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

        return study.run(
            tasks,
            data_dir,
            executor,
            keep,
            keep_details if watched else None,
            keep_model if saved else None,
        )


def _of(plan: Mapping[Settings, Results], settings: Settings) -> str:
    """Name the folder of some settings, where there are several."""
    folder = plan[settings].folder
    return f"{folder.name}, " if len(plan) > 1 and folder is not None else ""
