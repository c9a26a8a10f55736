"""A trained model in a file of safetensors: its parameters, and what it takes to ask it again.

The header's metadata has one entry, "funcdl", an object in JSON: the model's name, the mean and
deviation that images are scaled by, and whatever else its maker says of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
from torch import Generator, Tensor

from funcdl import FuncdlError, tree
from pairs.models import MODELS, Model
from pairs.rounds import Trained
from pairs.training import Settings
from studykit.schema import Form, Within, read

__all__ = ["ModelFile", "ModelFileError", "check_package", "from_round", "load", "pack"]

KEY = "funcdl"
LARGEST = 1_000_000
"""Beyond which no mean or deviation of images is."""

MOST = 1 << 24
"""Bytes that a file may have, before any of it is read: ten times the largest model's."""

DTYPES = {"F16": torch.float16, "F32": torch.float32}


class ModelFileError(FuncdlError, ValueError):
    """A file that holds no trained model of this study; the message is one sentence."""


class ModelFile(NamedTuple):
    """A model with its trained parameters, and the mean and deviation of its training images.

    `about` is what else the file says, as it was written.
    """

    model: Model
    params: Any
    mean: float
    deviation: float
    about: dict[str, Any]


def from_round(name: str, round: int, settings: Settings, trained: Trained) -> ModelFile:
    """Take from what `train_round` gave what is kept; it tells of its round and settings."""
    about = {"round": round, "settings": settings._asdict()}
    scaling = trained.scaling
    return ModelFile(
        MODELS[name], trained.params, float(scaling.mean), float(scaling.deviation), about
    )


def pack(model: ModelFile, dtype: torch.dtype = torch.float32) -> bytes:
    """Make the content of a file; the same model gives the same bytes.

    Args:
        model: what to keep; its parameters are finite.
        dtype: how to store parameters, float32 or float16, which takes half the room.

    Raises:
        ModelFileError: the package safetensors, or numpy, which it writes with, is missing.
    """
    try:
        from safetensors.torch import save

        about = {
            "model": model.model.name,
            "mean": model.mean,
            "deviation": model.deviation,
            **model.about,
        }
        flat = {key: leaf.to(dtype) for key, leaf in tree.to_dict(model.params).items()}
        # One entry: the library writes several in an order that changes from run to run.
        return save(flat, {KEY: json.dumps(about, ensure_ascii=False)})
    except ImportError:
        raise missing() from None


def check_package() -> None:
    """Look, before any work is done, whether models can be written.

    Raises:
        ModelFileError: a package is missing.
    """
    if not (find_spec("safetensors") and find_spec("numpy")):
        raise missing()


def missing() -> ModelFileError:
    """Say what to install."""
    return ModelFileError(
        "models in files need the package safetensors: pip install 'safetensors[numpy]'"
    )


def load(path: str | os.PathLike[str]) -> ModelFile:
    """Read a file that `pack` made the content of; it may come from anyone.

    Nothing in it is run. Its size is looked at first; then all names, shapes and dtypes are
    compared with the model's before a number is read.

    Returns:
        The model, its parameters in float32.

    Raises:
        ModelFileError: the package safetensors is missing, or the file cannot be read, or is not
            what it should be: one sentence, with the path and what was expected.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise missing() from None
    where = Path(path)
    try:
        if not where.is_file():
            came = "another thing" if where.exists() else "no such file"
            raise ModelFileError(f"{where}: expected a file of safetensors, got {came}")
        size = where.stat().st_size
        if size > MOST:
            raise ModelFileError(f"{where}: expected at most {MOST:,} bytes, got {size:,}")
        where.open("rb").close()  # the library has one sentence for whatever is wrong
        with safe_open(where, framework="pt") as file:
            about = _about(where, file.metadata() or {})
            model = MODELS[about.pop("model")]
            # Only the shapes of what is drawn here are of use.
            like, _ = model.net.init(Generator(), (2, 14, 14))
            wanted = tree.to_dict(like)
            _check(where, model.name, wanted, file)
            flat = {key: file.get_tensor(key).float() for key in wanted}
    except SafetensorError as error:
        # It may quote the file.
        came = "".join(c if c.isprintable() else "?" for c in str(error)[:200])
        raise ModelFileError(f"{where}: expected a file of safetensors, got: {came}") from None
    except OSError as error:
        raise ModelFileError(
            f"{where}: expected a file that can be read, got: {error.strerror or error}"
        ) from None
    for key, leaf in flat.items():
        if not leaf.isfinite().all():
            raise ModelFileError(f"{where}: expected finite numbers, got others in {key}")
    mean, deviation = about.pop("mean"), about.pop("deviation")
    return ModelFile(model, tree.from_dict(flat, like), mean, deviation, about)


def _about(where: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    """Read the metadata: an object with a known model and a scaling, and more."""
    try:
        about = json.loads(metadata[KEY])
    except (KeyError, ValueError, RecursionError):
        raise ModelFileError(
            f"{where}: expected a model of this study, with its name and scaling in the metadata, "
            "found none"
        ) from None
    read(About, about, str(where), others=True, error=ModelFileError)
    return dict(about)


def _known(name: Any) -> str:
    return MODELS[name].name


def _above_0(value: Any) -> Any:
    if type(value) not in (int, float) or not 0 < value <= LARGEST:
        raise ValueError(value)
    return value


class About(NamedTuple):
    """What the metadata must have: the model, and how images are scaled for it."""

    model: Annotated[str, Form("a model of this study", _known)]
    mean: Annotated[float, Within(-LARGEST, LARGEST)]
    deviation: Annotated[float, Form("a deviation above 0", _above_0)]


def _check(where: Path, model: str, wanted: Mapping[str, Tensor], file: Any) -> None:
    """Compare the names, shapes and dtypes in a file with those of a model."""
    names = set(file.keys())
    for key in sorted(names ^ set(wanted)):
        came = "it is not there" if key in wanted else f"got one called {key[:40]!r}"
        asked = f"a tensor {key}" if key in wanted else f"no tensors but those of {model}"
        raise ModelFileError(f"{where}: expected {asked}, {came}")
    for key, leaf in wanted.items():
        entry = file.get_slice(key)
        shape, dtype = tuple(entry.get_shape()), entry.get_dtype()
        if shape != tuple(leaf.shape) or dtype not in DTYPES:
            raise ModelFileError(
                f"{where}: expected {key} of {model} to be {' or '.join(DTYPES)} of shape "
                f"{tuple(leaf.shape)}, got {dtype} of shape {shape}"
            )
