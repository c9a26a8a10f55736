"""Dropout, with its generator handed in.

In training, dropout makes each number 0 with probability `rate`, and divides the others by 1 − rate,
so that the mean stays. Randomness is an argument: the layer gets a generator and draws from it alone,
`torch.rand(x.shape, generator=rng)`; the same generator in the same state gives the same numbers.
Without a generator, `rng=None`, nothing is dropped: that is inference.

    y = x mask / (1 − rate)        dx = dy mask / (1 − rate), with the mask of the forward pass

Tutorial: "A step is a pure function".
"""

import torch


def dropout(rate):
    """Return the layer `(params, x, rng=None) -> (y, vjp)`."""

    def apply(params, x, rng=None):
        # solution
        if rng is None:
            return x, lambda dy: ((), dy)
        kept = torch.rand(x.shape, generator=rng) >= rate
        mask = kept.to(x.dtype) / (1 - rate)
        return x * mask, lambda dy: ((), dy * mask)

    return apply


# ---------- the teacher's half ----------
from funcdl_learn.given import WrongError
from funcdl_learn.trial import trial
from funcdl_learn.values import draw, same, unchanged

WRONG = {
    "the mean changes": ("kept.to(x.dtype) / (1 - rate)", "kept.to(x.dtype)"),
    "divided by the rate": ("/ (1 - rate)", "/ rate"),
    "the others are dropped": (">= rate", "< rate"),
    "half of them, whatever the rate": (">= rate", ">= 0.5"),
    "another mask backward": (
        "lambda dy: ((), dy * mask)",
        "lambda dy: ((), dy * (torch.rand(x.shape, generator=rng) >= rate) / (1 - rate))",
    ),
    "the global generator": ("= torch.rand(x.shape, generator=rng)", "= torch.rand(x.shape)"),
    "a generator of its own": (
        "= torch.rand(x.shape, generator=rng",
        "= torch.rand(x.shape, generator=torch.Generator().manual_seed(0)",
    ),
    "the generator is seeded anew": ("= torch.rand(x.shape, generator=rng", "= torch.rand(x.shape, generator=rng.manual_seed(1)"),
    "drops in inference": ("return x, lambda dy: ((), dy)", "rng = torch.Generator()"),
    "scales in inference": ("return x, lambda", "return x * (1 - rate), lambda"),
    "inference without its derivative": ("return x, lambda dy: ((), dy)", "return x, lambda dy: ((), 0 * dy)"),
    "the mask is forgotten backward": ("lambda dy: ((), dy * mask)", "lambda dy: ((), dy)"),
    "one mask for all rows": ("= torch.rand(x.shape,", "= torch.rand(x.shape[-1:],"),
    "x is written to": ("return x * mask", "return x.mul_(mask)"),
    "float32 alone": ("kept.to(x.dtype)", "kept.float()"),
    "zeros tell what was dropped": ("dy * mask", "dy * (x * mask != 0) / (1 - rate)"),
    "as many are dropped each time": (
        "torch.rand(x.shape, generator=rng) >= rate\n",
        "(torch.randperm(x.numel(), generator=rng) >= rate * x.numel()).reshape(x.shape)\n",
    ),
}  # fmt: skip


def grade(given):
    for rate in (0.0, 0.5, 0.3):
        layer, name = given.dropout(rate), f"dropout({rate:g})"
        trial(layer, lambda params, x: x * 1, [((), draw(3, 4))], name=f"{name} without rng")
        _random(layer, rate, name)
    layer = given.dropout(0.3)
    counts = {
        int((layer((), torch.ones(40).double(), _rng(seed))[0] == 0).sum()) for seed in range(20)
    }
    if len(counts) == 1:
        raise WrongError("expected dropout(0.3) to drop each number by itself, got the same count each time")  # fmt: skip


def _rng(seed):
    return torch.Generator().manual_seed(seed)


def _random(layer, rate, name):
    for dtype in (torch.float64, torch.float32):
        x = (draw(200, 100) + 10).to(dtype)
        x[:20] = 0  # a 0 that is kept has a derivative, too
        before, state = x.clone(), torch.get_rng_state()
        rng = _rng(3)
        y, vjp = layer((), x, rng)
        where = f" for x of shape (200, 100) in {dtype} and rng = torch.Generator().manual_seed(3)"
        unchanged("x", x, before)
        if not torch.equal(torch.get_rng_state(), state):
            raise WrongError(
                f"expected {name} to draw from rng alone, but PyTorch's global generator was used"
            )
        again, _ = layer((), x, _rng(3))
        same(f"{name}: y, with the generator in the same state,", again, y, where)
        other, _ = layer((), x, rng)
        if rate and torch.equal(other, y):
            raise WrongError(
                f"expected {name} to draw anew in the next call, got the same y{where}"
            )
        after = rng.get_state()
        first, second, ones = vjp(torch.ones_like(x))[1], vjp(2 * x)[1], torch.ones_like(x)
        if not torch.equal(rng.get_state(), after):
            raise WrongError(
                f"expected {name} to draw in the forward pass alone, but its vjp used rng"
            )
        kept = (first != 0).to(dtype)
        same(f"{name}: y", y, x * kept / (1 - rate), where)
        same(f"{name}: dx", first, kept / (1 - rate), where + " and dy of ones")
        same(f"{name}: dx", second, 2 * x * kept / (1 - rate), where + " and dy = 2 x")
        same(f"{name}: dparams", vjp(ones)[0], (), where)
        for part, which, most in [(kept, "all", 0.02), (kept[:20], "the first 20 rows", 0.06)]:
            share = float(1 - part.double().mean())
            if abs(share - rate) > most:
                raise WrongError(f"expected {name} to drop a share of {rate:g}, got {share:.3f} of {which}{where}")  # fmt: skip
        if rate and (kept.mean(0) == 0).any():
            raise WrongError(
                f"expected {name} to drop each number by itself, got columns of 0{where}"
            )
