"""Generators by name: one for each purpose, round and model, all from one seed."""

from __future__ import annotations

import hashlib

from torch import Generator

__all__ = ["generator"]


def generator(seed: int, *labels: str | int) -> Generator:
    """Make a generator whose numbers depend on the seed and the labels, and on nothing else.

    Neighbouring seeds and rounds share no numbers, since a hash stands between.

    >>> generator(0, "pairs", 3).initial_seed() == generator(0, "pairs", 3).initial_seed()
    True
    >>> generator(0, "pairs", 3).initial_seed() == generator(1, "pairs", 2).initial_seed()
    False
    """
    text = "/".join(map(str, (seed, *labels)))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    # 63 bits, the range that a generator takes on every device.
    return Generator().manual_seed(int.from_bytes(digest, "big") >> 1)
