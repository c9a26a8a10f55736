"""What flows between PyTorch's modules: where its channels stand, as far as the modules tell."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

from funcdl.interop.rules import is_torch

__all__ = ["Flow", "after", "beginning", "gap", "is_chain", "through"]

# What keeps the layout of what goes through it, by the names of PyTorch's classes.
KEEP = {
    *("Identity", "Dropout", "Dropout1d", "Dropout2d", "AlphaDropout", "FeatureAlphaDropout"),
    *("ReLU", "ReLU6", "LeakyReLU", "RReLU", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish"),
    *("Tanh", "Sigmoid", "Softplus", "Softsign", "Hardtanh", "Hardsigmoid", "Hardswish"),
    *("LogSigmoid", "Threshold", "Softshrink", "Hardshrink", "Tanhshrink", "Softmax", "LogSoftmax"),
    *("Softmin", "Softmax2d", "LocalResponseNorm", "InstanceNorm1d", "InstanceNorm2d"),
}
CONVOLUTIONS = {"Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"}
NORMS = {"PReLU", "LayerNorm", "RMSNorm", "GroupNorm"}
# What gives an image, or a sequence of channels, other cells.
POOLS = ("MaxPool", "AvgPool", "LPPool", "FractionalMaxPool", "AdaptiveMaxPool", "AdaptiveAvgPool")
PADS = ("ZeroPad", "ConstantPad", "ReflectionPad", "ReplicationPad", "CircularPad", "Upsampl")


class Flow(NamedTuple):
    """What goes from one module into the next.

    Attributes:
        layout: "image" where the channels stand before the cells, "flat" where both are merged,
            "plain" where the features come last; "features" where they do and it is not known
            what stands before them; else "unknown".
        channels: of an image, flat or not; 0 where they are not known.
        axes: of an image's cells.
        single: whether an image has one cell, so that its order is no matter.
        features: the length of the last axis, if it is known; else 0.
        open: the channels of the images that may have gone elsewhere.
    """

    layout: str = "unknown"
    channels: int = 0
    axes: int = 0
    single: bool = False
    features: int = 0
    open: frozenset[int] = frozenset()

    def lost(self) -> Flow:
        """Go where nobody sees: what comes out may be the image that went in."""
        images = {self.channels} if self.layout in ("image", "flat") and not self.single else set()
        return Flow(open=self.open | (images - {1}))


def is_chain(module: Any) -> bool:
    """Tell whether a module is a Sequential that does what a Sequential does."""
    return any(
        base.__name__ == "Sequential"
        and is_torch(base)
        and type(module).forward is getattr(base, "forward", None)
        for base in type(module).__mro__
    )


def after(kind: str, module: Any, flow: Flow) -> Flow:
    """Tell what comes out of a part."""
    if kind.startswith("Conv"):
        return Flow("image", module.out_channels, int(kind[-2]), open=flow.open)
    if kind == "Linear":
        if flow.layout == "image":
            return flow._replace(single=False)
        known = "plain" if flow.layout in ("flat", "plain") or not flow.open else "features"
        return Flow(known, features=module.out_features, open=flow.open)
    for made in ("hidden_size", "embedding_dim", "embed_dim"):
        if hasattr(module, made):
            return Flow("plain", features=getattr(module, made), open=flow.open)
    if kind == "BatchNorm2d" and flow.layout == "unknown":
        return Flow("image", module.num_features, 2, open=flow.open)
    return flow


def beginning(chain: Any, flow: Flow) -> Flow:
    """Look ahead for what a chain is fed, where that is not known."""
    if flow.layout != "unknown":
        return flow
    for module in chain.modules():
        name, inside = type(module).__name__, is_torch(type(module))
        if inside and name in CONVOLUTIONS:
            return Flow("image", module.in_channels, int(name[-2]), open=flow.open)
        if inside and name == "BatchNorm2d":
            return Flow("image", module.num_features, 2, open=flow.open)
        if not is_chain(module) and not (inside and (name in KEEP or name in NORMS)):
            break
    return flow


def _flattened(module: Any, flow: Flow) -> Flow:
    """Tell what comes out of a Flatten."""
    if flow.layout == "image":
        ndim = flow.axes + 2
        start, end = (n % ndim for n in (module.start_dim, module.end_dim))
        if (start, end) == (1, ndim - 1):
            return flow._replace(layout="flat", axes=0)
        if start > 1:
            return flow._replace(axes=flow.axes - (end - start), features=0)
        return flow.lost()
    if flow.layout == "unknown" or (flow.layout == "features" and flow.open):
        return Flow("flat", open=flow.open)
    return flow._replace(features=flow.features if flow.layout == "flat" else 0)


def gap(flow: Flow, child: Any) -> Flow:
    """Go from one module of a list to the next: anything may stand between them."""
    if flow.layout == "flat":
        return flow
    counts = (getattr(child, name, None) for name in ("in_features", "input_size", "embed_dim"))
    fits = flow.features and flow.features in counts
    return flow if fits else flow.lost()


def through(module: Any, flow: Flow) -> Flow:
    """Tell what comes out of a module without tensors of its own."""
    name = type(module).__name__
    if not is_torch(type(module)):
        return flow.lost()
    if name in KEEP:
        return flow
    if name.startswith(PADS):
        return flow._replace(single=False)
    if name.startswith(POOLS) and not getattr(module, "return_indices", False):
        if flow.layout == "unknown":
            flow = Flow("image", 0, int(name[-2]), open=flow.open)
        if flow.layout != "image":
            return flow._replace(features=0)
        size = getattr(module, "output_size", None)
        if name.startswith("Adaptive"):
            cells = size if isinstance(size, int) else prod(n or 0 for n in size or (0,))
            return flow._replace(single=cells == 1)
        return flow
    return _flattened(module, flow) if name == "Flatten" else flow.lost()
