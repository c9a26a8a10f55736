"""What every section shares: entrants that are checked, measured in turn, and laid out in a table.

An entrant is measured in chunks of steps, and each repeat gives every entrant one chunk, so that a
slow minute of the machine is everybody's. A ratio is the median over the repeats of the ratio
within each repeat.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import cycle, islice
from statistics import median
from typing import Any, NamedTuple

import numpy
import torch
from rich.table import Table

__all__ = [
    "DisagreementError",
    "Entrant",
    "Line",
    "Options",
    "Report",
    "Train",
    "agree",
    "compare",
    "fastest",
    "measure",
    "number",
    "product_rate",
    "products",
    "table",
]


class Options(NamedTuple):
    """What the command line asks for."""

    repeats: int
    threads: int
    rounds: int
    models: str | None
    figure: str | None


class Train:
    """Training by `step(*carry, batch) -> (*carry, loss)` over the batches, again and again.

    Args:
        step: takes a step.
        start: makes what is carried at first, anew each time it is called.
        batches: in their order.
        finish: waits until a loss is computed.
        mode: PyTorch's mode for the steps, such as `torch.inference_mode`.

    >>> train = Train(lambda total, batch: (total + batch, total), lambda: (0,), [1, 10])
    >>> train(2), train(2)
    (1, 12)
    >>> train.restart()
    >>> train(2)
    1
    """

    def __init__(
        self,
        step: Callable[..., tuple[Any, ...]],
        start: Callable[[], tuple[Any, ...]],
        batches: Iterable[Any],
        finish: Callable[[Any], Any] = lambda loss: loss,
        *,
        mode: Callable[[], Any] = torch.enable_grad,
    ) -> None:
        self.step, self.start, self.batches = step, start, list(batches)
        self.finish, self.mode = finish, mode
        self.restart()

    def restart(self) -> None:
        """Go back to the first parameters and the first batch."""
        self.carry = self.start()
        self.source = cycle(self.batches)

    def __call__(self, count: int) -> Any:
        """Take that many steps, wait until they are done, and return the loss of the last one."""
        step, carry, loss = self.step, self.carry, None
        with self.mode():
            for batch in islice(self.source, count):
                *carry, loss = step(*carry, batch)
        self.carry = carry
        return self.finish(loss)


class Entrant(NamedTuple):
    """A way to train; `epoch` is how many steps its step is, and how many losses that gives."""

    name: str
    train: Train
    epoch: int = 1


class Line(NamedTuple):
    """A line of a table.

    Attributes:
        case: what was done.
        name: who did it.
        values: what it took, one a repeat.
        ratios: what the reference took in the same repeat, divided by that.
        more: further columns.
    """

    case: str
    name: str
    values: list[float]
    ratios: list[float]
    more: dict[str, str]


class Report(NamedTuple):
    """A table: its title, the unit of its values and how many of it the values' own unit is."""

    title: str
    unit: str
    scale: float
    lines: list[Line]
    notes: list[str]


class DisagreementError(RuntimeError):
    """Two entrants do not compute the same."""


def agree(entrants: Sequence[Entrant], steps: int = 20, rtol: float = 1e-5) -> None:
    """Take steps with each entrant and compare their losses with the first one's.

    Raises:
        DisagreementError: a loss differs by more than rounding; says whose, and at which step.
    """
    first, *others = entrants
    wanted = losses(first, steps)
    for entrant in others:
        for i, (got, loss) in enumerate(zip(losses(entrant, steps), wanted), 1):
            if not numpy.allclose(got, loss, rtol=rtol, atol=0):
                raise DisagreementError(
                    f"{entrant.name}: expected the loss {loss} of {first.name} at step {i}, "
                    f"got {got}"
                )


def losses(entrant: Entrant, steps: int) -> Sequence[Any]:
    """List the losses of an entrant's next steps, or of the epoch that they are in."""
    if entrant.epoch > 1:
        return numpy.array(entrant.train(1))
    # A copy each, since the next step may write the next loss in the same place.
    return [numpy.array(entrant.train(1)) for _ in range(steps)]


