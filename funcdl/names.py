"""The paths of a network's parameters, by the names that `named` gave to its parts."""

from __future__ import annotations

import re

from funcdl import tree
from funcdl.combinators.named import Naming
from funcdl.contract import Layer, LayerLike, Params
from funcdl.errors import TreeError
from funcdl.function import as_layer
from funcdl.signature.pattern import Each

__all__ = ["named_paths"]


def named_paths(net: LayerLike, params: Params) -> list[str]:
    """List the path of each parameter as `tree.paths` does, with names where parts have them.

    A name stands in the place of the part's number.

    Args:
        net: the network.
        params: its parameters.

    Raises:
        TreeError: these are not the parameters of such a network.

    >>> import torch
    >>> from funcdl import linear, named, relu, serial
    >>> net = serial(named("encoder", serial(linear(3), relu)), named("head", linear(2)))
    >>> params, _ = net.init(torch.Generator().manual_seed(0), (4,))
    >>> tree.paths(params)
    ['[0][0].w', '[0][0].b', '[1].w', '[1].b']
    >>> named_paths(net, params)
    ['encoder[0].w', 'encoder[0].b', 'head.w', 'head.b']
    """
    return _paths(as_layer(net), params, "")


def _paths(layer: Layer, params: Params, path: str) -> list[str]:
    if isinstance(layer.apply, Naming):
        above = re.sub(r"\[\d+\]$", "", path)
        return _paths(layer.layers[0], params, f"{above}.{layer.name}".lstrip("."))
    if not layer.layers:
        return [path + below for below in tree.paths(params)]
    if layer.signature is None or not isinstance(layer.signature.params, Each):
        return _paths(layer.layers[0], params, path)
    parts = layer.layers * len(params) if layer.name == "repeat" else layer.layers
    if len(parts) != len(params):
        raise TreeError(
            f"named_paths: expected {len(parts)} entries for the parts of {layer.name}, "
            f"got {len(params)}"
        )
    return [
        found
        for i, (part, entry) in enumerate(zip(parts, params))
        for found in _paths(part, entry, f"{path}[{i}]")
    ]
