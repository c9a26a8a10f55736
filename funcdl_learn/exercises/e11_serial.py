"""Any number of layers, one behind the other.

The same for a list: the forward pass keeps every vjp, the backward pass goes through them from the
last one to the first. The parameters are a tuple, with an entry for each layer, () where it has none;
dparams has the same order. No layers at all are the identity.

Tutorial: "Parameters".
"""


def serial(*layers):
    """Return the layer of all layers in a row, whose params are a tuple with one entry for each."""

    def whole(params, x):
        # solution
        y, vjps = x, []
        for layer, own in zip(layers, params):
            y, vjp = layer(own, y)
            vjps.append(vjp)

        def backward(dy):
            dparams = []
            for vjp in reversed(vjps):
                down, dy = vjp(dy)
                dparams.append(down)
            return tuple(reversed(dparams)), dy

        return y, backward

    return whole


# ---------- the teacher's half ----------
from funcdl_learn.trial import made, trial
from funcdl_learn.values import draw

WRONG = {
    "the vjps in the order of the layers": ("in reversed(vjps)", "in vjps"),
    "dparams from the last to the first": ("tuple(reversed(dparams))", "tuple(dparams)"),
    "the vjps are used up": (
        "for vjp in reversed(vjps):",
        "while vjps:\n                vjp = vjps.pop()",
    ),
    "every layer gets x": ("layer(own, y)", "layer(own, x)"),
    "every layer gets all parameters": ("layer(own, y)", "layer(params, y)"),
    "every vjp gets the first dy": ("down, dy = vjp(dy)", "down, dx = vjp(dy)"),
    "the first vjp is left out": ("reversed(vjps)", "reversed(vjps[1:])"),
    "the last vjp for all": ("reversed(vjps)", "[vjp] * len(vjps)"),
    "dparams is flat": ("dparams.append(down)", "dparams.extend(down)"),
    "() is left out": ("dparams.append(down)", "dparams.extend([down] if down else [])"),
    "none is at fault": ("y, vjps = x, []", "y, vjps = 0 * x, []"),
    "right for three layers alone": (
        "return tuple(reversed(dparams)), dy",
        "return (dparams[2], dparams[1], dparams[0]), dy",
    ),
    "one vjp too many": ("vjps.append(vjp)", "vjps.extend([vjp] * (1 + (len(vjps) > 2)))"),
    "dy passes": ("return tuple(reversed(dparams)), dy", "return tuple(reversed(dparams)), x"),
    "a sum": ("y, vjp = layer(own, y)", "z, vjp = layer(own, y); y = z + 0 * x.sum() + (z if len(vjps) == 3 else 0)"),
    "the vjps are kept for the next call": ("y, vjps = x, []", "vjps = whole.__dict__.setdefault('v', []); y = x"),
}  # fmt: skip


def grade(given):
    matmul = made(lambda params, x: x @ params["w"], "matmul")
    square = made(lambda params, x: x * x, "square")
    shift = made(lambda params, x: x.sin() + params[0], "shift")
    trial(given.serial(), lambda p, x: x * 1, [((), draw(2, 3))], name="serial()")
    trial(given.serial(square), lambda p, x: x**2, [(((),), draw(3))], name="serial(square)")
    w, v, b = {"w": draw(3, 2, seed=1)}, {"w": draw(2, 2, seed=2)}, (draw(2, seed=3),)
    three, five = (matmul, square, shift), (matmul, square, shift, matmul, square)
    trial(
        given.serial(*three),
        lambda p, x: ((x @ p[0]["w"]) ** 2).sin() + p[2][0],
        [((w, (), b), draw(4, 3)), ((w, (), b), draw(3))],
        name="serial(matmul, square, shift)",
    )
    trial(
        given.serial(*five),
        lambda p, x: ((((x @ p[0]["w"]) ** 2).sin() + p[2][0]) @ p[3]["w"]) ** 2,
        [((w, (), b, v, ()), draw(4, 3))],
        name="serial(matmul, square, shift, matmul, square)",
    )
    trial(
        given.serial(given.serial(matmul, square), shift),
        lambda p, x: ((x @ p[0][0]["w"]) ** 2).sin() + p[1][0],
        [(((w, ()), b), draw(5, 3))],
        name="serial(serial(matmul, square), shift)",
    )
