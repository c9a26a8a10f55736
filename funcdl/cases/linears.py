"""Fully connected layers."""

from funcdl import layers
from funcdl.cases.case import Case

CASES = [
    Case(
        layers.linear(3),
        (4, 5),
        oracle=lambda nnf, p, x: nnf.linear(x, p.w.mT, p.b),
        module=("Linear", 5, 3),
    ),
    Case(
        layers.linear(3, b_init=None),
        (4, 5),
        module=("Linear", 5, 3, False),
        id="linear(3) without bias",
    ),
    Case(layers.linear(3), (2, 4, 5), id="linear(3) on two leading axes"),
    Case(layers.linear(1), (1, 1)),
    Case(
        layers.maxout(3, 2),
        (4, 5),
        oracle=lambda nnf, p, x: (x @ p.w + p.b).unflatten(-1, (3, 2)).amax(-1),
        module=("Maxout", 5, 3, 2),
        specials=False,  # of several largest pieces amax gives each a share of the cotangent
    ),
    Case(layers.maxout(2, 3, b_init=None), (2, 4, 5)),
    Case(
        layers.scale(),
        (4, 5),
        oracle=lambda nnf, p, x: x * p.scale,
        module=("ScaleFeatures", 5),
    ),
    Case(layers.scale(), (2, 4, 5), id="scale on two leading axes"),
    Case(layers.bias(), (4, 5), oracle=lambda nnf, p, x: x + p.b, module=("BiasFeatures", 5)),
    Case(layers.bias(), (2, 4, 5), id="bias on two leading axes"),
    Case(layers.glu(), (4, 6), oracle=lambda nnf, p, x: nnf.glu(x), module=("GLU",)),
    Case(layers.glu(-2), (3, 4, 5), oracle=lambda nnf, p, x: nnf.glu(x, -2), module=("GLU", -2)),
]
