"""Choose how sure an answer has to be, and count what comes of it.

    python -m pairs.scenes.measure

draws scenes with digits of MNIST's training set and by the other hand, chooses the least that the
knower and the champion have to say, then draws others, with digits of the test set, and counts on
these by condition; it writes both to pairs/data/doubt.json. Run it again for another champion.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import torch

from pairs.champion import champion
from pairs.data import load_digits
from pairs.drawn.answer import ask
from pairs.drawn.digit import Drawn, digit_of
from pairs.drawn.doubt import LEAST, Least, doubt_of, knower, opinions
from pairs.drawn.ink import DrawnError
from pairs.model_file import ModelFile
from pairs.scenes.scenes import HANDS, Scene, scenes
from pairs.scenes.shapes import CHOOSING_LETTERS
from pairs.scenes.tally import Count, summary
from studykit.files import replace
from studykit.seeds import generator
from studykit.threads import one_thread

__all__ = ["Said", "chosen", "counted", "said"]

EACH, CHOSEN_ON = 45, 24
"""Scenes of each condition: to count on, and to choose on."""

COST = 5
"""Doubts that one answer which is sure and wrong is as bad as."""


class Said(NamedTuple):
    """What was said of a scene; `drawn` is None where nothing was found on it."""

    condition: str
    hand: str
    label: int | None
    drawn: Drawn | None
    opinion: list[float]
    digits: list[float]


def said(scene: Scene, model: ModelFile, params: Any) -> Said:
    """Look at a scene as `compare` does."""
    about = (scene.condition, scene.hand, scene.label)
    try:
        drawn = digit_of(scene.image)
    except DrawnError:
        return Said(*about, None, [], [])
    answer = ask(model, drawn.digit, drawn.digit)
    opinion = opinions(params, drawn.digit[None])[0].tolist()
    return Said(*about, drawn, opinion, answer.digits[0] if answer.digits else [])


def counted(all_said: Iterable[Said], least: Least) -> Count:
    """Count what comes of the least that has to be said.

    Where there is no digit, whatever is sure is wrong.
    """
    right = wrong = doubted = 0
    for one in all_said:
        if one.drawn is None or doubt_of(one.drawn, one.opinion, one.digits, least):
            doubted += 1
        elif one.label is not None and one.digits.index(max(one.digits)) == one.label:
            right += 1
        else:
            wrong += 1
    return Count(right, wrong, doubted)


def chosen(all_said: list[Said]) -> Least:
    """Choose the least with which answers cost least, as Chow does; of equals the strictest.

    Chow, "On optimum recognition error and reject tradeoff" (1970).
    """
    steps = [0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99]

    def cost(least: Least) -> tuple[float, float]:
        count = counted(all_said, least)
        return COST * count.wrong - count.right, -sum(least)  # the strictest of equals

    return min((Least(*pair) for pair in product(steps, steps[4:])), key=cost)


def main() -> int:
    """Choose, count, print and write; return the exit status."""
    began = time.perf_counter()
    model, params, mnist = champion(), knower(), load_digits()
    with one_thread(), torch.inference_mode():
        rng = generator(0, "scenes", 0)
        first = scenes(mnist.train, CHOSEN_ON, rng, HANDS[:2], CHOOSING_LETTERS)
        least = chosen([said(scene, model, params) for scene in first])
        print(f"{least}, {time.perf_counter() - began:.0f} s", flush=True)
        second = scenes(mnist.test, EACH, generator(0, "scenes", 2))
        found = [said(scene, model, params) for scene in second]
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for condition, hand in dict.fromkeys((one.condition, one.hand) for one in found):
        count = counted(
            (one for one in found if (one.condition, one.hand) == (condition, hand)), least
        )
        counts.setdefault(condition, {})[hand] = count._asdict()
        print(f"{condition:30} {hand:8} {count.right:4} {count.wrong:4} {count.doubted:4}")
    told = {"least": least._asdict(), "counts": counts}
    replace(
        Path(__file__).parents[1] / "data" / LEAST, (json.dumps(told, indent=1) + "\n").encode()
    )
    for of in ("digits", "nothing", "all"):
        print(summary(of))
    print(f"{time.perf_counter() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
