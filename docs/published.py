"""Fill the documents' figures from the published results: `python docs/published.py`.

A figure in a document stands between two comments, the first of which says what it is:

    <!--= model default conv-bn-plain test -->14.95 ± 1.60<!--/-->

So does a table, its comments on lines of their own. Whoever makes the results again runs this after
it; a test fails where a document and the results differ.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

from pairs.effects import Effect, effects
from pairs.models import MODELS, parts
from pairs.rates import FILE, best, grid, rate
from pairs.results import read_rows
from pairs.scenes.tally import counts, tally, wilson
from pairs.training import Row
from studykit.statistics import Interval, Spread
from studykit.wording import difference, percent, probability

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "published"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FIGURE = re.compile(r"(<!--= (?P<what>[^>]*?) -->)(?P<old>.*?)(<!--/-->)", re.DOTALL)


@cache
def summary(study: str) -> dict[str, Any]:
    """Read the summary of a study, a folder of the results."""
    found: dict[str, Any] = json.loads((RESULTS / study / "summary.json").read_text("utf-8"))
    return found


def line(study: str, model: str) -> dict[str, Any]:
    """Find what a study says of a model."""
    (found,) = (line for line in summary(study)["models"] if line["model"] == model)
    return dict(found)


def effect(study: str, family: str, name: str) -> dict[str, Any]:
    """Find what a study says of an effect in a family of models."""
    (found,) = (
        effect
        for effect in summary(study)["effects"]
        if effect["name"] == name and parts(effect["before"])[0] == family
    )
    return dict(found)


def share(value: dict[str, float | None] | None, deviation: bool = True) -> str:
    """Write a share in per cent, with its deviation over the rounds or without."""
    if value is None:
        return percent(None)
    found = Spread(**value)
    return percent(found if deviation else found._replace(deviation=None))


def gain(found: dict[str, Any]) -> str:
    """Write the difference that an effect makes, with its 95 % interval."""
    return difference(Interval(**found))


def lines(place: str, kinds: Sequence[str] = ()) -> list[dict[str, Any]]:
    """List a study's models of one family, `default/conv-bn`: all, or those of some kinds."""
    study, family = place.split("/")
    return [
        found
        for found in summary(study)["models"]
        if (own := parts(found["model"]))[0] == family and (not kinds or own[1] in kinds)
    ]


def models_table(place: str, *kinds: str) -> str:
    """Tabulate models of a study and a family, `default/conv-bn`: all, or those of some kinds."""
    head = ["model", "parameters", "rate", "test error", "digit error"]
    rows = [
        [
            f"`{found['model']}`",
            f"{found['parameters']:,}",
            f"{rate(found['model']):g}",
            share(found["test_error"]),
            share(found["digit_error"], deviation=False),
        ]
        for found in lines(place, kinds)
    ]
    return table(head, rows)


def kinds_table(*places: str) -> str:
    """Tabulate test errors, a kind of model a row, a family a column."""
    found: dict[str, dict[str, str]] = {}
    for place in places:
        for line in lines(place):
            found.setdefault(parts(line["model"])[1], {})[place] = share(line["test_error"])
    rows = [
        [f"{kind}: {about(kind)}", *(errors.get(place, "–") for place in places)]
        for kind, errors in found.items()
    ]
    return table(["model", *(place.split("/")[1] for place in places)], rows)


def about(kind: str) -> str:
    """Say in words what models of a kind are."""
    return next(model.about for name, model in MODELS.items() if parts(name)[1] == kind)


def effects_table(*studies: str) -> str:
    """Tabulate effects, one a row, a family a column."""
    places = [place.split("/") for place in studies]
    names: dict[str, None] = {}
    for study, family in places:
        for found in summary(study)["effects"]:
            if parts(found["before"])[0] == parts(found["after"])[0] == family:
                names.setdefault(found["name"])
    rows = []
    for name in names:
        cells = []
        for study, family in places:
            try:
                found = effect(study, family, name)
            except ValueError:
                cells.append("–")
                continue
            cells.append(f"{gain(found['difference'])}, p {probability(found['holm'])}")
        rows.append([name, *cells])
    return table(["effect", *(family for _, family in places)], rows)


