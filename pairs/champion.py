"""The champion that comes with the package, and how to train it again.

    python -m pairs.champion

trains the model `champion` by its recipe on all 60,000 digits of MNIST's training set, those that
the study keeps back for validation too, as round 0 of 30,000 pairs, prints its error on the 10,000
digits of the test set, and writes pairs/data/champion.safetensors; the same numbers on each run of
one machine.
"""

from __future__ import annotations

import sys
import time
from importlib.resources import as_file, files
from pathlib import Path

import torch

from funcdl import tree
from pairs.data import Mnist, Split, draw_pairs, load_digits
from pairs.model_file import ModelFile, ModelFileError, check_package, from_round, load, pack
from pairs.rounds import train_round
from pairs.training import Settings, errors
from studykit.files import ResultsError, replace, tried
from studykit.seeds import generator
from studykit.threads import one_thread

__all__ = ["SETTINGS", "champion", "train_champion"]

NAME = "champion"
FILE = "champion.safetensors"
SETTINGS = Settings(train_pairs=30_000, test_pairs=5_000)


def champion() -> ModelFile:
    """Load the champion that comes with the package.

    Raises:
        ModelFileError: the package safetensors is missing, or the file is not what it was.
    """
    with as_file(files("pairs.data") / FILE) as path:
        return load(path)


def train_champion(mnist: Mnist, settings: Settings = SETTINGS) -> ModelFile:
    """Train the champion, as round 0 of its settings, and test it as it will be stored.

    Its training pairs are drawn from the whole training set, of which a round of the study has two
    thirds.

    Args:
        mnist: the digits.
        settings: how many pairs, and the seed; the rest is the recipe's.

    Returns:
        The model, its parameters rounded to float16; it tells of its errors on the test pairs.
    """
    rng = generator(settings.seed, "pairs", 0)
    train = draw_pairs(mnist.train, settings.train_pairs, rng)
    split = Split(train, draw_pairs(mnist.test, settings.test_pairs, rng))
    trained = train_round(NAME, 0, settings, mnist, split=split)
    params = tree.map(lambda leaf: leaf.half().float(), trained.params)
    made = from_round(NAME, 0, settings, trained._replace(params=params))
    error, digit_error = errors(made.model, params, trained.scaling, trained.split.test)
    return made._replace(about={**made.about, "test_error": error, "digit_error": digit_error})


def main() -> int:
    """Train, print and write the champion; return the exit status."""
    path = Path(__file__).parent / "data" / FILE
    try:
        check_package()
        tried(path.parent, FILE)
    except (ModelFileError, ResultsError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"training on {2 * SETTINGS.train_pairs:,} digits, which takes minutes", flush=True)
    began = time.perf_counter()
    with one_thread(), torch.inference_mode():
        model = train_champion(load_digits())
    replace(path, pack(model, torch.float16))
    print(
        f"{path.name}: digit error {model.about['digit_error']:.2%}, "
        f"pair error {model.about['test_error']:.2%} on the test set, "
        f"{path.stat().st_size:,} bytes, {time.perf_counter() - began:.0f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
