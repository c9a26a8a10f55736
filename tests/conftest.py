import os

import pytest
import torch

torch.set_num_threads(1)
# Several workers are told of a terminal, and one is not; what depends on a width says which.
for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)


@pytest.fixture(autouse=True)
def _autograd_off():
    """The library's promise is to work without autograd; the oracle switches it on for itself."""
    with torch.no_grad():
        yield


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)
