"""Teach the knower what is a digit and what is none.

    python -m pairs.scenes.teach

draws both, trains `KNOWER` on them, each warped anew in every epoch, and writes
pairs/data/knower.safetensors; the same bytes on each run of one machine. No scene that is measured
on is drawn from these seeds, nor from the test set, nor are the letters that are kept back shown,
nor the digits of the hand "school".
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
from pairs.drawn.doubt import FILE, KNOWER, NONE, opinions
from pairs.scenes.chance import below, one_of, uniform
from pairs.scenes.hands import any_of, enlarged, pen, scribble, strokes, written
from pairs.scenes.nothing import beside
from pairs.scenes.shapes import DIGITS, LETTERS
from studykit.files import replace
from studykit.seeds import generator
from studykit.threads import one_thread

__all__ = ["drawn_digits", "drawn_others"]

SIZE = 36
"""Pixels that signs are tall here."""


def drawn_digits(digits: Digits, count: int, rng: Generator) -> Iterator[tuple[Tensor, int]]:
    """Draw digits, by two hands, made as those of a picture are, and what they are."""
    for i in range(count):
        if i % 2:
            which = below(len(digits.images), rng)
            # The larger, the sharper, as scenes have them.
            glyph = enlarged(digits.images[which].float() / 255, below(4, rng) * SIZE + SIZE)
            label = int(digits.labels[which])
        else:
            label = below(10, rng)
            glyph = written(DIGITS[str(label)], SIZE, rng)
        yield fitted(glyph)[0], label


def drawn_others(digits: Digits, count: int, rng: Generator) -> Iterator[Tensor]:
    """Draw what is no digit, made as the digits of a picture are."""
    kinds = (
        *(lambda: any_of(LETTERS, SIZE, rng),) * 9,
        *(lambda: strokes(SIZE, rng),) * 4,
        *(lambda: scribble(SIZE, rng),) * 2,
        *(lambda: _several(digits, rng),) * 3,
        lambda: _reversed(rng),
        lambda: _thing(rng),
    )
    made = 0
    while made < count:
        glyph = kinds[made % len(kinds)]()
        if (glyph > 0.5).any():
            made += 1
            yield fitted(glyph)[0]


def _several(digits: Digits, rng: Generator) -> Tensor:
    """Draw two digits, side by side or partly over one another."""
    signs = []
    for _ in range(2):
        if below(2, rng):
            signs.append(any_of(DIGITS, SIZE, rng))
        else:
            which = below(len(digits.images), rng)
            signs.append(enlarged(digits.images[which].float() / 255, SIZE))
    return beside(signs, uniform(-0.15, 0.3, rng))


def _reversed(rng: Generator) -> Tensor:
    """Draw a digit as a mirror shows it, or lying on its side, where that is no digit."""
    if below(2, rng):
        return written(DIGITS[one_of("3479", rng)], SIZE, rng).flip(1)
    return written(DIGITS[one_of("34579", rng)], SIZE, rng).rot90(-1)


def _thing(rng: Generator) -> Tensor:
    """Draw a dot, a few, a bar, a corner or a grid."""
    kind = below(5, rng)
    if kind == 0:  # a dot
        return pen([torch.rand(2, 2, generator=rng) * 12], uniform(12, 42, rng))
    if kind == 1:  # dots
        dots = [torch.rand(1, 2, generator=rng) * 40 for _ in range(2 + below(3, rng))]
        return pen([torch.cat([dot, dot + 0.5]) for dot in dots], uniform(4, 14, rng))
    if kind == 2:  # a bar that lies
        return pen([torch.tensor([[0.0, 0.0], [44.0, uniform(-16, 16, rng)]])], uniform(2, 10, rng))
    if kind == 3:  # a dark corner
        rows, columns = torch.linspace(0, 1, 40)[:, None], torch.linspace(0, 1, 30 + below(30, rng))
        corner = (rows * uniform(0.3, 1.3, rng) + columns < uniform(0.4, 1, rng)).float()
        return corner.rot90(below(4, rng))
    gap, lines = uniform(6, 16, rng), []
    for at in range(1 + below(6, rng)):
        lines.append(torch.tensor([[at * gap, 0.0], [at * gap + uniform(0, 3, rng), 44.0]]))
        lines.append(torch.tensor([[0.0, at * gap], [44.0, at * gap + uniform(0, 3, rng)]]))
    return pen(lines, uniform(1, 3, rng))


COUNT, PLAIN, OTHERS, EPOCHS, BATCH, LR = 12_000, 16_000, 18_000, 12, 100, 5e-3


def main() -> int:
    """Draw, train, print and write the knower; return the exit status."""
    from safetensors.torch import save

    began = time.perf_counter()
    rng, digits = generator(0, "knower", 0), load_digits().train
    with one_thread(), torch.inference_mode():
        images, classes = drawn(digits, rng)
        print(f"drawn in {time.perf_counter() - began:.0f} s", flush=True)
        params = taught(images, classes, rng)
        params = trees.map(lambda leaf: leaf.half(), params)
        likeliest = opinions(trees.map(torch.Tensor.float, params), images).argmax(1)
    path = Path(__file__).parents[1] / "data" / FILE
    replace(path, save(trees.to_dict(params)))
    print(
        f"{path.name}: {(likeliest != classes).float().mean():.2%} wrong of what it was taught on, "
        f"{path.stat().st_size:,} bytes, {time.perf_counter() - began:.0f} s"
    )
    return 0


def drawn(digits: Digits, rng: Generator) -> tuple[Tensor, Tensor]:
    """Draw what is taught: (n, 14, 14) uint8, and the class of each, 0 to 9 or NONE."""
    mine, labels = zip(*drawn_digits(digits, COUNT, rng))
    plain = torch.randperm(len(digits.images), generator=rng)[:PLAIN]
    others = list(drawn_others(digits, OTHERS, rng))
    images = torch.cat([torch.stack(mine), digits.images[plain], torch.stack(others)])
    none = torch.full((len(others),), NONE)
    return images, torch.cat([torch.tensor(labels), digits.labels[plain], none]).long()


def taught(images: Tensor, classes: Tensor, rng: Generator) -> Any:
    """Train `KNOWER`, and give its parameters."""
    inputs = images.float() / 255

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        seen = warped(inputs, Warp(), rng)
        for batch in torch.split(torch.randperm(len(seen), generator=rng), BATCH):
            yield seen[batch], classes[batch]

    params, _ = KNOWER.init(rng, (14, 14))
    steps = EPOCHS * -(-len(images) // BATCH)
    optimiser = adamw(one_cycle(LR, steps, rise=0.2), weight_decay=1e-2)
    objective = supervised(KNOWER, cross_entropy())
    for epoch in descend(objective, optimiser, params, (batches() for _ in range(EPOCHS))):
        params = epoch.params
    return trees.map(torch.clone, params)


if __name__ == "__main__":
    sys.exit(main())
