"""What PyTorch's classes of modules are here: their tensors, their fields and the order of axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from funcdl.errors import KindError

__all__ = ["RULES", "SEPARATE", "Kind", "Rule", "is_torch", "kind_of", "rules_of"]


class Rule(NamedTuple):
    """One tensor of a module.

    Attributes:
        attribute: its name there.
        field: its name here.
        axes: the order of its axes here.
        fed: whether the first of these counts the features that come in, in their order.
        unit: of several recurrent units in one module, which it is of; empty for a single one.
    """

    attribute: str
    field: str
    axes: tuple[int, ...] = (0,)
    fed: bool = False
    unit: str = ""

    @property
    def path(self) -> str:
        """Return where it is among the parameters of the module."""
        return f"{self.unit}.{self.field}" if self.unit else self.field


class Kind(NamedTuple):
    """A class of modules.

    Attributes:
        owner: the class of its parameters here.
        rules: its tensors, in the order of that class.
        inputs: the attribute that counts the features that come in, last axis or channels.
        fixed: what an attribute has to be, since there is no other here.
    """

    owner: str
    rules: tuple[Rule, ...]
    inputs: str = ""
    fixed: Mapping[str, Any] = {}


BIAS = Rule("bias", "b")
SEQUENCES, IMAGES = Rule("weight", "w", (2, 1, 0)), Rule("weight", "w", (2, 3, 1, 0))
SCALES = (Rule("weight", "scale", fed=True), Rule("bias", "bias", fed=True))
BATCH_NORM = Kind(
    "BatchNorm",
    (*SCALES, Rule("running_mean", "mean", fed=True), Rule("running_var", "var", fed=True)),
    "num_features",
)


def _unit(suffix: str, fed: bool = True, unit: str = "") -> tuple[Rule, ...]:
    return (
        Rule(f"weight_ih{suffix}", "x.w", (1, 0), fed, unit),
        Rule(f"bias_ih{suffix}", "x.b", unit=unit),
        Rule(f"weight_hh{suffix}", "h.w", (1, 0), unit=unit),
        Rule(f"bias_hh{suffix}", "h.b", unit=unit),
    )


CELL = Kind("Recurrent", _unit(""), "input_size")
SEQUENCE = Kind("Recurrent", _unit("_l0"), "input_size")


RULES: dict[str, Kind] = {
    "Linear": Kind("Affine", (Rule("weight", "w", (1, 0), fed=True), BIAS), "in_features"),
    "Conv1d": Kind("Affine", (SEQUENCES, BIAS)),
    "Conv2d": Kind("Affine", (IMAGES, BIAS)),
    "ConvTranspose1d": Kind("Affine", (SEQUENCES, BIAS)),
    "ConvTranspose2d": Kind("Affine", (IMAGES, BIAS)),
    "Embedding": Kind("Lookup", (Rule("weight", "w", (0, 1)),), "", {"max_norm": None}),
    "GRUCell": CELL,
    "LSTMCell": CELL,
    "RNNCell": CELL,
    "GRU": SEQUENCE,
    "LSTM": SEQUENCE._replace(fixed={"proj_size": 0}),
    "RNN": SEQUENCE,
    "MultiheadAttention": Kind(
        "Attention",
        (
            Rule("in_proj_weight", "qkv.w", (1, 0)),
            Rule("in_proj_bias", "qkv.b"),
            Rule("out_proj.weight", "out.w", (1, 0)),
            Rule("out_proj.bias", "out.b"),
        ),
        "embed_dim",
        {"add_zero_attn": False},
    ),
    "PReLU": Kind("Slope", (Rule("weight", "a", fed=True),), "num_parameters"),
    "LayerNorm": Kind("Norm", SCALES),
    "GroupNorm": Kind("Norm", SCALES, "num_channels"),
    "InstanceNorm1d": Kind("Norm", SCALES, "num_features", {"track_running_stats": False}),
    "InstanceNorm2d": Kind("Norm", SCALES, "num_features", {"track_running_stats": False}),
    "RMSNorm": Kind("Gain", SCALES[:1]),
    "BatchNorm1d": BATCH_NORM,
    "BatchNorm2d": BATCH_NORM,
}


SEPARATE = (
    *(Rule(f"{part}_proj_weight", part, (1, 0)) for part in "qkv"),
    Rule("in_proj_bias", "b"),
    Rule("out_proj.weight", "out.w", (1, 0)),
    Rule("out_proj.bias", "out.b"),
)
"""Of a `MultiheadAttention` here whose keys or values have sizes of their own."""


def rules_of(kind: str, module: Any) -> tuple[Rule, ...]:
    """List the tensors of a module of a class in the table: a recurrent one may have several units.

    >>> from types import SimpleNamespace
    >>> deep = SimpleNamespace(num_layers=2, bidirectional=False)
    >>> [rule.attribute for rule in rules_of("GRU", deep)][4:6], rules_of("GRU", deep)[4].path
    (['weight_ih_l1', 'bias_ih_l1'], '1.x.w')
    """
    if getattr(module, "separate", False):
        return SEPARATE
    layers = getattr(module, "num_layers", 1)
    ends = ("", "_reverse") if getattr(module, "bidirectional", False) else ("",)
    if RULES[kind].owner != "Recurrent" or layers * len(ends) == 1:
        return RULES[kind].rules
    suffixes = [(layer, f"_l{layer}{end}") for layer in range(layers) for end in ends]
    units = [_unit(suffix, layer == 0, str(i)) for i, (layer, suffix) in enumerate(suffixes)]
    return tuple(rule for unit in units for rule in unit)


def is_torch(kind: type) -> bool:
    """Tell whether a class is one of PyTorch's own modules."""
    return kind.__module__.startswith("torch.nn.modules.")


def kind_of(where: str, path: str, module: Any) -> str:
    """Name the class in the table that a module is of, "" for none.

    Raises:
        KindError: the module is of such a class, but computes something else.
    """
    for base in type(module).__mro__:
        if not is_torch(base) or base.__name__ not in RULES:
            continue
        label = f"{path.removesuffix('.') or 'the module'}, a {type(module).__name__},"
        if type(module).forward is not getattr(base, "forward", None):
            raise KindError(f"{where}: expected {label} to have the forward of {base.__name__}")
        for attribute, value in RULES[base.__name__].fixed.items():
            got = getattr(module, attribute, value)
            if got != value:
                raise KindError(
                    f"{where}: expected {label} to have {attribute}={value!r}, which alone there "
                    f"is here, got {got!r}"
                )
        return base.__name__
    return ""