def measure(
    entrants: Sequence[Entrant], repeats: int, *, seconds: float = 0.1, steps: int | None = None
) -> list[list[float]]:
    """Measure the seconds a step of each entrant, in turn, each time from its first parameters.

    Args:
        entrants: each has taken its first steps already.
        repeats: how many chunks each gets.
        seconds: how long a chunk lasts, about.
        steps: how many steps a chunk has, where that matters more than its length.

    Returns:
        For each entrant its time in each repeat.
    """
    counts = [steps or _chunk(entrant.train, seconds) for entrant in entrants]
    times: list[list[float]] = [[] for _ in entrants]
    rows = list(zip(entrants, counts, times))
    gc.collect()
    # What the imports left behind is not to be searched for garbage while the clock runs.
    gc.freeze()
    for repeat in range(repeats):
        for entrant, count, row in rows if repeat % 2 == 0 else reversed(rows):
            entrant.train.restart()
            entrant.train(1)
            row.append(_clock(entrant.train, count) / count / entrant.epoch)
    gc.unfreeze()
    return times


def fastest(name: str, variants: Sequence[Entrant], steps: int | None = None) -> Entrant:
    """Keep the fastest of several ways to set one entrant up, which its name tells."""
    times = measure(variants, 3, steps=steps)
    best = min(range(len(variants)), key=lambda i: median(times[i]))
    return variants[best]._replace(name=f"{name} ({variants[best].name})")


def compare(
    case: str,
    entrants: Sequence[Entrant],
    times: Sequence[Sequence[float]],
    reference: int = 0,
    units: Sequence[float] | None = None,
) -> list[Line]:
    """Make a line an entrant; `units` is how many units of the table one step of each is."""
    units = units or [1.0] * len(entrants)
    values = [[t / unit for t in row] for row, unit in zip(times, units)]
    return [
        Line(case, entrant.name, row, [r / t for r, t in zip(values[reference], row)], {})
        for entrant, row in zip(entrants, values)
    ]


def table(report: Report) -> Table:
    """Lay a report out."""
    made = Table(title=report.title)
    made.add_column("", no_wrap=True)
    made.add_column("")
    headings = list(dict.fromkeys(key for line in report.lines for key in line.more))
    for heading in (report.unit, "min – max", "ratio", *headings):
        made.add_column(heading, justify="right", no_wrap=heading == "min – max")
    for line, following in zip(report.lines, [*report.lines[1:], None]):
        values = [value * report.scale for value in line.values]
        made.add_row(
            line.case,
            line.name,
            number(median(values)),
            f"{number(min(values))} – {number(max(values))}",
            f"{median(line.ratios):.2f}" if line.ratios else "–",
            *(line.more.get(heading, "–") for heading in headings),
            end_section=following is not None and following.case != line.case,
        )
    return made


def number(value: float) -> str:
    """Write three digits.

    >>> number(1234.5), number(123.4), number(1.234), number(0.01234)
    ('1,234', '123', '1.23', '0.0123')
    """
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}"


PRODUCT = 2 * 1024**3
"""Floating-point operations of a product of two matrices of 1024 × 1024."""


def products(operations: float) -> Entrant:
    """Make an entrant whose step is as many operations, in such products of float32."""
    a, b, out = (torch.rand(1024, 1024) for _ in range(3))

    def step(owed: float, batch: None) -> tuple[float, None]:
        owed += operations / PRODUCT
        while owed >= 1:
            torch.mm(a, b, out=out)
            owed -= 1
        return owed, None

    return Entrant("products", Train(step, lambda: (0.0,), [None]))


def product_rate(repeats: int = 15) -> float:
    """Measure the operations a second of such products."""
    (times,) = measure([products(PRODUCT)], repeats)
    return PRODUCT / median(times)


def _chunk(train: Train, seconds: float) -> int:
    """Choose how many steps take about as long as a chunk is to last."""
    count = 1
    while (took := _clock(train, count)) < seconds / 5:
        count *= 2
    return max(round(count * seconds / took), 1)


def _clock(train: Train, count: int) -> float:
    started = time.perf_counter()
    train(count)
    return time.perf_counter() - started
