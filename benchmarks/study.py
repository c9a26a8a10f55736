"""The whole study of the pairs, from the start of the process to its end.

`funcdl-cli pairs` with its defaults, but for models and rounds, beside `eager_study`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from benchmarks.eager_study import MODELS
from benchmarks.harness import Line, Options, Report

__all__ = ["run"]

MOST_REPEATS = 3
ROOT = Path(__file__).parent.parent
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def run(options: Options) -> Report:
    """Run both in turn."""
    names = options.models or ",".join(MODELS)
    rounds = str(options.rounds)
    times: dict[str, list[float]] = {"PyTorch eager": [], "funcdl-cli": []}
    errors: dict[str, float] = {}
    for _ in range(min(options.repeats, MOST_REPEATS)):
        with TemporaryDirectory() as folder:
            eager, ours = Path(folder) / "eager.json", Path(folder) / "ours"
            asked = ["--models", names, "--rounds", rounds, "--out"]
            times["PyTorch eager"].append(_clock(["benchmarks.eager_study", *asked, str(eager)]))
            times["funcdl-cli"].append(_clock(["cli", "pairs", *asked, str(ours)]))
            errors = {"PyTorch eager": _eager_error(eager), "funcdl-cli": _our_error(ours)}
    case = f"{len(names.split(','))} models, {rounds} rounds"
    reference = times["PyTorch eager"]
    return Report(
        "study: the whole process",
        "s",
        1.0,
        [
            Line(
                case,
                name,
                row,
                [r / t for r, t in zip(reference, row)],
                {"test error": f"{errors[name]:.2%}"},
            )
            for name, row in times.items()
        ],
        [
            "ratio: the time of PyTorch eager divided by that of the line",
            f"run {len(reference)} times each, in turn; each with its own default of threads",
            "test error: the mean over models and rounds, which see the same pairs in both",
        ],
    )


def _clock(arguments: list[str]) -> float:
    """Run a module in a process of its own; return the seconds."""
    # The thread counts of this process are not what a user of the study has set.
    environment = {key: value for key, value in os.environ.items() if key not in THREADS}
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}")
    return time.perf_counter() - started


def _eager_error(file: Path) -> float:
    return mean(error for row in json.loads(file.read_text()).values() for error in row)


def _our_error(folder: Path) -> float:
    rows = (folder / "rounds.jsonl").read_text().splitlines()
    return mean(json.loads(row)["test_error"] for row in rows)
