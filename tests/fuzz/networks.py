"""Networks drawn at random from all layers and combinators, of numbers, images and sequences."""

from hypothesis import strategies as st
from users import RECORDED, UNSEEN

import funcdl as f

ACTIVATIONS = [
    *(f.relu, f.tanh, f.sigmoid, f.softmax, f.log_softmax, f.hard_sigmoid, f.hard_tanh, f.selu),
    *(f.silu, f.mish, f.softplus(), f.gelu(), f.gelu("tanh"), f.elu(0.5), f.leaky_relu(0.1)),
]
VECTORS = [
    *(f.identity, f.bias(), f.scale(), f.prelu(), f.layer_norm(), f.rms_norm(), f.group_norm(1, 1)),
    *(f.batch_norm(), f.dropout(0.3), f.freeze(f.bias()), f.named("named", f.scale())),
]
IMAGES = [
    *(f.conv2d(2, 3, padding=1), f.conv2d(3, 2), f.conv2d(4, 3, stride=2, padding=1)),
    *(f.max_pool2d(2), f.avg_pool2d(2), f.batch_norm(), f.group_norm(1), f.relu, f.bias()),
    *(f.conv_transpose2d(2, 2), f.dropout(0.3, 2), f.layer_norm(3)),
]
SEQUENCES = [
    *(f.attention(1), f.attention(1, causal=True), f.gru(3), f.layer_norm(), f.linear(4), f.tanh),
    f.scan(f.gru_cell(3), 3),
    f.scan(f.serial(f.join(), f.linear(2), f.tanh), 2),
]


@st.composite
def vectors(draw, depth=2):
    """A network from (…, features) to the same kind of shape."""
    kinds = ["dense", "activation", "layer", "recorded", "unseen"]
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
    if kind in ("activation", "layer", "recorded", "unseen"):
        table = {"activation": ACTIVATIONS, "layer": VECTORS, "recorded": RECORDED}
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
