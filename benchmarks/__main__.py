"""`python -m benchmarks`: measure, print a table a section, and write everything to a file."""

from __future__ import annotations

import json
import logging
import os
import platform
import sys
from enum import Enum
from importlib import import_module, metadata
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

SECTIONS = ("mlp", "layers", "pairs", "ensemble", "study", "memory", "growth", "cuda")
Section = Enum("Section", {name: name for name in SECTIONS}, type=str)
PEERS = ("jax", "thinc", "matplotlib", "numpy")
VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NPROC")
"""What fixes the threads of PyTorch, numpy and thinc, and the last one those of JAX."""


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    sections: Annotated[
        list[Section] | None,
        typer.Argument(help="What to measure; everything without it, but for cuda."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="JSON file for all that was measured.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Times everything is measured.")] = 7,
    threads: Annotated[int, typer.Option(min=1, help="Of everyone, but in the study.")] = 1,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of the study.")] = 2,
    models: Annotated[
        str | None, typer.Option(help="Models of the study, separated by commas.")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="SVG file for the growth of time and memory.")
    ] = None,
) -> None:
    """Measure funcdl beside PyTorch, JAX and thinc."""
    if out is not None:
        # Found to be out of reach now, not when all is measured.
        out.open("a").close()
    fix_threads(threads)
    harness = import_module("benchmarks.harness")
    options = harness.Options(repeats, threads, rounds, models, figure and str(figure))
    console = Console()
    record: dict[str, Any] = {"machine": machine(harness, threads), "sections": {}}
    console.print(", ".join(f"{key} {value}" for key, value in record["machine"].items()))
    for section in sections or [section for section in Section if section.value != "cuda"]:
        report = import_module(f"benchmarks.{section.value}").run(options)
        console.print(harness.table(report))
        for note in report.notes:
            console.print(f"- {note}")
        console.print()
        lines = [line._asdict() for line in report.lines]
        record["sections"][section.value] = {**report._asdict(), "lines": lines}
        if out is not None:
            out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def fix_threads(threads: int) -> None:
    """Fix everyone's number of threads, which they read once, when they are imported."""
    os.environ.update(dict.fromkeys(VARIABLES, str(threads)))
    if threads == 1:
        os.environ["XLA_FLAGS"] = (
            "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        )
    import_module("torch").set_num_threads(threads)
    # The compiler's remarks are not about what is measured.
    logging.getLogger("torch._dynamo").setLevel(logging.ERROR)


def machine(harness: Any, threads: int) -> dict[str, Any]:
    """Describe what is measured on, and how fast it multiplies matrices."""
    rate = harness.product_rate() / 1e9
    return {
        "cpu": processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "float32 product of 1024³ (GFLOP/s)": round(rate, 1),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "jax", "thinc")},
    }


def processor() -> str:
    """Name the processor, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def version(name: str) -> str:
    """Name the installed version of a package."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"


def cli() -> None:
    """Run the command line; a peer that is missing is one sentence and exit code 2."""
    try:
        app()
    except ModuleNotFoundError as error:
        if error.name not in PEERS:
            raise
        print(
            f"Error: {error.name} is not installed; run pip install -r benchmarks/requirements.txt",
            file=sys.stderr,
        )
        sys.exit(2)


if __name__ == "__main__":
    cli()
