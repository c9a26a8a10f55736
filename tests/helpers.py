"""What tests of several rooms need."""

import re

import pytest
import torch

import funcdl as f
from funcdl import tree


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def close(a, b, tolerance=1e-9):
    """Assert that two pytrees have as many tensors, and these the same numbers but for rounding."""
    a, b = tree.leaves(a), tree.leaves(b)
    assert len(a) == len(b)
    for p, q in zip(a, b):
        torch.testing.assert_close(p, q, rtol=tolerance, atol=tolerance)


def refuses(error, beginning):
    """Expect an error whose sentence begins so, in a `with`."""
    return pytest.raises(error, match="^" + re.escape(beginning))


def said(make, error, text):
    """Assert that a call is refused by an error of this very class, in this sentence."""
    with pytest.raises(f.FuncdlError) as caught:
        make()
    assert (type(caught.value), str(caught.value)) == (error, text)
