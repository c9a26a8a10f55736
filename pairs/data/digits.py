"""MNIST's digits at 14x14, from the package itself or from the original files."""

from __future__ import annotations

import os
from importlib.resources import files
from typing import NamedTuple

import torch
from torch import Tensor

from pairs.data.errors import DataError
from pairs.data.idx import read_idx
from pairs.data.packed import unpack, verify

PACKED = "mnist14.xz"
CHECKSUM = PACKED + ".sha256"
TRAIN_COUNT = 60_000
TEST_COUNT = 10_000
ORIGINAL_SIDE = 28
TRAIN_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TEST_FILES = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


class Digits(NamedTuple):
    """Handwritten digits.

    images: (N, 14, 14) uint8, 0 (background) to 255 (ink).
    labels: (N,) int64, 0..9.
    """

    images: Tensor
    labels: Tensor


class Mnist(NamedTuple):
    """MNIST's two sets, each in its original order; whole, 60,000 and 10,000 digits."""

    train: Digits
    test: Digits


def load_digits() -> Mnist:
    """Load the digits that come with the package.

    Returns:
        All 70,000 digits: the same tensors as `read_digits` makes of the original files.

    Raises:
        DataError: the package's file is missing, or is not the one its checksum was made for.
    """
    folder = files("pairs.data")
    where = str(folder / PACKED)
    try:
        packed = (folder / PACKED).read_bytes()
        line = (folder / CHECKSUM).read_bytes().decode("ascii", "replace")
    except OSError as error:
        raise DataError(
            f"{where}: expected the package's digits and their checksum, got: {error.strerror}"
        ) from error
    verify(packed, line, where)
    images, labels = unpack(packed, TRAIN_COUNT + TEST_COUNT, where)
    return Mnist(
        Digits(images[:TRAIN_COUNT], labels[:TRAIN_COUNT]),
        Digits(images[TRAIN_COUNT:], labels[TRAIN_COUNT:]),
    )


def read_digits(data_dir: str | os.PathLike[str]) -> Mnist:
    """Read the four original IDX files, plain or gzipped, and halve their images.

    Args:
        data_dir: the folder that holds them, itself or in `MNIST/raw`, where torchvision puts
            them.

    Returns:
        The digits in the files' order, as many as the files hold.

    Raises:
        DataError: a file is missing or is not what it should be, images are not 28x28, labels
            are not 0..9, or there are not as many labels as images.
    """
    return Mnist(_read_set(data_dir, *TRAIN_FILES), _read_set(data_dir, *TEST_FILES))


def find_idx(data_dir: str | os.PathLike[str], name: str) -> str:
    """Return the path of the IDX file `name`, or `name`.gz, in a folder or its `MNIST/raw`.

    Raises:
        DataError: there is none.
    """
    folder = os.fspath(data_dir)
    for place in (folder, os.path.join(folder, "MNIST", "raw")):
        for path in (os.path.join(place, name), os.path.join(place, name + ".gz")):
            if os.path.isfile(path):
                return path
    came = "neither, there or in MNIST/raw" if os.path.isdir(folder) else "no such folder"
    raise DataError(f"{folder}: expected {name} or {name}.gz, got {came}")


def halve(images: Tensor) -> Tensor:
    """Average each 2x2 square of pixels, rounding halves up: (sum of the four + 2) // 4.

    Args:
        images: (..., 2H, 2W) uint8.

    Returns:
        (..., H, W) uint8, a new tensor.

    Raises:
        DataError: the type is another one, or a side is odd.

    >>> halve(torch.tensor([[0, 1, 8, 8], [0, 1, 8, 9]], dtype=torch.uint8)).tolist()
    [[1, 8]]
    """
    shape = tuple(images.shape)
    if images.dtype != torch.uint8 or len(shape) < 2 or shape[-2] % 2 or shape[-1] % 2:
        raise DataError(
            f"images: expected uint8 with two even sides, got {images.dtype} of shape {shape}"
        )
    total = torch.full((*shape[:-2], shape[-2] // 2, shape[-1] // 2), 2, dtype=torch.int16)
    for row in (0, 1):
        for column in (0, 1):
            total += images[..., row::2, column::2]
    return (total // 4).to(torch.uint8)


def _read_set(data_dir: str | os.PathLike[str], images_name: str, labels_name: str) -> Digits:
    images_path, labels_path = find_idx(data_dir, images_name), find_idx(data_dir, labels_name)
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if images.shape[1:] != (ORIGINAL_SIDE, ORIGINAL_SIDE):
        height, width = images.shape[1:]
        raise DataError(f"{images_path}: expected images of 28x28, got {height}x{width}")
    if len(labels) != len(images):
        raise DataError(
            f"{labels_path}: expected {len(images)} labels, one for each image of {images_path}, "
            f"got {len(labels)}"
        )
    highest = int(labels.max())
    if highest > 9:
        raise DataError(f"{labels_path}: expected labels from 0 to 9, got {highest}")
    return Digits(halve(images), labels.long())
