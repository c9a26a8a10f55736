"""Layers that give numbers another place, of whatever kind they are."""

from funcdl import layers
from funcdl.cases.case import Case

CASES = [
    Case(layers.identity, (4, 5), module=("Identity",)),
    Case(layers.flatten(3), (2, 3, 4, 5), module=("Flatten", -3)),
    Case(layers.flatten(1), (2, 3)),
    Case(layers.reshape((2, -1)), (3, 4), module=("Reshape", (2, -1))),
    Case(layers.reshape((6,), 2), (4, 2, 3)),
    Case(layers.reshape((), 1), (4, 1)),
    Case(layers.transpose(), (4, 2, 3), module=("Transpose",)),
    Case(layers.transpose(-3, -1), (4, 2, 3, 5)),
    Case(layers.select(-2, -1), (4, 5, 3), module=("Select", -2, -1)),
    Case(layers.select(-1, 2), (4, 3)),
    Case(layers.expand_dims(-1), (2, 3), module=("ExpandDims", -1)),
    Case(layers.expand_dims(-2), (2, 3)),
    Case(layers.channels_last, (2, 3, 4, 5), module=("ChannelsLast",)),
    Case(layers.unstack_along(-2), (4, 2, 3), module=("UnstackAlong", -2)),
    Case(layers.stack_along(-2), ((4, 3), (4, 3)), module=("StackAlong", -2)),
    Case(layers.join(), ((4, 3), (4, 2)), module=("Join",)),
    Case(layers.take(1), ((4, 3), (4, 2))),
    Case(layers.take((2, (0, 0))), ((4, 3), (4, 2), (4,))),
    Case(layers.take(([1, 0], 0)), ((4, 3), ((4, 2), (4, 1)))),
    Case(layers.swap, ((4, 3), (4, 2)), of="swap"),
    Case(layers.drop(1), ((4, 3), (4, 2), (4,))),
    Case(layers.join(-2), ((4, 3, 2), (4, 1, 2), (4, 2, 2))),
]
