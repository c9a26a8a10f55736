"""Layers on channels-last images and sequences."""

import torch
from torch.nn import functional as nnf

import funcdl as f
from cases.case import Case


def first(t):
    """Channels first."""
    return t.movedim(-1, -3)


def last(t):
    return t.movedim(-3, -1)


def conv(**settings):
    def oracle(p, x):
        b = p.b if isinstance(p.b, torch.Tensor) else None
        return last(nnf.conv2d(first(x), p.w.permute(3, 2, 0, 1), b, **settings))

    return oracle


def conv_transpose(**settings):
    def oracle(p, x):
        b = p.b if isinstance(p.b, torch.Tensor) else None
        return last(nnf.conv_transpose2d(first(x), p.w.permute(3, 2, 0, 1), b, **settings))

    return oracle


def conv_of_sequences(**settings):
    return lambda p, x: nnf.conv1d(x.mT, p.w.permute(2, 1, 0), p.b, **settings).mT


def pool(torchs, *args, **settings):
    return lambda p, x: last(torchs(first(x), *args, **settings))


CASES = [
    Case(f.conv2d(3, 3), (2, 6, 5, 2), oracle=conv()),
    Case(f.conv2d(3, (2, 3), b_init=None), (2, 6, 5, 2), oracle=conv()),
    Case(f.conv2d(2, 3, stride=2, padding=1), (2, 7, 6, 3), oracle=conv(stride=2, padding=1)),
    Case(
        f.conv2d(2, (3, 2), stride=(1, 2), padding=(2, 1), dilation=(2, 1)),
        (2, 6, 5, 3),
        oracle=conv(stride=(1, 2), padding=(2, 1), dilation=(2, 1)),
    ),
    Case(f.conv2d(2, 3, dilation=2), (2, 7, 6, 4), oracle=conv(dilation=2)),
    Case(f.conv2d(4, 3, groups=2), (2, 5, 5, 6), oracle=conv(groups=2)),
    Case(f.conv2d(3, 2, groups=3), (2, 4, 4, 6), oracle=conv(groups=3), id="conv2d, two a group"),
    Case(
        f.conv2d(6, 3, groups=3, padding=1, b_init=None),
        (2, 5, 4, 3),
        oracle=conv(groups=3, padding=1),
    ),
    Case(f.conv2d(4, 2, groups=2, stride=2), (2, 2, 6, 6, 4), id="conv2d in groups, two axes"),
    Case(
        f.conv2d(3, (3, 2), groups=3, stride=(1, 2), padding=1, dilation=(1, 2)),
        (2, 5, 6, 3),
        oracle=conv(groups=3, stride=(1, 2), padding=1, dilation=(1, 2)),
    ),
    Case(f.conv2d(2, 3, groups=2, b_init=None), (2, 2, 4, 4, 2), id="depthwise on two axes"),
    Case(
        f.conv2d(2, (2, 3), stride=(1, 2)),
        (2, 4, 5, 17),
        oracle=conv(stride=(1, 2)),
        id="conv2d of many channels",
    ),
    Case(f.conv2d(4, 1), (2, 3, 3, 2), oracle=conv()),
    Case(f.conv2d(2, 3, stride=2), (2, 2, 8, 6, 1)),
    Case(f.conv1d(3, 3), (2, 7, 4), oracle=conv_of_sequences()),
    Case(
        f.conv1d(4, 2, stride=2, padding=1, dilation=2, groups=2),
        (2, 7, 4),
        oracle=conv_of_sequences(stride=2, padding=1, dilation=2, groups=2),
    ),
    Case(f.conv1d(2, 3), (2, 2, 5, 1), id="conv1d on two leading axes"),
    Case(f.conv_transpose2d(3, 2), (2, 4, 3, 2), oracle=conv_transpose()),
    Case(
        f.conv_transpose2d(2, 3, stride=2, padding=1, output_padding=1),
        (2, 4, 3, 2),
        oracle=conv_transpose(stride=2, padding=1, output_padding=1),
    ),
    Case(
        f.conv_transpose2d(2, (2, 3), stride=(3, 1), b_init=None),
        (2, 4, 3, 5),
        oracle=conv_transpose(stride=(3, 1)),
    ),
    Case(
        f.conv_transpose2d(16, 3, stride=2),
        (2, 3, 2, 2),
        oracle=conv_transpose(stride=2),
        id="conv_transpose2d to many channels",
    ),
    Case(f.conv_transpose2d(2, 2), (2, 2, 3, 3, 1), id="conv_transpose2d on two leading axes"),
    Case(f.max_pool2d(2), (2, 6, 4, 3), oracle=pool(nnf.max_pool2d, 2)),
    Case(
        f.max_pool2d(2),
        (2, 5, 7, 3),
        id="max_pool2d(2) with a rest",
        oracle=pool(nnf.max_pool2d, 2),
    ),
    Case(f.max_pool2d(3, stride=2), (2, 7, 7, 2), oracle=pool(nnf.max_pool2d, 3, 2)),
    Case(f.max_pool2d((1, 2)), (2, 4, 4, 1), oracle=pool(nnf.max_pool2d, (1, 2))),
    Case(
        f.max_pool2d((2, 3), stride=(1, 2), padding=1),
        (2, 4, 5, 2),
        oracle=pool(nnf.max_pool2d, (2, 3), (1, 2), 1),
    ),
    Case(f.max_pool2d(1), (2, 3, 3, 1), oracle=pool(nnf.max_pool2d, 1)),
    Case(f.avg_pool2d(2), (2, 6, 5, 3), oracle=pool(nnf.avg_pool2d, 2)),
    Case(
        f.avg_pool2d((2, 3), stride=(1, 2), padding=1),
        (2, 4, 5, 2),
        oracle=pool(nnf.avg_pool2d, (2, 3), (1, 2), 1),
    ),
    Case(f.global_avg_pool2d, (2, 4, 5, 3), oracle=lambda p, x: x.mean((1, 2))),
    Case(
        f.global_max_pool2d,
        (2, 4, 5, 3),
        oracle=lambda p, x: nnf.adaptive_max_pool2d(first(x), 1).flatten(1),
    ),
]
