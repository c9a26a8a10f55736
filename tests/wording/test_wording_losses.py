"""What losses say of what does not fit, and of arguments that are out of range."""

import pytest
import torch
from helpers import said, seeded

import funcdl as f


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: f.contrastive()((), ((torch.ones(2, 3), torch.ones(2, 3).double()), torch.ones(2))), f.KindError, "contrastive: expected b to be torch.float32 as a is, got torch.float64"),
        (lambda: f.contrastive(0), f.InputError, "contrastive: expected margin to be above 0, got 0"),
        (lambda: f.contrastive()((), ((torch.zeros(2, 3), torch.zeros(2, 4)), torch.zeros(2))), f.ShapeError, "contrastive: expected b (2, 3), got (2, 4)"),
        (lambda: f.contrastive()((), ((torch.zeros(2, 3), torch.zeros(2, 3)), torch.zeros(2, 3))), f.ShapeError, "contrastive: expected target (2,), got (2, 3)"),
        (lambda: f.contrastive()((), (torch.zeros(2, 3), torch.zeros(2))), f.KindError, "contrastive: expected x[0] to be a pair (a, b), got Tensor"),
        (lambda: f.contrastive()((), ((torch.zeros(2, 3), 3), torch.zeros(2))), f.KindError, "contrastive: expected b to be a tensor, got int"),
        (lambda: f.cosine_distance()((), (torch.zeros(2, 3), torch.zeros(2))), f.ShapeError, "cosine_distance: expected target (2, 3), got (2,)"),
        (lambda: f.cross_entropy().init(seeded(), ((4, 3), (3,))), f.ShapeError, "cross_entropy: expected target (4,), got (3,)"),
        (lambda: f.cross_entropy(label_smoothing=1), f.InputError, "cross_entropy: expected label_smoothing to be at least 0 and below 1, got 1"),
        (lambda: f.cross_entropy(weights=[1.0]), f.KindError, "cross_entropy: expected weights to be a tensor of shape (classes,)"),
        (lambda: f.cross_entropy(weights=torch.ones(2))((), (torch.zeros(2, 3), torch.tensor([0, 1]))), f.ShapeError, "cross_entropy: expected 3 weights, got (2,)"),
        (lambda: f.cross_entropy(soft=True)((), (torch.zeros(2, 3), torch.zeros(2))), f.ShapeError, "cross_entropy: expected target (2, 3), got (2,)"),
        (lambda: f.cross_entropy(label_smoothing=0.1)((), (torch.zeros(2, 3), torch.tensor([0, 3]))), f.InputError, "cross_entropy: expected target from 0 to 2, got one of 0 to 3"),
        (lambda: f.cross_entropy(weights=torch.ones(3))((), (torch.zeros(2, 3), torch.tensor([0, 3]))), f.InputError, "cross_entropy: expected target from 0 to 2, got one of 0 to 3"),
        (lambda: f.cross_entropy(label_smoothing=0.1)((), (torch.zeros(2, 3, device="meta"), torch.tensor([0, 1]))), f.KindError, "cross_entropy: expected all on one device, got cpu and meta"),
        (lambda: f.cross_entropy()((), (torch.zeros(2, 3), torch.tensor([0, 3]))), f.InputError, "cross_entropy: expected target from 0 to 2, got one of 0 to 3"),
        (lambda: f.cross_entropy()((), (torch.zeros(2, 3), torch.zeros(2))), f.KindError, "cross_entropy: expected target to be int64, got torch.float32"),
        (lambda: f.cross_entropy()((), (torch.zeros(2, 3), torch.zeros(2, dtype=torch.complex64))), f.KindError, "cross_entropy: expected target to be int64, got torch.complex64"),
        (lambda: f.hinge()((), (3, torch.zeros(2))), f.KindError, "hinge: expected output to be a tensor, got int"),
        (lambda: f.huber(0), f.InputError, "huber: expected delta to be above 0, got 0"),
        (lambda: f.l1()((), (torch.zeros(2, 1), torch.zeros(2))), f.ShapeError, "l1: expected target (2, 1), got (2,)"),
        (lambda: f.l1()((), (torch.zeros(0, 2), torch.zeros(0, 2))), f.InputError, "l1: expected at least one example, got (0, 2)"),
        (lambda: f.mse().init(seeded(), ((4, 1), (4,))), f.ShapeError, "mse: expected target (4, 1), got (4,)"),
        (lambda: f.mse()((), (torch.ones(2, 3), torch.ones(2, 3, device="meta"))), f.KindError, "mse: expected all on one device, got cpu and meta"),
        (lambda: f.mse(reduction="total"), f.InputError, 'mse: expected reduction "mean", "sum" or "none", got \'total\''),
        (lambda: f.mse()((), (torch.zeros(0, 2), torch.zeros(0, 2))), f.InputError, "mse: expected at least one example, got (0, 2)"),
        (lambda: f.mse(models=2)((), (torch.zeros(3), torch.zeros(3))), f.ShapeError, "mse: expected output (models, models, …), got (3,)"),
        (lambda: f.mse()((), (torch.zeros(2).long(), torch.zeros(2))), f.KindError, "mse: expected output to be floats, got torch.int64: are output and target swapped?"),
        (lambda: f.mse()((), ((torch.zeros(2), torch.zeros(2)), torch.zeros(2))), f.KindError, "mse: expected output to be a tensor, got a tuple of 2"),
        (lambda: f.mse()((), (torch.zeros(2), torch.zeros(2) * 1j)), f.KindError, "mse: expected target to be real, got torch.complex64"),
        (lambda: f.mse()((), (torch.zeros(2, 1), torch.zeros(2))), f.ShapeError, "mse: expected target (2, 1), got (2,)"),
        (lambda: f.mse()((), (torch.zeros(3),) * 3), f.KindError, "mse: expected a pair (output, target), got a tuple of 3"),
        (lambda: f.mse().init(seeded(), (3, 3)), f.ShapeError, "mse: expected a pair (output, target) of shapes, got (3, 3)"),
        (lambda: f.nll()((), (torch.zeros(2, 3), torch.tensor([-1, 0]))), f.InputError, "nll: expected target from 0 to 2, got one of -1 to 0"),
        (lambda: f.nll()((), (torch.zeros(2, 3), torch.tensor([0, 1], device="meta"))), f.KindError, "nll: expected all on one device, got cpu and meta"),
        (lambda: f.nll()((), (torch.zeros(2, 3), torch.zeros(2))), f.KindError, "nll: expected target to be int64, got torch.float32"),
    ],
)  # fmt: skip
def test_a_loss_says(make, error, text):
    said(make, error, text)
