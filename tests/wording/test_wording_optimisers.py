"""What optimisers, transforms and schedules say of arguments that are out of range."""

import pytest
from helpers import said

import funcdl as f


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: f.adagrad(-1), f.InputError, "adagrad: expected lr to be at least 0, got -1"),
        (lambda: f.adam("fast"), f.KindError, "adam: expected lr to be a number, got 'fast'"),
        (lambda: f.adam(0.1, betas=(0.9, 1.5)), f.InputError, "adam: expected each of betas to be at least 0 and below 1, got 1.5"),
        (lambda: f.adamw(weight_decay=-1), f.InputError, "adam: expected weight_decay to be at least 0, got -1"),
        (lambda: f.averaged(f.sgd(0.1), 1), f.InputError, "averaged: expected rate to be at least 0 and below 1, got 1"),
        (lambda: f.averaged(f.clip(1), 0.9), f.KindError, "averaged: expected an optimiser, got Transform"),
        (lambda: f.clip(0), f.InputError, "clip: expected limit to be above 0, got 0"),
        (lambda: f.clip_by_global_norm(1, models=-1), f.InputError, "clip_by_global_norm: expected models to be at least 0, got -1"),
        (lambda: f.clip_by_norm("x"), f.KindError, "clip_by_norm: expected limit to be a number, got 'x'"),
        (lambda: f.schedules.constant(-1), f.InputError, "constant: expected rate to be at least 0, got -1"),
        (lambda: f.schedules.cosine(1, 2.0), f.KindError, "cosine: expected steps to be an integer, got 2.0"),
        (lambda: f.decay(-1), f.InputError, "decay: expected rate to be at least 0, got -1"),
        (lambda: f.decay(1, where=".w"), f.KindError, "decay: expected where to be a function of a path, got '.w'"),
        (lambda: f.schedules.exponential(1, 1, 0), f.InputError, "exponential: expected every to be at least 1, got 0"),
        (lambda: f.schedules.inverse_time(1, "x"), f.KindError, "inverse_time: expected rate to be a number, got 'x'"),
        (lambda: f.lion(betas=(0.9, 1)), f.InputError, "lion: expected each of betas to be at least 0 and below 1, got 1"),
        (lambda: f.momentum(1.0), f.InputError, "momentum: expected rate to be at least 0 and below 1, got 1.0"),
        (lambda: f.momentum(0.0, nesterov=True), f.InputError, "momentum: expected rate above 0 with nesterov, got 0"),
        (lambda: f.schedules.one_cycle(1, 10, rise=1), f.InputError, "one_cycle: expected rise to be at least 0 and below 1, got 1"),
        (lambda: f.optimiser(lr=-1), f.InputError, "optimiser: expected lr to be at least 0, got -1"),
        (lambda: f.schedules.piecewise(1, [3]), f.KindError, "piecewise: expected factors to be a dict, got list"),
        (lambda: f.schedules.piecewise(1, {1.5: 2}), f.KindError, "piecewise: expected each step to be an integer, got 1.5"),
        (lambda: f.schedules.polynomial(1, 0, 0), f.InputError, "polynomial: expected steps to be at least 1, got 0"),
        (lambda: f.radam(betas=0.9), f.KindError, "radam: expected betas to be two numbers, got 0.9"),
        (lambda: f.rmsprop(rate=1), f.InputError, "rmsprop: expected rate to be at least 0 and below 1, got 1"),
        (lambda: f.schedules.constant(1)("x"), f.KindError, "schedule: expected a number of steps, got 'x'"),
        (lambda: f.schedules.constant(1)(-1), f.InputError, "schedule: expected a number of steps of at least 0, got -1"),
        (lambda: f.sgd(-0.1), f.InputError, "sgd: expected lr to be at least 0, got -0.1"),
        (lambda: f.sgd(0.1, momentum=1.0), f.InputError, "sgd: expected momentum to be at least 0 and below 1, got 1.0"),
        (lambda: f.sgd(0.1, nesterov=True), f.InputError, "sgd: expected momentum above 0 with nesterov, got 0"),
        (lambda: f.schedules.warm_up(2, 1.0, 1), f.InputError, "warm_up: expected start to be at least 0 and below 1, got 1"),
    ],
)  # fmt: skip
def test_an_optimiser_says(make, error, text):
    said(make, error, text)
