"""funcdl-cli: the two studies on the command line. It parses, calls and prints."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from concurrent.futures import BrokenExecutor, Executor
from contextlib import AbstractContextManager
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

# torch says this once where numpy is missing; nothing here needs numpy.
warnings.filterwarnings("ignore", message="Failed to initialize NumPy")

import torch  # noqa: E402

from funcdl import FuncdlError, disc, tree  # noqa: E402
from pairs import report, study, sweep  # noqa: E402
from pairs.champion import champion  # noqa: E402
from pairs.cluster import ClusterError, ClusterLostError, cluster  # noqa: E402
from pairs.data import DataError, check_counts  # noqa: E402
from pairs.details import Details  # noqa: E402
from pairs.disc import FRAMEWORK, save_disc  # noqa: E402
from pairs.drawn.answer import ask, told  # noqa: E402
from pairs.drawn.ink import DrawnError  # noqa: E402
from pairs.drawn.picture import digit  # noqa: E402
from pairs.drawn.shades import shades  # noqa: E402
from pairs.model_file import ModelFileError, check_package, load  # noqa: E402
from pairs.models import MODELS, UnknownModelError, find  # noqa: E402
from pairs.page import write  # noqa: E402
from pairs.results import Results, ResultsError, writing  # noqa: E402
from pairs.seeds import generator  # noqa: E402
from pairs.statistics import spread  # noqa: E402
from pairs.sweep.folders import plan as sweep_plan  # noqa: E402
from pairs.sweep.tables import sweep_tables  # noqa: E402
from pairs.training import Row, Settings, TrainingError  # noqa: E402

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Deep learning as pure functions: two studies that prove it.",
)
out = Console()
err = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
PER_TASK = [
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeRemainingColumn(),
]
DEFAULT_MODELS = ",".join(name for name in MODELS if name.startswith("conv-"))
Activation = Enum("Activation", {name: name for name in disc.ACTIVATIONS}, type=str)  # type: ignore[misc]
RELU = Activation("relu")

CORES = study.usable_cores()
Swept = Enum("Swept", {name: name for name in sweep.SWEPT}, type=str)  # type: ignore[misc]

Seed = Annotated[int, typer.Option(min=0, help="All random numbers come from it.")]
Rounds = Annotated[int, typer.Option(min=1, help="Rounds of each model.")]
TestPairs = Annotated[int, typer.Option(min=1, help="Pairs to test on.")]
Validation = Annotated[
    bool, typer.Option("--validation", help="Test on digits of the training set: for tuning.")
]
Workers = Annotated[
    int, typer.Option(min=1, help="Processes, one thread each.", show_default="cores")
]
Dask = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Run on the workers of this dask scheduler, such as tcp://10.0.0.1:8786.",
    ),
]
DataDir = Annotated[
    Path | None, typer.Option(help="Read the original MNIST files from this folder.")
]


@app.command()
def pairs(
    models: Annotated[
        str, typer.Option(help="Names of models with commas between them, or 'all'.")
    ] = DEFAULT_MODELS,
    rounds: Rounds = 10,
    epochs: Annotated[
        int, typer.Option(min=1, help="Passes over the training pairs (a champion has its own).")
    ] = 25,
    train_pairs: Annotated[int, typer.Option(min=1, help="Pairs to train on.")] = 1000,
    test_pairs: TestPairs = 1000,
    batch_size: Annotated[int, typer.Option(min=1, help="Pairs a step.")] = Settings().batch_size,
    lr: Annotated[float, typer.Option(min=0.0, help="Peak of the learning rate.")] = Settings().lr,
    aux_weight: Annotated[
        float,
        typer.Option(min=0.0, help="Of the digits' loss, where a model learns both."),
    ] = Settings().aux_weight,
    validation: Validation = False,
    seed: Seed = 0,
    workers: Workers = CORES,
    dask: Dask = None,
    data_dir: DataDir = None,
    out_dir: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for the results; the same command resumes."),
    ] = None,
    save: Annotated[
        bool, typer.Option("--save", help="Keep the trained models in the folder, for 'compare'.")
    ] = False,
    list_models: Annotated[
        bool, typer.Option("--list", help="Show the models and their structure, and end.")
    ] = False,
) -> None:
    """Which of two handwritten digits is larger? What weight sharing and auxiliary losses give.

    Every round has fresh pairs and fresh weights; within a round all models see the same pairs.
    """
    if list_models:
        for block in report.listing():
            out.print(block)
            out.print()
        return
    names = find(models)
    settings = Settings(
        seed, epochs, batch_size, lr, train_pairs, test_pairs, validation, aux_weight
    )
    if save:
        if out_dir is None:
            raise typer.BadParameter("expected --out too, the folder to keep the models in")
        check_package()
    results = Results(out_dir, settings, "package" if data_dir is None else "files")
    if save and (count := results.without_model(names)):
        err.print(f"Of the rounds that are there already, {count} have no saved model.")
    failures = _finish(
        {settings: results},
        names,
        rounds,
        workers,
        dask,
        data_dir,
        watched=out_dir is not None,
        saved=save,
    )
    wanted = [row for row in results.rows if row.model in names]
    for table in report.tables(wanted):
        out.print(table)
    _end_with(failures, {settings: results})


def _finish(
    plan: Mapping[Settings, Results],
    names: list[str],
    rounds: int,
    workers: int,
    dask: str | None,
    data_dir: Path | None,
    watched: bool = False,
    saved: bool = False,
) -> dict[study.Task, TrainingError]:
    """Do what is missing of a plan, on this machine or a cluster; what is done is kept."""
    tasks = study.missing(plan, names, rounds)
    there = rounds * len(names) * len(plan) - len(tasks)
    if there:
        err.print(f"Resuming: {there} rounds are there already.")
    if dask is not None and data_dir is not None:
        data_dir = data_dir.absolute()  # a worker is at home elsewhere
    where = study.pool(min(workers, len(tasks)), data_dir) if dask is None else cluster(dask)
    try:
        return _work(tasks, where, data_dir, plan, watched, saved) if tasks else {}
    except KeyboardInterrupt:
        count = sum(len(results.rows) for results in plan.values())
        resumable = all(results.folder is not None for results in plan.values())
        kept = " The same command goes on from there." if resumable else ""
        err.print(f"Interrupted: {count} rounds are finished.{kept}")
        raise typer.Exit(130) from None
    finally:
        for results in plan.values():
            results.finish()


def _end_with(
    failures: Mapping[study.Task, TrainingError], plan: Mapping[Settings, Results]
) -> None:
    """Say which rounds failed, if any, and end with exit code 1 then."""
    for task, failure in failures.items():
        err.print(f"Error: {_of(plan, task.settings)}{failure}")
    if failures:
        raise typer.Exit(1)


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
            if not err.is_terminal:
                err.print(
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


@app.command("sweep")
def run_sweep(
    setting: Annotated[Swept, typer.Argument(help="What to vary.", show_default=False)],
    out_dir: Annotated[
        Path,
        typer.Option(
            "--out",
            help="Folder for the results, one in it for each value; the same command resumes.",
            show_default=False,
        ),
    ],
    values: Annotated[
        str | None,
        typer.Option(help="Values with commas between them; small to large if left out."),
    ] = None,
    models: Annotated[
        str | None,
        typer.Option(
            help="Names of models with commas between them.",
            show_default="with and without sharing and auxiliary loss",
        ),
    ] = None,
    rounds: Rounds = 10,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the training pairs.", show_default="25")
    ] = None,
    train_pairs: Annotated[
        int | None, typer.Option(min=1, help="Pairs to train on.", show_default="1000")
    ] = None,
    test_pairs: TestPairs = 1000,
    validation: Validation = False,
    seed: Seed = 0,
    workers: Workers = CORES,
    dask: Dask = None,
    data_dir: DataDir = None,
) -> None:
    """Vary one setting: what it does to each model, and to what sharing and auxiliary losses give.

    Each value is a study of its own, in a folder that 'pairs' would have written too.
    """
    varied = setting.value
    if {"epochs": epochs, "train-pairs": train_pairs}.get(varied) is not None:
        raise typer.BadParameter(
            "this is what is varied: expected --values instead", param_hint=f"--{varied}"
        )
    base = Settings(
        seed=seed,
        epochs=epochs or Settings().epochs,
        train_pairs=train_pairs or Settings().train_pairs,
        test_pairs=test_pairs,
        validation=validation,
    )
    names, asked = sweep.models(varied, models), sweep.values(varied, values)
    if dask is None or data_dir is None:
        for settings in sweep.steps(varied, asked, base):
            check_counts(study.digits(data_dir), settings.train_pairs, test_pairs, validation)
    plan = sweep_plan(out_dir, varied, asked, base, "package" if data_dir is None else "files")
    failures = _finish(plan, names, rounds, workers, dask, data_dir)
    rows = [[row for row in results.rows if row.model in names] for results in plan.values()]
    for table in sweep_tables(varied, dict(zip(asked, rows))):
        out.print(table)
    _end_with(failures, plan)


@app.command()
def framework(
    points: Annotated[int, typer.Option(min=1, help="Points to train on, and to test on.")] = 1000,
    hidden: Annotated[
        str, typer.Option(help="Widths of the hidden layers with commas between them.")
    ] = "25,25,25",
    activation: Annotated[Activation, typer.Option(help="After each hidden layer.")] = RELU,
    epochs: Annotated[
        int, typer.Option(min=1, help="Passes over the points.")
    ] = disc.Experiment().epochs,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Points a step.")
    ] = disc.Experiment().batch_size,
    lr: Annotated[
        float, typer.Option(min=0.0, help="First learning rate; it falls to 0 along a line.")
    ] = disc.Experiment().lr,
    momentum: Annotated[
        float, typer.Option(min=0.0, help="Of SGD, below 1.")
    ] = disc.Experiment().momentum,
    rounds: Annotated[int, typer.Option(min=1, help="Networks, trained in one pass.")] = 10,
    seed: Seed = 0,
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="Folder for framework.json.")
    ] = None,
) -> None:
    """Learn a disc in the unit square with nothing but funcdl: SGD on the mean squared error.

    Points are drawn uniformly in [0, 1]², labelled 1 inside the disc of radius 1/√(2π) around
    (0.5, 0.5) and 0 outside.
    """
    torch.set_num_threads(1)
    experiment = disc.Experiment(
        points, widths(hidden), activation.value, epochs, batch_size, lr, momentum
    )
    if out_dir is not None:
        # Tried before any work is done; an earlier result stays until there is a new one.
        with writing(out_dir):
            probe = out_dir / f"{FRAMEWORK}.partial"
            probe.touch()
            probe.unlink()
    with torch.inference_mode(), progress() as bar:
        task = bar.add_task("loss", total=epochs)

        def on_epoch(epoch: int, losses: list[float]) -> None:
            loss = sum(losses) / len(losses)
            bar.update(task, completed=epoch, description=f"loss {loss:.4f}")
            if not err.is_terminal and (epoch % max(epochs // 10, 1) == 0):
                err.print(f"epoch {epoch}: loss {loss:.4f}")

        rngs = [generator(seed, "disc", i) for i in range(rounds)]
        outcome = disc.run(experiment, rngs, on_epoch)
    unkept = None
    if out_dir is not None:
        try:
            save_disc(out_dir, experiment, seed, outcome)
        except OSError as error:
            unkept = f"{error.filename}: {error.strerror}; this result is not kept"
    good = [i for i in range(rounds) if i not in outcome.diverged]
    if good:
        out.print(disc_table(outcome, good, tree.size(outcome.params) // rounds))
    for i, epoch in outcome.diverged.items():
        err.print(f"Error: round {i}: the loss is no longer finite in epoch {epoch}")
    if unkept is not None:
        err.print(f"Error: {unkept}")
    if outcome.diverged or unkept is not None:
        raise typer.Exit(1)


def disc_table(outcome: disc.Outcome, rounds: list[int], parameters: int) -> Table:
    """Lay out train and test error, mean ± standard deviation over the rounds."""
    table = Table(title=f"Disc: {parameters:,} parameters, {len(rounds)} rounds")
    table.add_column("points")
    table.add_column("error %", justify="right")
    for label, errors in (("train", outcome.train_errors), ("test", outcome.test_errors)):
        table.add_row(label, report.percent(spread([errors[i] for i in rounds])))
    return table


def widths(text: str) -> tuple[int, ...]:
    """Read '25,25,25'; nothing stands for no hidden layer."""
    try:
        found = tuple(int(part) for part in text.split(",")) if text.strip() else ()
    except ValueError:
        raise typer.BadParameter(
            f"expected whole numbers with commas between them, got {text!r}", param_hint="--hidden"
        ) from None
    if any(width < 1 for width in found):
        raise typer.BadParameter(
            f"expected widths of at least 1, got {text!r}", param_hint="--hidden"
        )
    return found


def progress() -> Progress:
    """Make a progress bar on standard error; silent where that is no terminal."""
    return Progress(*PER_TASK, console=err, transient=True, disable=not err.is_terminal)


@app.command("report")
def write_report(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="What 'pairs --out', 'sweep --out' or 'framework --out' wrote.",
            show_default=False,
        ),
    ],
    file: Annotated[
        Path | None, typer.Option("--out", help="The page; report.html in DIR if left out.")
    ] = None,
) -> None:
    """Write the results of a study as one HTML page that needs no network and no script."""
    out.print(str(write(folder, file)), soft_wrap=True, highlight=False, markup=False)


@app.command()
def compare(
    left: Annotated[Path, typer.Argument(metavar="LEFT", help="A picture of a digit.")],
    right: Annotated[Path, typer.Argument(metavar="RIGHT", help="A picture of another.")],
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A model that 'pairs --save' kept; the package's champion if left out.",
        ),
    ] = None,
) -> None:
    """Ask a trained model whether the digit on the left picture is at most that on the right."""
    asked = champion() if model is None else load(model)
    found = [digit(path) for path in (left, right)]
    with study.one_thread(), torch.inference_mode():
        answer = ask(asked, *(made for made, _ in found))
    for side, (_, steps) in zip(("left", "right"), found):
        say("\n  ".join([f"{side}:", *steps]))
    say(shades(*(made for made, _ in found), blocks=out.is_terminal and out.encoding == "utf-8"))
    for line in told(asked.model.name, answer):
        say(line)


def say(text: str) -> None:
    """Print text as it is."""
    out.print(text, soft_wrap=True, highlight=False, markup=False)


def main() -> Any:
    """Run the command line; an error that a user can mend is one sentence and exit code 2."""
    try:
        return app()
    except (
        FuncdlError,
        DataError,
        ResultsError,
        UnknownModelError,
        sweep.SweepError,
        ClusterError,
        DrawnError,
        ModelFileError,
    ) as error:
        err.print(f"Error: {error.args[0] if error.args else error}")
        sys.exit(2)
    except ClusterLostError as error:
        err.print(f"Error: {error}; the finished rounds are kept.")
        sys.exit(1)
    except BrokenExecutor:
        err.print("Error: a worker process was killed; the finished rounds are kept.")
        sys.exit(1)
    except OSError as error:
        about = f"{error.filename}: " if error.filename else ""
        err.print(f"Error: {about}{error.strerror}; the finished rounds are kept.")
        sys.exit(1)


if __name__ == "__main__":
    main()
