"""`funcdl-cli sweep`: the study once for each value of one setting."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from funcdl_cli.console import out, say_json
from funcdl_cli.options import (
    DATA,
    MOST,
    RESULTS,
    RUN,
    TRAINING,
    AugmentChoice,
    Config,
    Dask,
    DataDir,
    Device,
    Json,
    Quiet,
    Rounds,
    Seed,
    Stack,
    TestPairs,
    Validation,
    Workers,
    complete_models,
    path,
)
from funcdl_cli.rounds import Where, finish
from pairs import study, sweep
from pairs.data import check_counts
from pairs.results import Results
from pairs.sweep.folders import plan as folders
from pairs.sweep.terminal import sweep_tables
from pairs.training import Settings
from studykit.devices import check

__all__ = ["EXAMPLES", "run_sweep"]

EXAMPLES = (
    "funcdl-cli sweep train-pairs --out by-pairs",
    "funcdl-cli sweep epochs --values 5,10,25 --rounds 5 --out by-epochs",
    "funcdl-cli report by-pairs",
)
Swept = Enum("Swept", {name: name for name in sweep.SWEPT}, type=str)  # type: ignore[misc]
DEFAULT = Settings()


def run_sweep(
    setting: Annotated[
        Swept,
        typer.Argument(metavar="SETTING", help="What to vary.", show_default=False),
    ],
    out_dir: Annotated[
        Path,
        typer.Option(
            "--out",
            parser=path,
            metavar="PATH",
            help="Folder for the results, one in it for each value; the same command resumes.",
            show_default=False,
            rich_help_panel=RESULTS,
        ),
    ],
    values: Annotated[
        str | None,
        typer.Option(
            help="Values separated by commas; small to large if left out.",
            rich_help_panel=RUN,
        ),
    ] = None,
    models: Annotated[
        str | None,
        typer.Option(
            help="Names of models separated by commas.",
            show_default="with and without sharing and auxiliary loss",
            autocompletion=complete_models,
            rich_help_panel=RUN,
        ),
    ] = None,
    rounds: Rounds = 10,
    seed: Seed = 0,
    config: Config = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=MOST,
            help="Passes over the training pairs.",
            show_default="25",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    train_pairs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Pairs to train on, at most 20,000.",
            show_default="1000",
            rich_help_panel=DATA,
        ),
    ] = None,
    augment: Annotated[
        AugmentChoice | None,
        typer.Option(
            help="What is done to the images while training, for every model.",
            show_default=DEFAULT.augment,
            rich_help_panel=TRAINING,
        ),
    ] = None,
    test_pairs: TestPairs = DEFAULT.test_pairs,
    validation: Validation = False,
    data_dir: DataDir = None,
    device: Device = "cpu",
    stack: Stack = None,
    workers: Workers = None,
    dask: Dask = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Vary one setting: what it does to each model, and to what sharing and auxiliary losses give.

    Each value is a study of its own, in a folder that 'pairs' would have written too.
    """
    varied = setting.value
    given = {"epochs": epochs, "train-pairs": train_pairs, "augment": augment}
    if given.get(varied) is not None:
        raise typer.BadParameter(
            "this is what is varied: expected --values instead", param_hint=f"--{varied}"
        )
    base = Settings(
        seed=seed,
        epochs=epochs or DEFAULT.epochs,
        train_pairs=train_pairs or DEFAULT.train_pairs,
        test_pairs=test_pairs,
        validation=validation,
        augment=augment.value if augment else DEFAULT.augment,
    )
    names, asked = sweep.models(varied, models), sweep.values(varied, values)
    if dask is None:
        check(device)
    if dask is None or data_dir is None:
        for settings in sweep.steps(varied, asked, base):
            check_counts(study.digits(data_dir), settings.train_pairs, test_pairs, validation)
    plan = folders(out_dir, varied, asked, base, "package" if data_dir is None else "files")
    ending = finish(plan, names, rounds, Where(device, stack, workers, dask), data_dir)
    if ending.told:
        _tell(varied, dict(zip(asked, plan.values())), names, as_json)
    ending.leave()


def _tell(
    setting: str, swept: Mapping[sweep.Value, Results], names: list[str], as_json: bool
) -> None:
    """Show what there is at each value of the models that were asked for; all of it as JSON."""
    if as_json:
        studies = [{"value": value, **results.summary()} for value, results in swept.items()]
        say_json({"setting": setting, "studies": studies})
        return
    rows = {
        value: [row for row in results.rows if row.model in names]
        for value, results in swept.items()
    }
    for table in sweep_tables(setting, rows):
        out.print(table)
