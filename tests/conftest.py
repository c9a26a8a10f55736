import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _autograd_off():
    """The library's promise is to work without autograd; the oracle switches it on for itself."""
    with torch.no_grad():
        yield


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)
