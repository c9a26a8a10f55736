"""What tests of several rooms need."""

import gzip
import re
import struct
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
from torch import Tensor

import funcdl as f
from funcdl import tree
from pairs.data.digits import TEST_FILES, TRAIN_FILES


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def same(one, other):
    """Assert that two pytrees have the same paths, and the same numbers at them."""
    assert tree.paths(one) == tree.paths(other)
    for p, q in zip(tree.leaves(one), tree.leaves(other)):
        assert p is q is None or torch.equal(p, q)


def close(one, other):
    """Assert that two pytrees of float64 have the same numbers but for rounding."""
    one, other = tree.leaves(one), tree.leaves(other)
    assert len(one) == len(other)
    for p, q in zip(one, other):
        assert p is q is None or torch.testing.assert_close(p, q, rtol=1e-10, atol=1e-11) is None


def refuses(error, beginning):
    """Expect an error whose sentence begins so, in a `with`."""
    return pytest.raises(error, match="^" + re.escape(beginning))


def said(make, error, text):
    """Assert that a call is refused by an error of this very class, in this sentence."""
    with pytest.raises(f.FuncdlError) as caught:
        make()
    assert (type(caught.value), str(caught.value)) == (error, text)


def raw(values: Tensor) -> bytes:
    return bytes(values.flatten().tolist())


def idx(values: Tensor) -> bytes:
    header = struct.pack(f">{1 + values.ndim}I", 0x800 + values.ndim, *values.shape)
    return header + raw(values)


def random_images(count: int, side: int, seed: int) -> Tensor:
    return torch.randint(256, (count, side, side), dtype=torch.uint8, generator=seeded(seed))


def random_labels(count: int, seed: int) -> Tensor:
    return torch.randint(10, (count,), dtype=torch.uint8, generator=seeded(seed))


def write_originals(folder: Path, train: int = 7, test: int = 5, zipped: bool = False) -> None:
    """Write four small files in MNIST's format and under its names."""
    folder.mkdir(parents=True, exist_ok=True)
    for (images, labels), count in ((TRAIN_FILES, train), (TEST_FILES, test)):
        for name, values in (
            (images, random_images(count, 28, count)),
            (labels, random_labels(count, count)),
        ):
            if zipped:
                (folder / (name + ".gz")).write_bytes(gzip.compress(idx(values)))
            else:
                (folder / name).write_bytes(idx(values))


HOSTILE = "\"><script>alert(1)</script><img src=x onerror=y>&amp;'"
VOID = {"meta", "img", "input", "circle", "line", "path", "rect"}


class Page(HTMLParser):
    """A page as a tree of what is open, with its texts by element and everything that it names."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts, self.rows = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag, attrs):
        assert tag in VOID
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))
        if {"td", "th"} & {*self.open}:
            self.rows[-1][-1] += data

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    def text(self, tag):
        return [data for name, data in self.texts if name == tag]


def rounds_are(number):
    """What the command line says of so many rounds."""
    return "1 round is" if number == 1 else f"{number} rounds are"
