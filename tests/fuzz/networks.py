"""Networks drawn at random from all layers and combinators, of numbers, images and sequences."""

import torch
from hypothesis import strategies as st
from users import RECORDED, UNSEEN

import funcdl as f
from funcdl.cases import CASES


def keeps_axes(layer, shapes):
    """Tell whether a layer goes from each of the shapes to one with as many axes."""
    try:
        for shape in shapes:
            params, out = layer.init(torch.Generator(), shape)
            y, _ = layer(params, torch.zeros(2, *shape), torch.Generator())
            if not isinstance(y, torch.Tensor) or len(out) != len(shape) or y.shape != (2, *out):
                return False
    except f.FuncdlError:
        return False
    return True


def from_the_table(*shapes):
    """List the layers of the table of cases that may stand anywhere between such shapes."""
    layers = {repr(case.layer): case.layer for case in CASES if not case.target}
    return [layer for layer in layers.values() if keeps_axes(layer, shapes)]


VECTORS = [*from_the_table((1,), (2,), (3,), (5,)), f.group_norm(1, 1), f.freeze(f.bias())]
IMAGES = [*from_the_table((6, 6, 2)), f.conv2d(2, 3, padding=1), f.layer_norm(3), f.group_norm(1)]
SEQUENCES = [*from_the_table((4, 2), (4, 4)), f.attention(1), f.scan(f.gru_cell(3), 3)]


@st.composite
def vectors(draw, depth=2):
    """A network from (…, features) to the same kind of shape."""
    kinds = ["dense", "layer", "layer", "recorded", "unseen"]
    if depth:
        kinds += [
            "serial",
            "residual",
            "fan",
            "concat",
            "shared",
            "axis",
            "remat",
            "twice",
            "repeat",
        ]
    kind = draw(st.sampled_from(kinds))
    below = vectors(depth - 1) if depth else st.nothing()
    if kind == "dense":
        width, bias = draw(st.integers(1, 5)), draw(st.booleans())
        return f.linear(width) if bias else f.linear(width, b_init=None)
    if kind in ("layer", "recorded", "unseen"):
        table = {"layer": VECTORS, "recorded": RECORDED}
        return draw(st.sampled_from(table.get(kind, UNSEEN)))
    if kind == "serial":
        return f.serial(*draw(st.lists(below, max_size=4)))
    if kind == "residual":
        return f.residual(draw(st.sampled_from([f.bias(), f.tanh, f.batch_norm(), *RECORDED])))
    if kind == "fan":
        how = draw(st.sampled_from(["sum", "product"]))
        return f.serial(
            f.fan_out(*[f.serial(draw(below), f.linear(3)) for _ in range(2)]), f.fan_in(how)
        )
    if kind == "concat":
        return f.concat(*draw(st.lists(below, min_size=1, max_size=3)))
    if kind == "shared":
        part = draw(below)
        return f.serial(f.fan_out(f.tanh, f.identity), f.shared(part), f.fan_in())
    if kind == "axis":
        return f.serial(f.expand_dims(-2), f.shared(draw(below), axis=-2), f.select(-2, 0))
    if kind == "remat":
        return f.remat(draw(below))
    if kind == "repeat":
        return f.repeat(f.residual(draw(st.sampled_from([f.bias(), f.scale(), f.tanh]))), 2)
    return f.serial(f.bias(), f.residual(f.bias()), draw(below))


@st.composite
def images(draw):
    """A network from (…, 6, 6, 2) to numbers."""
    layers = draw(st.lists(st.sampled_from(IMAGES), min_size=1, max_size=3))
    end = draw(st.sampled_from([f.flatten(3), f.global_avg_pool2d, f.global_max_pool2d]))
    return f.serial(*layers, end, draw(vectors(0)))


@st.composite
def sequences(draw):
    """A network from (…, time, features) to numbers."""
    layers = draw(st.lists(st.sampled_from(SEQUENCES), min_size=1, max_size=2))
    return f.serial(*layers, f.select(-2, -1), draw(vectors(0)))
