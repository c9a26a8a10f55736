"""`funcdl-cli pairs`: the study of the pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from funcdl_cli.console import notes, out, say_json
from funcdl_cli.options import (
    DATA,
    MOST,
    RESULTS,
    RUN,
    TRAINING,
    Augment,
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
    finite,
    path,
)
from funcdl_cli.rounds import Where, finish
from pairs import listing, study
from pairs.data import check_counts
from pairs.model_file import check_package
from pairs.models import MODELS, STUDY, find
from pairs.results import Results
from pairs.terminal import tables
from pairs.training import Settings
from studykit.devices import check

__all__ = ["EXAMPLES", "pairs"]

EXAMPLES = (
    "funcdl-cli pairs --out results",
    "funcdl-cli pairs --models conv-shared,conv-shared-aux --rounds 20",
    "funcdl-cli pairs --models champion --json > champion.json",
)
DEFAULT = Settings()
DEFAULT_AUGMENT = AugmentChoice(DEFAULT.augment)


def pairs(
    models: Annotated[
        str | None,
        typer.Option(
            help="Names of models separated by commas, * for any part of one, or 'all'.",
            show_default="those of conv-bn that answer the two questions",
            autocompletion=complete_models,
            rich_help_panel=RUN,
        ),
    ] = None,
    rounds: Rounds = 10,
    seed: Seed = 0,
    config: Config = None,
    list_models: Annotated[
        bool,
        typer.Option(
            "--list",
            help="Show all models, or those of --models with their structure, and end.",
            rich_help_panel=RUN,
        ),
    ] = False,
    epochs: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            max=MOST,
            help="Passes over the training pairs (a champion has its own).",
            rich_help_panel=TRAINING,
        ),
    ] = DEFAULT.epochs,
    batch_size: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, max=MOST, help="Pairs in a batch.", rich_help_panel=TRAINING
        ),
    ] = DEFAULT.batch_size,
    lr: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            min=0.0,
            callback=finite,
            help="Peak of the learning rate.",
            show_default="each model's own",
            rich_help_panel=TRAINING,
        ),
    ] = DEFAULT.lr,
    augment: Augment = DEFAULT_AUGMENT,
    aux_weight: Annotated[
        float,
        typer.Option(
            metavar="X",
            min=0.0,
            callback=finite,
            help="Weight of the digits' loss, where a model learns both.",
            rich_help_panel=TRAINING,
        ),
    ] = DEFAULT.aux_weight,
    train_pairs: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, help="Pairs to train on, at most 20,000.", rich_help_panel=DATA
        ),
    ] = DEFAULT.train_pairs,
    test_pairs: TestPairs = DEFAULT.test_pairs,
    validation: Validation = False,
    data_dir: DataDir = None,
    device: Device = "cpu",
    stack: Stack = None,
    workers: Workers = None,
    dask: Dask = None,
    out_dir: Annotated[
        Path | None,
        typer.Option(
            "--out",
            parser=path,
            metavar="PATH",
            help="Folder for the results; the same command resumes.",
            rich_help_panel=RESULTS,
        ),
    ] = None,
    save: Annotated[
        bool,
        typer.Option(
            "--save",
            help="Keep the trained models in the folder, for 'compare'.",
            rich_help_panel=RESULTS,
        ),
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Which of two handwritten digits is larger? What weight sharing and auxiliary losses give.

    Every round has fresh pairs and fresh weights; within a round all models see the same pairs.
    """
    names = STUDY if models is None else find(models)
    if list_models:
        _list([*MODELS] if models is None else names, models is not None, as_json)
        return
    settings = Settings(
        seed, epochs, batch_size, lr, train_pairs, test_pairs, validation, aux_weight, augment.value
    )
    if save:
        if out_dir is None:
            raise typer.BadParameter("expected --out too, the folder to keep the models in")
        check_package()
    if dask is None:
        check(device)
    if dask is None or data_dir is None:
        check_counts(study.digits(data_dir), train_pairs, test_pairs, validation)
    results = Results(out_dir, settings, "package" if data_dir is None else "files")
    if save and (count := results.without_model(names)):
        have = "has" if count == 1 else "have"
        notes.print(f"Of the rounds that are there already, {count} {have} no saved model.")
    watched = out_dir is not None
    where = Where(device, stack, workers, dask)
    ending = finish(
        {settings: results}, names, rounds, where, data_dir, watched=watched, saved=save
    )
    if ending.told:
        _tell(results, names, test_pairs, as_json)
    ending.leave()


def _tell(results: Results, names: list[str], test_pairs: int, as_json: bool) -> None:
    """Show what there is of the models that were asked for; all of it as JSON."""
    if as_json:
        say_json(results.summary())
        return
    for table in tables([row for row in results.rows if row.model in names], test_pairs):
        out.print(table)


def _list(names: list[str], whole: bool, as_json: bool) -> None:
    """Show models, and their structure where the whole of them is asked for."""
    if as_json:
        say_json({"models": [listing.described(name) for name in names]})
        return
    out.print(listing.table(names))
    if whole:
        for block in listing.structures(names):
            out.print()
            out.print(block)
        return
    for line in listing.legend(names):
        out.print(line)
    out.print("With --models, --list shows the structure of these models too.")
