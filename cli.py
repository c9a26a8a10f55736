"""funcdl-cli: the two studies on the command line. Its commands are in `funcdl_cli/`."""

from __future__ import annotations

import os
import platform
import sys
import warnings
from concurrent.futures import BrokenExecutor
from typing import Annotated, Any

import typer

# torch says this once where numpy is missing; nothing here needs numpy.
warnings.filterwarnings("ignore", message="Failed to initialize NumPy")

import torch  # noqa: E402

from funcdl import FuncdlError, ResourceError  # noqa: E402
from funcdl_cli import bench, check, compare, framework, pairs, report, sweep  # noqa: E402
from funcdl_cli.config import ConfigError  # noqa: E402
from funcdl_cli.console import err, funcdl_version, say  # noqa: E402
from funcdl_cli.helping import Command, Group  # noqa: E402
from funcdl_cli.options import examples  # noqa: E402
from funcdl_cli.plain import plain_streams  # noqa: E402
from pairs.cluster import ClusterError, ClusterLostError  # noqa: E402
from pairs.data import DataError  # noqa: E402
from pairs.drawn.ink import DrawnError  # noqa: E402
from pairs.files import ResultsError  # noqa: E402
from pairs.model_file import ModelFileError  # noqa: E402
from pairs.models import UnknownModelError  # noqa: E402
from pairs.sweep import SweepError  # noqa: E402

EXIT_CODES = """[bold]Exit codes[/bold]
  0    all is done
  1    something failed: a round, a check, the disk; what was done is kept
  2    the command, an option or a file is not what it should be
  130  interrupted; what was done is kept"""

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Deep learning as pure functions: two studies that prove it.",
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
    with plain_streams(sys.stdout, sys.stderr):
        return _answer()


def _answer() -> Any:
    try:
        try:
            return app(prog_name="funcdl-cli")
        finally:
            sys.stdout.flush()  # here, where a full disk has a sentence
    except ResourceError as error:
        err.print(f"Error: {error}; the finished rounds are kept.")
        sys.exit(1)
    except (
        FuncdlError,
        ConfigError,
        DataError,
        ResultsError,
        UnknownModelError,
        SweepError,
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
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "allocate memory" not in str(error):
            raise
        err.print("Error: there is not memory enough for this; the finished rounds are kept.")
        sys.exit(1)
    except OSError as error:
        # What could not be written stays in the buffer, and would fail again at the very end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        about = f"{error.filename}: " if error.filename else ""
        err.print(f"Error: {about}{error.strerror}; the finished rounds are kept.")
        sys.exit(1)


if __name__ == "__main__":
    main()
