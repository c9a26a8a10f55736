"""The peak of memory in a training step, each in a fresh process: the pairs, and a deep network."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.harness import Line, Options, Report
from benchmarks.probe import DEEP, WAYS
from benchmarks.trainers import NAMES

__all__ = ["run"]

SIZE = 100
DEEP_SIZE = 1000
ROOT = Path(__file__).parent.parent


def run(options: Options) -> Report:
    """Probe every way to train, in turn."""
    lines: list[Line] = []
    for name, ways, size in (*((name, WAYS, SIZE) for name in NAMES), ("deep", DEEP, DEEP_SIZE)):
        found: dict[str, list[dict[str, int]]] = {way: [] for way in ways}
        for _ in range(options.repeats):
            for way, row in found.items():
                row.append(_probe(name, way, size))
        reference = found["PyTorch eager"]
        lines += [_line(name, way, row, reference) for way, row in found.items()]
    return Report(
        f"memory: the peak of a training step, batch {SIZE}",
        "MB",
        1e-6,
        lines,
        [
            "MB: what training adds to code and data, in resident pages (Linux)",
            "ratio: the memory of PyTorch eager divided by that of the line",
            "first step: the same in the first step, which plans a staged one",
            "allocated: the tensors alone, as PyTorch's allocator counts them",
            f"deep: 64 layers of 256 units, tanh, batch {DEEP_SIZE}; a checkpoint every 8 layers",
        ],
    )


def _line(name: str, way: str, row: list[dict[str, int]], reference: Any) -> Line:
    values = [float(entry["later"]) for entry in row]
    ratios = [entry["later"] / value for entry, value in zip(reference, values)]
    more = {
        "first step": f"{median(entry['first'] for entry in row) / 1e6:.1f}",
        "allocated": f"{median(entry['counted later'] for entry in row) / 1e6:.1f}",
    }
    return Line(name, way, values, ratios, more)


def _probe(name: str, way: str, size: int) -> dict[str, int]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.probe", name, way, str(size)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"probe of {name}, {way}: exit code {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)
