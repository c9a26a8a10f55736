"""Teach the knower what is a digit and what is none.

    python -m pairs.scenes.teach

draws both, trains `KNOWER` on them, each warped anew in every epoch, and writes
pairs/data/knower.safetensors; the same bytes on each run of one machine. No scene that is measured
on is drawn from these seeds, nor from the test set, nor are the letters of `OTHER_LETTERS` shown.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Generator, Tensor

from funcdl import adamw, cross_entropy, supervised
from funcdl import tree as trees
from funcdl.schedules import one_cycle
from pairs.augment import Warp, warped
from pairs.data import load_digits
from pairs.data.digits import Digits
from pairs.descent import descend
from pairs.drawn.digit import fitted
from pairs.drawn.doubt import FILE, KNOWER, known
from pairs.scenes.hands import DIGITS, LETTERS, enlarged, pen, scribble, written
from studykit.files import replace
from studykit.seeds import generator
from studykit.threads import one_thread

__all__ = ["drawn_digits", "drawn_others"]

SIZE = 36
"""Pixels that signs are tall here."""


def drawn_digits(digits: Digits, count: int, rng: Generator) -> Iterator[Tensor]:
    """Draw digits, by both hands in turn, made as those of a picture are."""
    names = sorted(DIGITS)
    for i in range(count):
        if i % 3 == 0:
            glyph = enlarged(digits.images[_below(len(digits.images), rng)].float() / 255, SIZE)
        else:
            glyph = written(DIGITS[names[_below(10, rng)]], SIZE, rng)
        yield fitted(glyph)[0]


def drawn_others(digits: Digits, count: int, rng: Generator) -> Iterator[Tensor]:
    """Draw what is no digit, made as the digits of a picture are."""
    names = sorted(LETTERS)
    for i in range(count):
        kind = i % 10
        if kind < 5:
            glyph = written(LETTERS[names[_below(len(names), rng)]], SIZE, rng)
        elif kind < 7:
            glyph = scribble(SIZE, rng)
        elif kind < 9:
            glyph = _pair(digits, rng)
        else:
            glyph = _thing(rng)
        if (glyph > 0.5).any():
            yield fitted(glyph)[0]


def _pair(digits: Digits, rng: Generator) -> Tensor:
    """Draw two digits, side by side."""
    cut = []
    for _ in range(2):
        if _unit(rng) < 0.5:
            glyph = written(DIGITS[str(_below(10, rng))], SIZE, rng)
        else:
            glyph = enlarged(digits.images[_below(len(digits.images), rng)].float() / 255, SIZE)
        columns = (glyph > 0.5).any(0).nonzero().flatten()
        cut.append(glyph[:, int(columns[0]) : int(columns[-1]) + 1])
    high = max(len(glyph) for glyph in cut)
    left, right = (
        torch.cat([glyph, torch.zeros(high - len(glyph), glyph.shape[1])]) for glyph in cut
    )
    return torch.cat([left, torch.zeros(high, _below(8, rng)), right], 1)


def _thing(rng: Generator) -> Tensor:
    """Draw a dot, a few, a bar, a corner or a grid."""
    kind = _below(5, rng)
    if kind == 0:  # a dot
        return pen([torch.rand(2, 2, generator=rng) * 12], 12 + 30 * _unit(rng))
    if kind == 1:  # dots
        dots = [torch.rand(1, 2, generator=rng) * 40 for _ in range(2 + _below(3, rng))]
        return pen([torch.cat([dot, dot + 0.5]) for dot in dots], 4 + 10 * _unit(rng))
    if kind == 2:  # a bar that lies
        tilt = 16 * (2 * _unit(rng) - 1)
        return pen([torch.tensor([[0.0, 0.0], [44.0, tilt]])], 2 + 8 * _unit(rng))
    if kind == 3:  # a dark corner
        rows, columns = (
            torch.linspace(0, 1, 40)[:, None],
            torch.linspace(0, 1, 30 + _below(30, rng)),
        )
        corner = (rows * (0.3 + _unit(rng)) + columns < 0.4 + 0.6 * _unit(rng)).float()
        return corner.rot90(_below(4, rng))
    gap, lines = 6 + 10 * _unit(rng), []
    for at in range(1 + _below(6, rng)):
        lines.append(torch.tensor([[at * gap, 0.0], [at * gap + 3 * _unit(rng), 44.0]]))
        lines.append(torch.tensor([[0.0, at * gap], [44.0, at * gap + 3 * _unit(rng)]]))
    return pen(lines, 1 + 2 * _unit(rng))


def _unit(rng: Generator) -> float:
    return float(torch.rand((), generator=rng))


def _below(count: int, rng: Generator) -> int:
    return int(torch.randint(count, (), generator=rng))


COUNT, PLAIN, EPOCHS, BATCH, LR = 12_000, 12_000, 10, 100, 6e-3


def main() -> int:
    """Draw, train, print and write the knower; return the exit status."""
    from safetensors.torch import save

    began = time.perf_counter()
    rng, digits = generator(0, "knower", 0), load_digits().train
    with one_thread(), torch.inference_mode():
        mine = list(drawn_digits(digits, COUNT // 2, rng))
        others = list(drawn_others(digits, COUNT, rng))
        print(f"drawn in {time.perf_counter() - began:.0f} s", flush=True)
        plain = digits.images[torch.randperm(len(digits.images), generator=rng)[:PLAIN]]
        images = torch.cat([torch.stack(mine), plain, torch.stack(others)]).float() / 255
        classes = (torch.arange(len(images)) < len(mine) + PLAIN).long()

        def batches() -> Iterator[tuple[Tensor, Tensor]]:
            seen = warped(images, Warp(), rng)
            for batch in torch.split(torch.randperm(len(images), generator=rng), BATCH):
                yield seen[batch], classes[batch]

        params, _ = KNOWER.init(rng, (14, 14))
        steps = EPOCHS * -(-len(images) // BATCH)
        optimiser = adamw(one_cycle(LR, steps, rise=0.2), weight_decay=1e-2)
        objective = supervised(KNOWER, cross_entropy())
        for epoch in descend(objective, optimiser, params, (batches() for _ in range(EPOCHS))):
            params = epoch.params
        params = trees.map(lambda leaf: leaf.clone().half(), params)
        right = (known(trees.map(torch.Tensor.float, params), (images * 255).byte()) > 0.5).long()
    path = Path(__file__).parents[1] / "data" / FILE
    replace(path, save(trees.to_dict(params)))
    print(
        f"{path.name}: {(right != classes).float().mean():.2%} wrong of what it was taught on, "
        f"{path.stat().st_size:,} bytes, {time.perf_counter() - began:.0f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
