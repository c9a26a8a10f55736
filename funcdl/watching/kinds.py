"""What a call does, by its name: whether it writes, draws, makes or asks for numbers."""

from __future__ import annotations

from typing import Any

from funcdl.watching.nested import tensors

__all__ = [
    "CREATES",
    "METADATA",
    "REFUSED",
    "SHAPED_LIKE",
    "chooses_by_numbers",
    "draws",
    "writes_first",
]

WRITES_FIRST = {
    *("__setitem__", "__iadd__", "__isub__", "__imul__", "__itruediv__", "__ifloordiv__"),
    *("__imod__", "__ipow__", "__iand__", "__ior__", "__ixor__", "__ilshift__", "__irshift__"),
}

# What asks for no numbers, only for a shape or a dtype.
METADATA = {
    *("__get__", "__len__", "__hash__", "dim", "ndimension", "size", "stride", "numel", "nelement"),
    *("is_floating_point", "is_complex", "is_signed", "is_contiguous", "is_same_size"),
    *("element_size", "storage_offset", "get_device", "type"),
}

# What changes a tensor's own shape or its place in autograd: a replay could not repeat it.
REFUSED = {
    *("__set__", "requires_grad_", "detach_", "set_", "resize_", "resize_as_", "as_strided_"),
    *("t_", "transpose_", "swapaxes_", "swapdims_", "squeeze_", "unsqueeze_", "backward", "grad"),
}

# What gives as many numbers as other numbers say: a replay has room for those of one step alone.
SIZED_BY_NUMBERS = {
    *("nonzero", "argwhere", "masked_select", "unique", "unique_consecutive", "bincount"),
    *("repeat_interleave", "tensor_split"),
}

# The same where one of the sizes that they take is a tensor.
SIZED_BY_ARGUMENTS = {
    *("new_empty", "new_zeros", "new_ones", "new_full", "repeat", "tile", "pad", "one_hot", "roll"),
    *("split", "split_with_sizes", "chunk", "unfold", "unflatten"),
}

# Views of the first argument for whose place the others' shapes matter, not their numbers.
SHAPED_LIKE = {"expand_as", "view_as", "reshape_as", "type_as", "to", "broadcast_tensors"}

# What looks at the shape of its argument alone.
CREATES = {
    *("new_empty", "new_zeros", "new_ones", "new_full"),
    *("empty_like", "zeros_like", "ones_like", "full_like"),
}

# What draws from torch's own generator or from one that was handed in.
RANDOM = {
    *("bernoulli", "bernoulli_", "multinomial", "normal_", "uniform_", "random_", "exponential_"),
    *("cauchy_", "log_normal_", "geometric_", "rand_like", "randn_like", "randint_like"),
    *("dropout", "dropout_", "poisson", "rrelu", "rrelu_"),
}


def writes_first(name: str) -> bool:
    """Tell by its name whether a method writes into its first argument.

    >>> writes_first("add_"), writes_first("__iadd__"), writes_first("__add__")
    (True, True, False)
    """
    return name in WRITES_FIRST or (name.endswith("_") and not name.startswith("__"))


def draws(name: str, kwargs: dict[str, Any]) -> bool:
    """Tell whether a call draws numbers: by its name, or since it is handed a generator."""
    return name in RANDOM or any(hasattr(a, "initial_seed") for a in kwargs.values())


def chooses_by_numbers(name: str, args: Any, kwargs: dict[str, Any]) -> bool:
    """Tell whether a call gives as many numbers as others say: a mask, a size, the largest class.

    >>> import torch
    >>> x = torch.ones(3)
    >>> chooses_by_numbers("__getitem__", (x, x > 0), {}), chooses_by_numbers("nonzero", (x,), {})
    (True, True)
    """
    if name in SIZED_BY_NUMBERS:
        return True
    if name == "__getitem__":
        return any(str(t.dtype) in ("torch.bool", "torch.uint8") for t in tensors(args[1:]))
    sizes = (args[1:2] if name == "new_full" else args[1:], kwargs.get("size"))
    if name in SIZED_BY_ARGUMENTS and tensors(sizes):
        return True
    if name == "one_hot":
        classes = kwargs.get("num_classes", args[1] if len(args) > 1 else -1)
        return bool(classes == -1)
    return name == "where" and len(args) + len(kwargs) == 1
