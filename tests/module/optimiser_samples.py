"""PyTorch's own samples of optimisers, written to a file: its database changes globals when loaded.

python tests/module/optimiser_samples.py FILE
"""

import sys
import types
import unittest

import torch

CLASSES = (
    "SGD",
    "Adam",
    "AdamW",
    "Adamax",
    "NAdam",
    "RAdam",
    "RMSprop",
    "Adagrad",
    "Adadelta",
    "Muon",
)


def main(path):
    # Of this package PyTorch's tests take the class alone; it may not be here.
    stub = types.ModuleType("expecttest")
    stub.TestCase, stub.assert_expected_inline = unittest.TestCase, None
    sys.modules.setdefault("expecttest", stub)
    from torch.testing._internal.common_optimizers import optim_db

    found = [
        (info.optim_cls.__name__, sample.desc, sample.kwargs)
        for info in optim_db
        if info.optim_cls.__name__ in CLASSES
        for sample in info.optim_inputs_func(device="cpu")
    ]
    torch.save(found, path)


if __name__ == "__main__":
    main(sys.argv[1])
