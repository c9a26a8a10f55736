"""The page of the disc: errors, the loss as it falls, the boundary as it forms, from its file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from funcdl.disc import RADIUS
from pairs.disc import Disc, command
from pairs.figures.loss_curve import loss_curve
from pairs.figures.raster import raster
from pairs.figures.rows import Strip, escaped, strips
from pairs.page.parts import count, end, head, settings, table
from pairs.report import percent
from pairs.statistics import spread

__all__ = ["render_disc"]


def render_disc(found: Disc) -> str:
    """Return the page of the disc; it loads nothing and runs nothing, as that of a study."""
    good = [i for i in range(len(found.train_errors)) if _finite(found, i)]
    parts = [*head("Learning a disc"), *_opening(found, good)]
    if good:
        parts += [*_errors(found, good), *_loss(found, good)]
    if found.surfaces:
        parts += _boundary(found)
    if good:
        parts += _distribution(found, good)
    parts += [*_rounds(found), *_settings(found), *end()]
    return "\n".join(parts)


def _finite(found: Disc, i: int) -> bool:
    return i not in found.diverged and all(row[i] is not None for row in found.losses)


def _opening(found: Disc, good: Sequence[int]) -> Iterator[str]:
    yield (
        "<p>A network is shown points drawn uniformly in the unit square and learns, by stochastic "
        "gradient descent on the mean squared error, which of them are inside the disc of radius "
        "1/√(2π) around the middle: half of the square. Each round has fresh points, fresh test "
        "points and fresh weights.</p>"
    )
    if good:
        error = percent(spread([found.test_errors[i] for i in good]))
        size = f", with {found.parameters:,} parameters" if found.parameters else ""
        yield f"<p>Test error: <strong>{error} %</strong> over {count(len(good))}{size}.</p>"
    lost = len(found.train_errors) - len(good)
    if lost:
        yield f"<p>In {count(lost)} the loss became NaN or infinite: left out of all means.</p>"


def _errors(found: Disc, good: Sequence[int]) -> Iterator[str]:
    yield '<section class="short">'
    yield "<h2>Errors</h2>"
    yield from table(
        "Points taken for the other class, in %: mean ± standard deviation over the rounds",
        ["points", "error", "lowest", "highest"],
        [
            [label, percent(spread(mine)), f"{100 * min(mine):.2f}", f"{100 * max(mine):.2f}"]
            for label, mine in _sets(found, good)
        ],
    )
    yield "</section>"


def _loss(found: Disc, good: Sequence[int]) -> Iterator[str]:
    losses = [[row[i] or 0.0 for i in good] for row in found.losses]
    yield "<section>"
    yield "<h2>The loss as it falls</h2>"
    yield "<figure>"
    yield loss_curve("loss", "Mean squared error in training, against the epoch", losses)
    yield (
        "<figcaption>Mean squared error over the batches of each epoch, on a logarithmic axis. A "
        "thin line is a round, the thick one their mean.</figcaption>"
    )
    yield "</figure>"
    yield "</section>"


def _boundary(found: Disc) -> Iterator[str]:
    last = max(found.surfaces)
    yield "<section>"
    yield "<h2>The boundary as it forms</h2>"
    yield "<figure>"
    yield '<div class="multiples">'
    for epoch, surface in sorted(found.surfaces.items()):
        points = found.mistakes if epoch == last == len(found.losses) else []
        yield "<div>"
        yield _picture(epoch, surface, points)
        yield f"<p>{'before training' if epoch == 0 else f'epoch {epoch:,}'}</p>"
        yield "</div>"
    yield "</div>"
    yield (
        "<figcaption>What the network of round 0 makes of the square: the colour of the text is "
        "inside, orange is outside, and the deeper, the surer. The circle is the disc’s edge"
        + ("; dots are the test points taken wrong in the end" if found.mistakes else "")
        + ".</figcaption>"
    )
    yield "</figure>"
    yield "</section>"


def _picture(epoch: int, surface: Tensor, points: Sequence[tuple[float, float]]) -> str:
    side = len(surface)
    name = f"surface-{epoch}"
    title = "Before training" if epoch == 0 else f"After epoch {epoch:,}"
    inside = surface > 0
    about = (
        f"{float(inside.double().mean()):.1%} of the square is taken for inside; "
        f"{float((inside != _truth(side)).double().mean()):.1%} of it wrongly decided."
    )
    dots = "".join(
        f'<circle class="mistake" cx="{side * x:.2f}" cy="{side * y:.2f}" r="{side / 48:.2f}"/>'
        for x, y in points
    )
    return (
        f'<svg class="raster" role="img" viewBox="0 0 {side} {side}" '
        f'aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{title}</title><desc id="{name}-desc">{about}</desc>'
        f'{raster(surface)}<circle class="truth" cx="{side / 2}" cy="{side / 2}" '
        f'r="{RADIUS * side:.3f}"/>{dots}</svg>'
    )


def _truth(side: int) -> Tensor:
    centres = (torch.arange(side) + 0.5) / side - 0.5
    return centres.square() + centres[:, None].square() <= RADIUS**2


def _distribution(found: Disc, good: Sequence[int]) -> Iterator[str]:
    drawn = [
        Strip(label, percent(spread(mine)), [100 * error for error in mine])
        for label, mine in _sets(found, good)
    ]
    yield "<section>"
    yield "<h2>How the rounds differ</h2>"
    yield "<figure>"
    yield strips("distribution", "Train and test error of each round, in %", drawn)
    yield (
        "<figcaption>Error in %. A dot is a round, the box holds the middle half of them, the "
        "line is the median; at the right mean ± standard deviation.</figcaption>"
    )
    yield "</figure>"
    yield "</section>"


def _rounds(found: Disc) -> Iterator[str]:
    def line(i: int) -> list[str]:
        errors = [f"{100 * errors[i]:.2f}" for errors in (found.train_errors, found.test_errors)]
        loss = found.losses[-1][i]
        return [f"{i}", *errors, "not finite" if loss is None else f"{loss:.3g}"]

    yield "<details>"
    yield "<summary>Every round in numbers</summary>"
    yield from table(
        "Errors in %, and the loss of the last epoch",
        ["round", "train", "test", "loss"],
        [line(i) for i in range(len(found.train_errors))],
    )
    yield "</details>"


def _settings(found: Disc) -> Iterator[str]:
    yield "<section>"
    yield "<h2>How it was made</h2>"
    yield "<p>This command gives the same numbers again:</p>"
    yield f"<pre><code>{escaped(command(found.settings))}</code></pre>"
    yield from settings(found.settings, found.versions)
    yield "</section>"


def _sets(found: Disc, good: Sequence[int]) -> list[tuple[str, list[Any]]]:
    both = (("train", found.train_errors), ("test", found.test_errors))
    return [(label, [errors[i] for i in good]) for label, errors in both]
