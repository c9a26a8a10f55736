"""funcdl-cli: the two studies on the command line. It parses, calls and prints."""

from __future__ import annotations

import json
import sys
import warnings
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
from pairs import report, study  # noqa: E402
from pairs.cluster import ClusterError, ClusterLostError, cluster  # noqa: E402
from pairs.data import DataError  # noqa: E402
from pairs.models import MODELS, UnknownModelError, find  # noqa: E402
from pairs.page import write  # noqa: E402
from pairs.results import Results, ResultsError, replace, writing  # noqa: E402
from pairs.seeds import generator  # noqa: E402
from pairs.statistics import spread  # noqa: E402
from pairs.training import Row, Settings, TrainingError  # noqa: E402

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Deep learning as pure functions: two studies that prove it.",
)
out = Console()
err = Console(stderr=True, soft_wrap=True, highlight=False)
PER_TASK = [
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeRemainingColumn(),
]
DEFAULT_MODELS = ",".join(name for name in MODELS if name.startswith("conv-"))
Activation = Enum("Activation", {name: name for name in disc.ACTIVATIONS}, type=str)  # type: ignore[misc]
RELU = Activation("relu")

Seed = Annotated[int, typer.Option(min=0, help="All random numbers come from it.")]


@app.command()
def pairs(
    models: Annotated[
        str, typer.Option(help="Names of models with commas between them, or 'all'.")
    ] = DEFAULT_MODELS,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each model.")] = 10,
    epochs: Annotated[
        int, typer.Option(min=1, help="Passes over the training pairs (a champion has its own).")
    ] = 25,
    train_pairs: Annotated[int, typer.Option(min=1, help="Pairs to train on.")] = 1000,
    test_pairs: Annotated[int, typer.Option(min=1, help="Pairs to test on.")] = 1000,
    batch_size: Annotated[int, typer.Option(min=1, help="Pairs a step.")] = Settings().batch_size,
    lr: Annotated[float, typer.Option(min=0.0, help="Peak of the learning rate.")] = Settings().lr,
    validation: Annotated[
        bool, typer.Option("--validation", help="Test on digits of the training set: for tuning.")
    ] = False,
    seed: Seed = 0,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes, one thread each.", show_default="cores")
    ] = study.usable_cores(),
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Run on the workers of this dask scheduler, such as tcp://10.0.0.1:8786.",
        ),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Read the original MNIST files from this folder.")
    ] = None,
    out_dir: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for the results; the same command resumes."),
    ] = None,
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
    settings = Settings(seed, epochs, batch_size, lr, train_pairs, test_pairs, validation)
    results = Results(out_dir, settings, "package" if data_dir is None else "files")
    tasks = [(name, i) for i in range(rounds) for name in names if not results.done(name, i)]
    if len(tasks) < rounds * len(names):
        err.print(f"Resuming: {rounds * len(names) - len(tasks)} rounds are there already.")
    if dask is not None and data_dir is not None:
        data_dir = data_dir.absolute()  # a worker is at home elsewhere
    where = study.pool(min(workers, len(tasks)), data_dir) if dask is None else cluster(dask)
    try:
        failures = _work(tasks, settings, where, data_dir, results) if tasks else []
    except KeyboardInterrupt:
        kept = "" if out_dir is None else " The same command goes on from there."
        err.print(f"Interrupted: {len(results.rows)} rounds are finished.{kept}")
        raise typer.Exit(130) from None
    finally:
        results.finish()
    wanted = [row for row in results.rows if row.model in names]
    for table in report.tables(wanted):
        out.print(table)
    for failure in failures:
        err.print(f"Error: {failure}")
    if failures:
        raise typer.Exit(1)


def _work(
    tasks: list[study.Task],
    settings: Settings,
    where: AbstractContextManager[Executor],
    data_dir: Path | None,
    results: Results,
) -> list[TrainingError]:
    """Do the tasks with a progress bar, or a line a round where there is no terminal."""
    with where as executor, progress() as bar:
        task = bar.add_task("rounds", total=len(tasks))

        def keep(row: Row) -> None:
            results.add(row)
            bar.update(task, advance=1, description=f"{row.model} {row.test_error:.1%}")
            if not err.is_terminal:
                err.print(
                    f"{row.model}, round {row.round}: test error {row.test_error:.2%}, "
                    f"{row.seconds:.2f} s"
                )

        return study.run(tasks, settings, data_dir, executor, keep)


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
            probe = out_dir / "framework.json.partial"
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
    good = [i for i in range(rounds) if i not in outcome.diverged]
    if good:
        out.print(disc_table(outcome, good, tree.size(outcome.params) // rounds))
    if out_dir is not None:
        record = {
            "settings": {**experiment._asdict(), "rounds": rounds, "seed": seed},
            **{key: getattr(outcome, key) for key in ("train_errors", "test_errors", "losses")},
            "diverged": outcome.diverged,
        }
        replace(out_dir / "framework.json", json.dumps(record, indent=2) + "\n")
    for i, epoch in outcome.diverged.items():
        err.print(f"Error: round {i}: the loss is no longer finite in epoch {epoch}")
    if outcome.diverged:
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
        Path, typer.Argument(metavar="DIR", help="What 'pairs --out' wrote.", show_default=False)
    ],
    file: Annotated[
        Path | None, typer.Option("--out", help="The page; report.html in DIR if left out.")
    ] = None,
) -> None:
    """Write the results of a study as one HTML page that needs no network and no script."""
    out.print(str(write(folder, file)), soft_wrap=True, highlight=False, markup=False)


def main() -> Any:
    """Run the command line; an error that a user can mend is one sentence and exit code 2."""
    try:
        return app()
    except (FuncdlError, DataError, ResultsError, UnknownModelError, ClusterError) as error:
        err.print(f"Error: {error.args[0] if error.args else error}")
        sys.exit(2)
    except ClusterLostError as error:
        err.print(f"Error: {error}; the finished rounds are kept.")
        sys.exit(1)
    except BrokenExecutor:
        err.print("Error: a worker process was killed; the finished rounds are kept.")
        sys.exit(1)
    except OSError as error:
        err.print(f"Error: {error.filename or ''}: {error.strerror}; the finished rounds are kept.")
        sys.exit(1)


if __name__ == "__main__":
    main()
