"""The page of the disc: errors, the loss as it falls, the boundary as it forms, from its file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from disc.figures import distribution_figure, loss_figure
from disc.file import Disc, command
from disc.points import RADIUS
from disc.sheets import errors_sheet, finite_rounds, rounds_sheet
from studykit.page.parts import command as shown
from studykit.page.parts import document, figure, settings, table
from studykit.statistics import spread
from studykit.svg.elements import element, picture
from studykit.svg.raster import raster
from studykit.wording import count, percent

__all__ = ["render_disc"]


def render_disc(found: Disc) -> str:
    """Return the page of the disc; it loads nothing and runs nothing, as that of a study."""
    good = finite_rounds(found)
    parts: list[str] = []
    if good:
        parts += [*_errors(found), *_loss(found)]
    if found.surfaces:
        parts += _boundary(found)
    if good:
        parts += _distribution(found)
    parts += [*_rounds(found), *_settings(found)]
    return document("Learning a disc", _opening(found, good), parts)


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


def _errors(found: Disc) -> Iterator[str]:
    yield '<section class="short">'
    yield "<h2>Errors</h2>"
    yield from table(errors_sheet(found))
    yield "</section>"


def _loss(found: Disc) -> Iterator[str]:
    drawn = loss_figure(found)
    yield "<section>"
    yield "<h2>The loss as it falls</h2>"
    yield from figure(drawn.caption, drawn.drawn)
    yield "</section>"


def _boundary(found: Disc) -> Iterator[str]:
    yield "<section>"
    yield "<h2>The boundary as it forms</h2>"
    yield from figure(
        "What the network of round 0 makes of the square: the colour of the text is inside, orange "
        "is outside, and the deeper, the surer. The circle is the disc’s edge"
        + ("; dots are the test points taken wrong in the end" if found.mistakes else "")
        + ".",
        '<div class="multiples">',
        *(part for epoch in sorted(found.surfaces) for part in _panel(found, epoch)),
        "</div>",
    )
    yield "</section>"


def _panel(found: Disc, epoch: int) -> Iterator[str]:
    at_last = epoch == max(found.surfaces) == len(found.losses)
    yield "<div>"
    yield _picture(epoch, found.surfaces[epoch], found.mistakes if at_last else [])
    yield f"<p>{'before training' if epoch == 0 else f'epoch {epoch:,}'}</p>"
    yield "</div>"


def _picture(epoch: int, surface: Tensor, points: Sequence[tuple[float, float]]) -> str:
    side = len(surface)
    name = f"surface-{epoch}"
    title = "Before training" if epoch == 0 else f"After epoch {epoch:,}"
    inside = surface > 0
    about = (
        f"{float(inside.double().mean()):.1%} of the square is taken for inside; "
        f"{float((inside != _truth(side)).double().mean()):.1%} of it wrongly decided."
    )
    dots = [
        element(
            "circle",
            kind="mistake",
            cx=f"{side * x:.2f}",
            cy=f"{side * y:.2f}",
            r=f"{side / 48:.2f}",
        )
        for x, y in points
    ]
    edge = element("circle", kind="truth", cx=side / 2, cy=side / 2, r=f"{RADIUS * side:.3f}")
    drawn = raster(surface) + edge + "".join(dots)
    return picture(name, title, f"0 0 {side} {side}", [drawn], about)


def _truth(side: int) -> Tensor:
    centres = (torch.arange(side) + 0.5) / side - 0.5
    return centres.square() + centres[:, None].square() <= RADIUS**2


def _distribution(found: Disc) -> Iterator[str]:
    drawn = distribution_figure(found)
    yield "<section>"
    yield "<h2>How the rounds differ</h2>"
    yield from figure(drawn.caption, drawn.drawn)
    yield "</section>"


def _rounds(found: Disc) -> Iterator[str]:
    yield "<section>"
    yield "<h2>Every round in numbers</h2>"
    yield "<details>"
    yield "<summary>Show them</summary>"
    yield from table(rounds_sheet(found))
    yield "</details>"
    yield "</section>"


def _settings(found: Disc) -> Iterator[str]:
    yield "<section>"
    yield "<h2>How it was made</h2>"
    yield from shown(command(found.settings))
    yield from settings(found.settings, found.versions)
    yield "</section>"
