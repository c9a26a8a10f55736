"""The vjp of the rectifier.

The rectifier lets positive numbers through and makes all others 0. Where it let a number through,
it lets the cotangent through, too; where it did not, the loss does not depend on x, and dx is 0.

    y = max(x, 0)        dx = dy where x > 0, otherwise 0

At 0 there is a kink and no derivative; everyone takes 0 there.

Tutorial: "Parameters".
"""


def relu(params, x):
    """Return max(x, 0), and the vjp: from dy to ((), dx)."""
    # solution

    def vjp(dy):
        return (), dy * (x > 0)

    return x.clamp(min=0), vjp


# ---------- the teacher's half ----------
from funcdl_learn.trial import elementwise, trial

WRONG = {
    "dy passes everywhere": ("dy * (x > 0)", "dy"),
    "the sign of dy decides": ("dy * (x > 0)", "dy * (dy > 0)"),
    "the other side": ("dy * (x > 0)", "dy * (x < 0)"),
    "dy passes at 0, too": ("dy * (x > 0)", "dy * (x >= 0)"),
    "the value in place of 1": ("dy * (x > 0)", "dy * x.clamp(min=0)"),
    "dy is forgotten": ("dy * (x > 0)", "(x > 0).to(x.dtype)"),
    "the absolute value": ("x.clamp(min=0)", "x.abs()"),
    "the minimum": ("x.clamp(min=0)", "x.clamp(max=0)"),
    "cut at 1 as well": ("x.clamp(min=0)", "x.clamp(min=0, max=1)"),
    "x is written to": ("x.clamp(min=0)", "x.clamp_(min=0)"),
    "dy is written to": ("dy * (x > 0)", "dy.mul_(x > 0)"),
    "the sign": ("dy * (x > 0)", "dy * x.sign()"),
    "a leak": ("dy * (x > 0)", "dy * (x > 0) + 0.01 * dy * (x < 0)"),
    "dparams is missing": ("(), dy * (x > 0)", "dy * (x > 0)"),
    "right for one number alone": ("dy * (x > 0)", "dy if (x > 0).all() else dy * 0"),
}


def grade(given):
    trial(given.relu, lambda params, x: x.relu(), elementwise())
