"""funcdl-cli: the two studies on the command line. Its commands are in `funcdl_cli/`."""

from __future__ import annotations

import errno
import platform
import sys
import warnings
from typing import Annotated, Any

from funcdl_cli import streams
from funcdl_cli.interrupts import INTERRUPTED, at_once, raised

# torch says this once where numpy is missing; nothing here needs numpy.
warnings.filterwarnings("ignore", message="Failed to initialize NumPy")

with at_once():  # this takes a second or two
    import torch
    import typer

    from funcdl import FuncdlError, ResourceError
    from funcdl_cli import bench, check, compare, framework, pairs, report, sweep
    from funcdl_cli.config import ConfigError
    from funcdl_cli.console import err, funcdl_version, say
    from funcdl_cli.helping import Command, Group
    from funcdl_cli.options import examples
    from funcdl_cli.plain import plain_streams
    from pairs.cluster import ClusterError
    from pairs.data import DataError
    from pairs.drawn.ink import DrawnError
    from pairs.model_file import ModelFileError
    from pairs.models import UnknownModelError
    from pairs.pool import WorkerLostError
    from pairs.rates import RateError
    from pairs.sweep import SweepError
    from studykit.files import ResultsError

EXIT_CODES = """[bold]Exit codes[/bold]
  0    all is done
  1    something failed: a round, a check, the disk; what was done is kept
  2    the command, an option or a file is not what it should be
  130  interrupted; what was done is kept"""

WRONG = (
    FuncdlError,
    ConfigError,
    DataError,
    ResultsError,
    UnknownModelError,
    RateError,
    SweepError,
    ClusterError,
    DrawnError,
    ModelFileError,
)
"""Errors that a user can mend: in the command, an option or a file."""

MEMORY = ("allocate memory", "bad_alloc")
"""What PyTorch says where memory is missing."""

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Deep learning as pure functions, and two studies made with it.",
    epilog=EXIT_CODES,
)
app.command("pairs", cls=Command, epilog=examples(pairs.EXAMPLES))(pairs.pairs)
app.command("sweep", cls=Command, epilog=examples(sweep.EXAMPLES))(sweep.run_sweep)
app.command("framework", cls=Command, epilog=examples(framework.EXAMPLES))(framework.framework)
app.command("report", cls=Command, epilog=examples(report.EXAMPLES))(report.write_report)
app.command("compare", cls=Command, epilog=examples(compare.EXAMPLES))(compare.compare)
app.command("check", cls=Command, epilog=examples(check.EXAMPLES))(check.run_check)
app.command("bench", cls=Command, epilog=examples(bench.EXAMPLES))(bench.bench)


def _show_version(asked: bool) -> None:
    if asked:
        say(
            f"funcdl {funcdl_version()}, torch {torch.__version__}, "
            f"python {platform.python_version()}"
        )
        raise typer.Exit


@app.callback()
def settings(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Show the versions of funcdl, torch and python, and end.",
            callback=_show_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Take what belongs to no command."""


def main() -> Any:
    """Run the command line; an error that a user can mend is one sentence and exit code 2."""
    streams.fill()
    try:
        with raised(), plain_streams(sys.stdout, sys.stderr):
            return _run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _run() -> Any:
    try:
        try:
            return app(prog_name="funcdl-cli")
        finally:
            sys.stdout.flush()  # here, where a full disk has a sentence
    except Exception as error:
        if isinstance(error, ResourceError):
            err.print(f"Error: {error}; the finished rounds are kept.")
        elif no_memory(error):
            err.print("Error: there is not enough memory for this; the finished rounds are kept.")
        elif isinstance(error, WRONG):
            err.print(f"Error: {error.args[0] if error.args else error}")
            sys.exit(2)
        elif isinstance(error, WorkerLostError):
            err.print(f"Error: {error}; the finished rounds are kept.")
        elif isinstance(error, OSError):
            streams.let_go()
            if error.errno == errno.EPIPE and error.filename is None:
                sys.exit(1)  # who read the result has enough of it
            about = f"{error.filename}: " if error.filename else ""
            reason = error.strerror or error
            if error.errno == errno.EBADF:
                reason = "standard output is closed"
            err.print(f"Error: {about}{reason}; the finished rounds are kept.")
        else:
            raise
        sys.exit(1)


def no_memory(error: BaseException | None) -> bool:
    """Tell whether an error comes of memory that is not there, whoever put it in other words."""
    while error is not None:
        if isinstance(error, MemoryError) or any(word in str(error) for word in MEMORY):
            return True
        error = error.__cause__ or error.__context__
    return False


if __name__ == "__main__":
    main()
