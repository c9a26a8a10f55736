"""Draw the figures of the documentation, into this folder: `python docs/figures`.

Names draw those alone: `python docs/figures composition boundary`. All take about two minutes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from boundary import boundary
from curves import curves
from diagrams import composition, pairs, sharing
from order import order
from vanishing import vanishing

FIGURES = {
    "composition": composition,
    "sharing": sharing,
    "pairs": pairs,
    "order": order,
    "boundary": boundary,
    "curves": curves,
    "vanishing": vanishing,
}


def main(names: list[str]) -> None:
    """Draw the figures of these names, or all."""
    unknown = [name for name in names if name not in FIGURES]
    if unknown:
        sys.exit(f"expected {', '.join(FIGURES)}, got {', '.join(unknown)}")
    torch.set_num_threads(1)  # the sums of a product depend on how many threads share it
    for name in names or FIGURES:
        file = Path(__file__).with_name(f"{name}.svg")
        file.write_text(FIGURES[name](), encoding="utf-8")
        print(file.name)


if __name__ == "__main__":
    main(sys.argv[1:])
