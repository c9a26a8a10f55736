"""Shared weights: one layer, two inputs.

To share weights is to copy them: the same parameters go to two applications of one layer, one for
each input. Copied forward, summed backward: each application has a cotangent of the parameters, and
that of the parameters is their sum.

    y₁ = f(p, x₁), y₂ = f(p, x₂)        dp = dp₁ + dp₂

Parameters may be nested tuples or dicts. `tree.add(a, b)` adds two of the same structure.

Tutorial: "Sharing is copying".
"""

from funcdl import tree


def shared(f):
    """Return the layer from (x1, x2) to (f(x1), f(x2)), whose params are those of f."""

    def twice(params, x):
        # solution
        y1, vjp1 = f(params, x[0])
        y2, vjp2 = f(params, x[1])

        def vjp(dy):
            dp1, dx1 = vjp1(dy[0])
            dp2, dx2 = vjp2(dy[1])
            return tree.add(dp1, dp2), (dx1, dx2)

        return (y1, y2), vjp

    return twice


# ---------- the teacher's half ----------
import torch

from funcdl_learn.trial import made, trial
from funcdl_learn.values import draw

WRONG = {
    "the first cotangent alone": ("tree.add(dp1, dp2)", "dp1"),
    "the second cotangent alone": ("tree.add(dp1, dp2)", "dp2"),
    "both cotangents beside each other": ("tree.add(dp1, dp2)", "(dp1, dp2)"),
    "a mean": ("tree.add(dp1, dp2)", "tree.multiply(0.5, tree.add(dp1, dp2))"),
    "the first twice": ("tree.add(dp1, dp2)", "tree.add(dp1, dp1)"),
    "the inputs' cotangents are swapped": ("(dx1, dx2)", "(dx2, dx1)"),
    "the inputs' cotangents are summed": ("(dx1, dx2)", "dx1 + dx2"),
    "the outputs' cotangents are swapped": (
        "dp1, dx1 = vjp1(dy[0])\n            dp2, dx2 = vjp2(dy[1])",
        "dp1, dx1 = vjp1(dy[1])\n            dp2, dx2 = vjp2(dy[0])",
    ),
    "x1 goes twice": ("f(params, x[1])", "f(params, x[0])"),
    "one vjp for both": ("vjp2(dy[1])", "vjp1(dy[1])"),
    "parameters for each": ("f(params, x[1])", "f(params[1], x[1])"),
    "plain tuples of tensors alone": (
        "tree.add(dp1, dp2)",
        "tuple(a + b for a, b in zip(dp1, dp2))",
    ),
    "the outputs are summed": ("return (y1, y2), vjp", "return y1 + y2, vjp"),
    "added in place": ("tree.add(dp1, dp2)", "tree.map(lambda p, a, b: p.copy_(a + b), params, dp1, dp2)"),
    "a difference": ("tree.add(dp1, dp2)", "tree.add(dp1, tree.multiply(-1, dp2))"),
}  # fmt: skip


def grade(given):
    scale = made(lambda params, x: params[0] * x, "scale")
    affine = made(lambda params, x: x @ params["w"][0] + params["b"], "affine")
    square = made(lambda params, x: x * x, "square")
    one = [torch.tensor([number]).double() for number in (2.0, 3.0, 5.0)]
    trial(
        given.shared(scale),
        lambda p, x: (p[0] * x[0], p[0] * x[1]),
        [((one[0],), (one[1], one[2])), ((draw(3),), (draw(3, seed=1), draw(3, seed=2)))],
        name="shared(scale)",
    )
    params = {"w": (draw(3, 2, seed=1),), "b": draw(2, seed=2)}
    trial(
        given.shared(affine),
        lambda p, x: tuple(part @ p["w"][0] + p["b"] for part in x),
        [(params, (draw(4, 3), draw(4, 3, seed=3))), (params, (draw(5, 3), draw(2, 3, seed=3)))],
        name="shared(affine)",
    )
    trial(
        given.shared(square),
        lambda p, x: (x[0] ** 2, x[1] ** 2),
        [((), (draw(2), draw(2, seed=1)))],
        name="shared(square)",
    )
