"""`funcdl-cli check`: every derivative of the library, against the values it belongs to."""

from __future__ import annotations

import time
from typing import Annotated, NamedTuple

import torch
import typer

from funcdl import DerivativeError, Layer, check, layer
from funcdl.cases import CASES, Case
from funcdl_cli.console import err, out, say_json
from funcdl_cli.options import RUN, Config, Json, Quiet, Seed
from funcdl_cli.progress import progress
from studykit.files import versions
from studykit.seeds import generator
from studykit.terminal import FittedTable
from studykit.threads import one_thread

__all__ = ["EXAMPLES", "Checked", "check_cases", "run_check"]

EXAMPLES = (
    "funcdl-cli check",
    "funcdl-cli check --only conv2d,gru --seed 1",
    "funcdl-cli check --json --quiet",
)


class Checked(NamedTuple):
    """What the check of a name found.

    Attributes:
        name: the public name.
        cases: how many rows of the table of cases it has.
        error: the largest of them; None where the check of one failed.
        seconds: for all of them.
        failure: what is wrong with the first that failed.
    """

    name: str
    cases: int
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
    chosen = _chosen(only)
    found = []
    with one_thread(), torch.inference_mode(), progress() as bar:
        task = bar.add_task("checks", total=len(chosen))
        for name, cases in chosen.items():
            found.append(check_cases(name, cases, seed))
            bar.update(task, advance=1, description=name)
    failed = [checked for checked in found if checked.failure is not None]
    if as_json:
        say_json({"seed": seed, "versions": versions(), "checks": [c._asdict() for c in found]})
    else:
        out.print(_table(found, len(found) - len(failed)))
    for checked in failed:
        err.print(f"Error: {checked.failure}")
    if failed:
        raise typer.Exit(1)


def check_cases(name: str, cases: list[Case], seed: int) -> Checked:
    """Check the rows of a name, on parameters and inputs drawn for each."""
    errors: list[float] = []
    failure, seconds = None, 0.0
    for case in cases:
        rng = generator(seed, "check", str(case))
        params, x = case.params(rng), case.inputs(rng)
        started = time.perf_counter()
        try:
            errors += check(_applied(case), params, x, rng).values()
        except DerivativeError as wrong:
            failure = failure or str(wrong)
        seconds += time.perf_counter() - started
    error = max(errors) if failure is None else None
    return Checked(name, len(cases), error, seconds, failure)


def _applied(case: Case) -> Layer:
    """Give the layer, without the generator of the check where the row is one of inference."""
    if case.random:
        return case.layer
    return layer(lambda params, x: case.layer(params, x), case.layer.init, case.layer.name)


def _chosen(only: str | None) -> dict[str, list[Case]]:
    """Give the rows of each name that was asked for."""
    known: dict[str, list[Case]] = {}
    for case in CASES:
        known.setdefault(case.name, []).append(case)
    if only is None:
        return known
    names = [name.strip() for name in only.split(",")]
    for name in names:
        if name not in known:
            raise typer.BadParameter(
                f"expected names that 'funcdl-cli check' lists, got {name!r}", param_hint="--only"
            )
    return {name: cases for name, cases in known.items() if name in names}


def _table(found: list[Checked], passed: int) -> FittedTable:
    table = FittedTable(
        f"Derivatives: {passed} of {len(found)} fit their values", least=("cases", "ms", "error")
    )
    table.add_column("name", no_wrap=True)
    for heading in ("cases", "error", "ms", ""):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, cases, error, seconds, failure in found:
        verdict = "[green]pass[/green]" if failure is None else "[bold red]FAIL[/bold red]"
        size = "–" if error is None else f"{error:.0e}"
        table.add_row(name, str(cases), size, f"{1000 * seconds:.1f}", verdict)
    return table
