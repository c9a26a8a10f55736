"""`funcdl-cli check`: every derivative of the library, against the values it belongs to."""

from __future__ import annotations

import time
from typing import Annotated, NamedTuple

import torch
import typer

from funcdl import DerivativeError, check, tree
from funcdl_cli.cases import CASES, Case
from funcdl_cli.console import err, out, say_json
from funcdl_cli.options import RUN, Config, Json, Quiet, Seed
from funcdl_cli.progress import progress
from studykit.files import versions
from studykit.seeds import generator
from studykit.terminal import FittedTable
from studykit.threads import one_thread

__all__ = ["EXAMPLES", "Checked", "check_case", "run_check"]

EXAMPLES = (
    "funcdl-cli check",
    "funcdl-cli check --only conv2d,gru --seed 1",
    "funcdl-cli check --json --quiet",
)


class Checked(NamedTuple):
    """What the check of a case found; `error` is the largest, None where the check failed."""

    name: str
    error: float | None
    seconds: float
    failure: str | None


def run_check(
    only: Annotated[
        str | None,
        typer.Option(
            help="Names of layers and losses separated by commas; all if left out.",
            rich_help_panel=RUN,
        ),
    ] = None,
    seed: Seed = 0,
    config: Config = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check the derivative of every layer, loss and combinator: the dot-product test in float64.

    Each vjp is compared with central differences of its own values, in random directions.
    """
    cases = _chosen(only)
    found = []
    with one_thread(), torch.inference_mode(), progress() as bar:
        task = bar.add_task("checks", total=len(cases))
        for case in cases:
            found.append(check_case(case, seed))
            bar.update(task, advance=1, description=case.name)
    failed = [checked for checked in found if checked.failure is not None]
    if as_json:
        say_json({"seed": seed, "versions": versions(), "checks": [c._asdict() for c in found]})
    else:
        out.print(_table(found, len(found) - len(failed)))
    for checked in failed:
        err.print(f"Error: {checked.failure}")
    if failed:
        raise typer.Exit(1)


def check_case(case: Case, seed: int) -> Checked:
    """Check a case on parameters and inputs drawn for it."""
    rng = generator(seed, "check", case.name)
    drawn, _ = case.layer.init(rng, case.shape)
    # Off their first values, many of which are 0 or 1.
    params = tree.map(lambda p: p.double() + 0.1 * torch.randn(p.shape, generator=rng), drawn)
    x = case.draw(rng)
    started = time.perf_counter()
    error, failure = None, None
    try:
        error = max(check(case.layer, params, x, rng).values())
    except DerivativeError as wrong:
        failure = str(wrong)
    return Checked(case.name, error, time.perf_counter() - started, failure)


def _chosen(only: str | None) -> list[Case]:
    if only is None:
        return CASES
    names = [name.strip() for name in only.split(",")]
    known = [case.name for case in CASES]
    for name in names:
        if name not in known:
            raise typer.BadParameter(
                f"expected names that 'funcdl-cli check' lists, got {name!r}", param_hint="--only"
            )
    return [case for case in CASES if case.name in names]


def _table(found: list[Checked], passed: int) -> FittedTable:
    table = FittedTable(
        f"Derivatives: {passed} of {len(found)} fit their values", least=("ms", "error")
    )
    table.add_column("name", no_wrap=True)
    for heading in ("error", "ms", ""):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, error, seconds, failure in found:
        verdict = "[green]pass[/green]" if failure is None else "[bold red]FAIL[/bold red]"
        size = "–" if error is None else f"{error:.0e}"
        table.add_row(name, size, f"{1000 * seconds:.1f}", verdict)
    return table
