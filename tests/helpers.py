"""What tests of several rooms need."""

import re

import pytest
import torch

import funcdl as f
from funcdl import tree


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
