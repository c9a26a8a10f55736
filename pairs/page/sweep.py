"""The page of a sweep: errors and effects against the setting, for each backbone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pairs.figures.curves import Curve, Point, curves
from pairs.figures.rows import escaped
from pairs.figures.value_axis import number
from pairs.files import ResultsError
from pairs.page.parts import count, end, head, settings, table
from pairs.page.saved import Study, load
from pairs.report import change, difference, percent
from pairs.results import ROWS
from pairs.statistics import Interval, interval, spread
from pairs.summary import Effect
from pairs.sweep import SWEPT, Value, command, text
from pairs.sweep.folders import folders
from pairs.sweep.trends import effects, errors
from pairs.training import Row

__all__ = ["Sweep", "load_sweep", "render_sweep"]


class Sweep(NamedTuple):
    """What a sweep's folder holds: the setting that varies, and the study of each value."""

    setting: str
    studies: dict[Value, Study]


def load_sweep(folder: Path) -> Sweep:
    """Read what `funcdl-cli sweep --out` wrote, whether or not it is finished.

    Values without a finished round are left out.

    Raises:
        ResultsError: there is no value with a finished round, the values differ in more than the
            setting that varies, or a file is not what it should be; one sentence.
    """
    found = folders(folder)
    if found is None:
        raise ResultsError(f"{folder}: expected a folder that 'funcdl-cli sweep --out' wrote")
    setting, paths = found
    studies = {value: load(path) for value, path in paths.items() if _begun(path / ROWS)}
    if not studies:
        raise ResultsError(f"{folder}: expected at least one finished round, found none")
    first = next(iter(studies.values())).settings
    for value, study in studies.items():
        expected = {**first, SWEPT[setting].field: value}
        if study.settings != expected:
            keys = {*expected, *study.settings}
            others = sorted(k for k in keys if study.settings.get(k) != expected.get(k))
            raise ResultsError(
                f"{paths[value]}: expected settings that differ from those of the other values "
                f"by {setting} alone, found another {', '.join(others)}"
            )
    return Sweep(setting, studies)


def _begun(rows: Path) -> bool:
    try:
        with rows.open("rb") as file:
            return file.readline().endswith(b"\n")
    except FileNotFoundError:
        return False
    except OSError:
        return True  # Reading it says what is wrong.


def render_sweep(sweep: Sweep) -> str:
    """Return the page of a sweep; it loads nothing and runs nothing, as that of a study."""
    rows = {value: study.rows for value, study in sweep.studies.items()}
    about = SWEPT[sweep.setting].about
    compared = effects(sweep.setting, rows)
    parts = [*head(f"Which of two digits is larger, by the {about}"), *_opening(sweep, about)]
    for k, (backbone, models) in enumerate(errors(rows).items()):
        parts += ["<section>", f"<h2>Backbone {escaped(backbone)}</h2>"]
        parts += _errors(f"errors-{k}", backbone, sweep, models)
        if backbone in compared:
            parts += _effects(f"effects-{k}", backbone, sweep, compared[backbone])
        parts.append("</section>")
    parts += [*_settings(sweep, rows), *end()]
    return "\n".join(parts)


def _opening(sweep: Sweep, about: str) -> Iterator[str]:
    rounds = [len({row.round for row in study.rows}) for study in sweep.studies.values()]
    least, most = min(rounds), max(rounds)
    words = count(most) if least == most else f"{least:,} to {count(most)}"
    yield (
        f"<p>The same study at {count(len(rounds), 'value')} of the {about}, {words} each. Models "
        "see two handwritten digits and answer whether the first is at most the second. Each round "
        "has fresh pairs and fresh weights; within a round all models see the same pairs.</p>"
    )
    if sweep.setting == "aux-weight" and 0 in sweep.studies:
        yield (
            "<p>At weight 0 a model learns the Boolean alone: the effects of the auxiliary loss "
            "compare with it, from the same first weights.</p>"
        )


def _errors(
    figure: str, backbone: str, sweep: Sweep, models: Mapping[str, Mapping[Value, Sequence[float]]]
) -> Iterator[str]:
    about, values = SWEPT[sweep.setting].about, list(sweep.studies)
    lines = [
        Curve(name, [_point(value, interval(found)) for value, found in at.items()])
        for name, at in models.items()
    ]
    title = f"Test error of {backbone} models against the {about}, in %"
    yield from _figure(
        curves(figure, title, about, lines, values),
        "Mean test error in %, with Student’s 95 % interval as a band.",
    )
    yield from _table(
        "Test error in %, mean ± standard deviation over the rounds",
        about,
        values,
        {
            name: {value: percent(spread(found)) for value, found in at.items()}
            for name, at in models.items()
        },
    )


def _effects(
    figure: str, backbone: str, sweep: Sweep, named: Mapping[str, Mapping[Value, Effect]]
) -> Iterator[str]:
    about, values = SWEPT[sweep.setting].about, list(sweep.studies)
    lines = [
        Curve(name, [_point(value, effect.difference) for value, effect in at.items()])
        for name, at in named.items()
    ]
    title = f"What each idea gives {backbone} models against the {about}, in points"
    changes = []
    for name, at in named.items():
        effect = next(iter(at.values()))
        changes.append(
            f"{name} ({change(effect.before, effect.after, effect.less).partition(': ')[2]})"
        )
    yield from _figure(
        curves(figure, title, about, lines, values, whiskers=True),
        "Difference in test error in percentage points, on the same pairs, with Student’s 95 % "
        f"interval; below 0 are fewer errors: {', '.join(changes)}.",
    )
    yield from _table(
        "Differences in points, with 95 % intervals, each taken alone",
        about,
        values,
        {
            name: {value: difference(effect.difference) for value, effect in at.items()}
            for name, at in named.items()
        },
    )


def _point(value: Value, found: Interval) -> Point:
    mean, low, high = (None if end is None else 100 * end for end in found)
    assert mean is not None
    return Point(value, mean, low, high)


def _figure(drawn: str, caption: str) -> Iterator[str]:
    yield from ("<figure>", drawn, f"<figcaption>{escaped(caption)}</figcaption>", "</figure>")


def _table(
    caption: str, about: str, values: Sequence[Value], columns: Mapping[str, Mapping[Value, str]]
) -> Iterator[str]:
    """Lay out a value a row, a model or an effect a column."""
    body = [
        [number(value), *(cells.get(value, "–") for cells in columns.values())]
        for value in values
        if any(value in cells for cells in columns.values())
    ]
    yield from table(caption, [about, *columns], body)


def _settings(sweep: Sweep, rows: Mapping[Value, Sequence[Row]]) -> Iterator[str]:
    first = next(iter(sweep.studies.values()))
    rounds = 1 + max(row.round for mine in rows.values() for row in mine)
    names = [name for named in errors(rows).values() for name in named]
    again = command(sweep.setting, list(sweep.studies), names, rounds, first.settings)
    varied = {SWEPT[sweep.setting].field: ", ".join(map(text, sweep.studies))}
    yield "<section>"
    yield "<h2>How it was made</h2>"
    yield from settings({**first.settings, **varied}, first.versions)
    if first.settings.get("validation"):
        yield "<p>The test pairs are of digits of the training set: this run was for tuning.</p>"
    if again is not None:
        yield "<p>This command gives the same numbers again:</p>"
        yield f"<pre><code>{escaped(again)}</code></pre>"
    yield "</section>"
