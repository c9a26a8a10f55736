"""Tensors in disguise, which change no number, and spoilt ones, which a call must refuse or bear."""

import torch
from hypothesis import strategies as st

import funcdl as f
from funcdl import tree

SPECIAL = [0.0, -0.0, float("nan"), float("inf"), -float("inf"), 1e300, -1e300, 5e-324]
FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
OTHERS = [torch.int64, torch.int32, torch.uint8, torch.bool, torch.complex64]


def strided(t):
    """Every second number of a longer run of memory."""
    return torch.stack([t, torch.full_like(t, 77)], -1)[..., 0]


def turned(t):
    """The axes of the memory in the opposite order."""
    axes = tuple(reversed(range(t.ndim)))
    return t.permute(axes).contiguous().permute(axes)


def inside(t):
    """A part of a larger tensor, which begins somewhere in its memory."""
    around = torch.full((t.numel() + 5,), 77, dtype=t.dtype)
    return around[3 : 3 + t.numel()].copy_(t.flatten()).view(t.shape)


def expanded(t):
    """One row for all: its numbers are others, and they share their memory."""
    return t[:1].expand(t.shape) if t.ndim and len(t) else t


def live(t):
    """A tensor that asks autograd for its gradient."""
    return t.clone().requires_grad_() if t.is_floating_point() else t


def parameter(t):
    """A subclass of torch's own."""
    return torch.nn.Parameter(t.clone(), requires_grad=False)


def from_inference(t):
    """A tensor that torch forbids to be written to elsewhere."""
    with torch.inference_mode():
        return t.clone()


DISGUISES = [strided, turned, inside, expanded, live, parameter, from_inference]


def special(t, value, place):
    """Put a number that is none, or hardly one, somewhere."""
    if not t.is_floating_point() or not t.numel():
        return t
    t = t.detach().clone(memory_format=torch.contiguous_format)
    t.view(-1)[place % t.numel()] = value
    return t


def clean(value):
    """The same numbers in tensors of their own, as plain as they come."""
    return tree.map(
        lambda t: t.detach().clone(memory_format=torch.contiguous_format).as_subclass(torch.Tensor),
        value,
    )


def nowhere(t, where):
    return t.to("meta")


def of_dtype(dtype):
    def convert(t, where):
        return t.to(dtype)

    return convert


def longer(t, where):
    """One more along an axis, twice the last."""
    axis = where % t.ndim if t.ndim else 0
    return torch.cat([t, t.narrow(axis, -1, 1)], axis) if t.numel() and t.ndim else t[None]


def shorter(t, where):
    return t.narrow(where % t.ndim, 1, t.shape[where % t.ndim] - 1) if t.numel() and t.ndim else t


def one_long(t, where):
    """Length 1 along an axis: torch would broadcast it."""
    return t.narrow(where % t.ndim, 0, 1) if t.numel() and t.ndim else t


def one_axis_more(t, where):
    return t.unsqueeze(where % (t.ndim + 1))


def one_axis_less(t, where):
    return t.select(where % t.ndim, 0) if t.numel() and t.ndim else t


def no_axes(t, where):
    return t.flatten()[0] if t.numel() else t


def swapped(t, where):
    return t.transpose(where % t.ndim, -1) if t.ndim else t


def nothing_in_it(t, where):
    return t.narrow(where % t.ndim, 0, 0) if t.ndim else t


def listed(t, where):
    return t.tolist()


def constant(value):
    def replace(t, where):
        return value

    return replace


SHAPES = [longer, shorter, one_long, one_axis_more, one_axis_less, no_axes, swapped, nothing_in_it]
KINDS = [nowhere, *map(of_dtype, FLOATS + OTHERS)]
STRANGERS = [listed, *map(constant, [None, 3, 2.5, "x", (), (1.0,), [], {}, len])]
SPOILS = SHAPES + KINDS + STRANGERS


def at(value, i, change):
    """Change the i-th tensor of a value, counted round and round."""
    leaves, structure = tree.to_leaves(value)
    if not leaves:
        return value
    leaves[i % len(leaves)] = change(leaves[i % len(leaves)])
    return tree.from_leaves(structure, leaves)


places = st.integers(0, 7)


def tensors(value):
    return [leaf for leaf in tree.leaves(value) if isinstance(leaf, torch.Tensor)]


def one_of_ours(function):
    """Call it; None where it raises one of our errors, in one sentence."""
    try:
        return function()
    except f.FuncdlError as error:
        text = str(error)
        assert text, "an error without a word"
        assert "\n" not in text, text
        return None
