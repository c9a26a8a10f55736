import os
import signal

import pytest
import torch
from hypothesis import settings

pytest.register_assert_rewrite("helpers")
torch.set_num_threads(1)
# No test is timed: the machine may be busy.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
# What a shell runs in the background ignores Ctrl-C, and so would the processes that tests interrupt.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
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
