"""funcdl-cli: the two studies on the command line. Each command has a file beside this one."""

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
    from funcdl_cli import bench, check, compare, draw, framework, learn, pairs, report, sweep
    from funcdl_cli.console import err, funcdl_version, say
    from funcdl_cli.helping import Command, Group
    from funcdl_cli.options import examples
    from funcdl_cli.plain import plain_streams
    from pairs.pool import WorkerLostError
    from pairs.training import TrainingError
    from studykit.memory import no_memory

EXIT_CODES = """[bold]Exit codes[/bold]
  0    all is done
  1    something failed: a round, a check, the disk; what was done is kept
  2    the command, an option or a file is not what it should be
  130  interrupted; what was done is kept"""

FAILED = (ResourceError, WorkerLostError, TrainingError)
"""Errors of the project that come of no mistake: all others, a user can mend."""

KEPT = "the finished rounds are kept."

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
app.command("draw", cls=Command, epilog=examples(draw.EXAMPLES))(draw.draw)
app.command("check", cls=Command, epilog=examples(check.EXAMPLES))(check.run_check)
app.command("learn", cls=Command, epilog=examples(learn.EXAMPLES))(learn.learn)
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
            help="Show the versions of funcdl, torch and python, and end; -v for short.",
            callback=_show_version,
            is_eager=True,
        ),
    ] = False,
    short: Annotated[
        # Of its own and hidden, so that the names of all options have room at 60 columns.
        bool,
        typer.Option("-v", hidden=True, callback=_show_version, is_eager=True),
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
        told = _told(error)
        if told is None:
            raise
        sentence, code = told
        err.print(f"Error: {sentence}")
        sys.exit(code)


def _told(error: Exception) -> tuple[str, int] | None:
    """Say what an error is in one sentence, with the exit code; None for a fault of the program."""
    if no_memory(error) and not isinstance(error, ResourceError):
        return f"there is not enough memory for this; {KEPT}", 1
    if isinstance(error, FuncdlError):
        return (f"{error}; {KEPT}", 1) if isinstance(error, FAILED) else (f"{error}", 2)
    if not isinstance(error, OSError):
        return None
    streams.let_go()
    if error.errno == errno.EPIPE and error.filename is None:
        sys.exit(1)  # who read the result has enough of it
    about = f"{error.filename}: " if error.filename else ""
    reason = "standard output is closed" if error.errno == errno.EBADF else error.strerror or error
    return f"{about}{reason}; {KEPT}", 1
