"""A picture's file as a tensor: the one place that decodes files of unknown origin."""

from __future__ import annotations

import math
import os
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pairs.drawn.ink import DrawnError

__all__ = ["PictureError", "read_picture"]

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM")
"""What is read. Pillow knows more, of which some start other programs."""

MOST = 50_000_000
"""Pixels that a picture may have, before any of it is decoded."""

SIDE = 1024
"""Pixels that a side may have before it is averaged down, far more than a digit needs."""


class PictureError(DrawnError):
    """A file that cannot be read as a picture; the message is one sentence."""


def read_picture(path: str | os.PathLike[str]) -> tuple[Tensor, list[str]]:
    """Read a picture.

    Args:
        path: a file of one of FORMATS. The first picture counts where there are several; it is
            turned as its camera says.

    Returns:
        image: (height, width, 2 or 4) uint8: grey or red, green and blue, and the opacity.
        steps: what was done that one does not see, a short sentence each.

    Raises:
        PictureError: the package Pillow is missing, or the file cannot be read, is of another
            kind, has over MOST pixels, or is damaged: one sentence, with the path.
    """
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError:
        raise PictureError("pictures need the package Pillow: pip install pillow") from None
    where = Path(path)
    steps: list[str] = []
    if not where.is_file():
        came = "another thing" if where.exists() else "no such file"
        raise PictureError(f"{where}: expected a picture, got {came}")
    try:
        with warnings.catch_warnings():
            # What Pillow warns of, it then does or fails at; a size too large is refused below.
            warnings.simplefilter("ignore")
            with Image.open(where, formats=FORMATS) as image:
                width, height = image.size
                if width * height > MOST:
                    raise Image.DecompressionBombError(f"{width}×{height}")
                if (count := getattr(image, "n_frames", 1)) > 1:
                    steps.append(f"took the first of {count} pictures")
                upright = ImageOps.exif_transpose(image)
                if upright.size != image.size:
                    steps.append("turned as the camera says")
                return _tensor(_smaller(_eight_bits(where, upright), steps)), steps
    except (PictureError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        size = str(error) if "×" in str(error) else "far more"
        raise PictureError(f"{where}: expected at most {MOST:,} pixels, got {size}") from None
    except UnidentifiedImageError:
        raise PictureError(
            f"{where}: expected a picture ({', '.join(FORMATS)}), got something else"
        ) from None
    except OSError as error:
        raise PictureError(
            f"{where}: expected a picture that can be read, got: {error.strerror or error}"
        ) from None
    except Exception as error:  # Pillow's decoders raise whatever a damaged file leads them to.
        raise PictureError(
            f"{where}: expected a complete picture, got a damaged one: {error}"
        ) from None


def _eight_bits(where: Path, image: Any) -> Any:
    """Make any of Pillow's modes grey or colour with opacity, 8 bits each."""
    if image.mode.startswith("I;16"):
        # Pillow would cut at 255, where 65,535 is white.
        return image.convert("I").point(lambda value: value / 257).convert("L").convert("LA")
    if image.mode in ("I", "F"):
        raise PictureError(f"{where}: expected 8 or 16 bits a colour, got 32")
    return image.convert("RGBA")


def _smaller(image: Any, steps: list[str]) -> Any:
    factor = math.ceil(max(image.size) / SIDE)
    if factor == 1:
        return image
    width, height = (min(factor, side) for side in image.size)
    steps.append(f"averaged {height}×{width} pixels into one")
    return image.reduce((width, height))


def _tensor(image: Any) -> Tensor:
    width, height = image.size
    return torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(height, width, -1)