@cache
def blocks(study: str, size: int) -> tuple[list[Effect], list[list[Effect]]]:
    """Find the effects of all rounds of a study, and of each block of so many rounds alone."""
    rows = read_rows(RESULTS / study / "rounds.jsonl", summary(study)["settings"])
    of_blocks: dict[int, list[Row]] = {}
    for row in rows:
        of_blocks.setdefault(row.round // size, []).append(row)
    return effects(rows), [effects(block) for _, block in sorted(of_blocks.items())]


def beside_table(few: str, many: str, size: str) -> str:
    """Tabulate the effects of two studies, and how well blocks of the larger one tell its own.

    A block tells an effect where its own interval holds the mean of all rounds; it sees it where p,
    corrected for all effects of the block, is at most 0.05.
    """
    (small, family), (large, _) = (place.split("/") for place in (few, many))
    everything, parted = blocks(large, int(size))
    rows = []
    for found in everything:
        mean = found.difference.mean
        own = [next(one for one in block if one.name == found.name) for block in parted]
        told = sum(
            one.difference.low is not None
            and one.difference.high is not None
            and one.difference.low <= mean <= one.difference.high
            for one in own
        )
        rows.append(
            [
                found.name,
                gain(effect(small, family, found.name)["difference"]),
                difference(found.difference),
                probability(found.holm),
                f"{told} of {len(own)}",
                f"{sum(one.stands for one in own)} of {len(own)}",
            ]
        )
    return table(["effect", *("ten rounds", "all rounds", "p", "told", "seen")], rows)


def calibration_table(place: str, *kinds: str) -> str:
    """Tabulate what the probabilities of models are worth, and how they contradict themselves."""
    rows = []
    for found in lines(place, kinds):
        own = found["calibration"]
        shares = (own["ece"], own["ece_by_chance"], own["same_twice"], own["against_digits"])
        rows.append(
            [f"`{found['model']}`", f"{own['nll']['mean']:.3f}"]
            + ["–" if share is None else f"{100 * share:.2f}" for share in shares]
        )
    return table(["model", "NLL", "ECE", "by chance", "same twice", "against digits"], rows)


def ablation_table(study: str) -> str:
    """Tabulate the champion, and it without one ingredient each: errors, and what it loses."""
    lost = {found["after"]: found for found in summary(study)["effects"]}
    rows = []
    for found in summary(study)["models"]:
        name, cells = found["model"], ["–", "–"]
        if name in lost:
            cells = [gain(lost[name]["difference"]), probability(lost[name]["holm"])]
        errors = [share(found[key]) for key in ("digit_error", "test_error")]
        rows.append([f"`{name}`: {MODELS[name].about}", *errors, *cells])
    return table(["model", "digit error", "pair error", "difference", "p"], rows)


def rates_table(*families: str) -> str:
    """Tabulate mean validation errors at each rate, the chosen one bold."""
    own = {name: errors for name, errors in grid().items() if parts(name)[0] in families}
    columns = sorted({rate for errors in own.values() for rate in errors}, key=float)
    rows = []
    for name, errors in own.items():
        means = {key: f"{100 * fmean(found):.2f}" for key, found in errors.items()}
        (chosen,) = (key for key in errors if float(key) == best(errors))
        means[chosen] = f"**{means[chosen]}**"
        rows.append([f"`{name}`", *(means.get(key, "–") for key in columns)])
    return table(["model", *columns], rows)


def table(head: list[str], rows: list[list[str]]) -> str:
    """Write a table as GitHub shows it, its first column of words, the others of numbers."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n" + "\n".join(f"| {' | '.join(row)} |" for row in [head, rule, *rows]) + "\n"


def of_model(study: str, model: str, what: str) -> str:
    """Write one figure of a model."""
    found = line(study, model)
    if what in ("test", "digit"):
        return share(found[f"{what}_error"])
    if what == "mean":
        return share(found["test_error"], deviation=False)
    if what == "seconds":
        return f"{found['seconds']['mean']:.1f}"
    if what == "nll":
        return f"{found['calibration']['nll']['mean']:.3f}"
    return f"{found[what]:,}"


def of_effect(place: str, what: str, *name: str) -> str:
    """Write one figure of an effect."""
    study, family = place.split("/")
    found = effect(study, family, " ".join(name))
    if what == "difference":
        return gain(found["difference"])
    if what == "points":
        return difference(Interval(found["difference"]["mean"], None, None))
    return probability(found[what])


def of_swap(kind: str, what: str) -> str:
    """Write one figure of the swap that leaks, or of what stands beside it."""
    found = json.loads((RESULTS / "leaking_swap.json").read_text("utf-8"))[kind]
    if what == "sharing":
        return gain(found["sharing"])
    return f"{100 * fmean(found['errors'][what]):.1f}"


def mark(what: str) -> str:
    """Write the least or the most seconds that a round of the mark took."""
    text = (RESULTS / "mark" / "rounds.jsonl").read_text("utf-8")
    seconds = [json.loads(row)["seconds"] for row in text.splitlines()]
    return f"{min(seconds) if what == 'least' else max(seconds):.1f}"


def setting(study: str, name: str) -> str:
    """Write a setting of a study, or how many rounds it has."""
    if name == "rounds":
        (count,) = {line["rounds"] for line in summary(study)["models"]}
        return str(count)
    if name == "made":
        found = summary(study)["versions"]
        return ", ".join(f"{key} {value}" for key, value in found.items())
    value = summary(study)["settings"][name]
    return f"{value:,}" if isinstance(value, int) else str(value)


def tuning(name: str) -> str:
    """Write a setting of the sweeps that chose the rates."""
    made = json.loads((ROOT / "pairs" / "data" / FILE).read_text("utf-8"))["made"]
    if name == "rounds":
        counts = {len(found) for errors in grid().values() for found in errors.values()}
        return " to ".join(str(count) for count in sorted({min(counts), max(counts)}))
    (value,) = {sweep["settings"][name] for sweep in made}
    return f"{value:,}"


def doubt(of: str, hand: str, what: str) -> str:
    """Write a count of the pictures that `compare` was measured on: `doubt digits all right`.

    Of a part or a condition, by one hand or all: answers that are right, wrong or doubted, all of
    them ("pictures"), the share of the right or the wrong ("right%"), or its bounds ("wrong±").
    """
    count = tally(counts(), of.replace("_", " "), "" if hand == "all" else hand)
    every = sum(count)
    if what == "pictures":
        return f"{every:,}"
    if what[-1] == "%":
        return f"{100 * getattr(count, what[:-1]) / every:.1f}"
    if what[-1] == "±":
        low, high = wilson(getattr(count, what[:-1]), every)
        return f"{100 * low:.1f} to {100 * high:.1f}"
    return f"{getattr(count, what):,}"


FIGURES: dict[str, Callable[..., str]] = {
    "models": models_table,
    "kinds": kinds_table,
    "effects": effects_table,
    "beside": beside_table,
    "rates": rates_table,
    "ablation": ablation_table,
    "calibration": calibration_table,
    "model": of_model,
    "effect": of_effect,
    "swap": of_swap,
    "setting": setting,
    "mark": mark,
    "tuning": tuning,
    "doubt": doubt,
}


def filled(text: str) -> str:
    """Fill all figures of a document anew."""

    def fill(match: re.Match[str]) -> str:
        name, *words = match["what"].split()
        return f"{match[1]}{FIGURES[name](*words)}{match[4]}"

    return FIGURE.sub(fill, text)


def main() -> int:
    """Fill every document; return the exit status."""
    for path in DOCUMENTS:
        text = path.read_text("utf-8")
        new = filled(text)
        if new != text:
            path.write_text(new, "utf-8")
            print(f"{path.relative_to(ROOT)}: filled anew")
    return 0


if __name__ == "__main__":
    sys.exit(main())
