"""Max pooling: the largest of each 2×2 window.

Images are (n, height, width, channels), height and width even. Each window of 2×2 pixels gives its
largest number, channel by channel; the windows do not overlap.

    y = max of the window        dx = dy where the largest was, otherwise 0

Where several are the largest, the first of them has all of dy, reading the window by lines. (`max`
over an axis gives the first place, too.)

Tutorial: "What reads a digit".
"""


def max_pool(params, x):
    """Return the largest of each 2×2 window, and the vjp: from dy to ((), dx)."""
    # solution
    n, height, width, channels = x.shape
    split = x.reshape(n, height // 2, 2, width // 2, 2, channels)
    windows = split.permute(0, 1, 3, 5, 2, 4).reshape(n, height // 2, width // 2, channels, 4)
    y, place = windows.max(-1)

    def vjp(dy):
        dwindows = windows.new_zeros(windows.shape)
        dwindows.scatter_(-1, place.unsqueeze(-1), dy.unsqueeze(-1))
        split = dwindows.reshape(n, height // 2, width // 2, channels, 2, 2)
        return (), split.permute(0, 1, 4, 2, 5, 3).reshape(x.shape)

    return y, vjp


# ---------- the teacher's half ----------
import torch

from funcdl_learn.trial import trial
from funcdl_learn.values import draw

WRONG = {
    "dy goes to the first place": ("place.unsqueeze(-1), dy", "place.unsqueeze(-1) * 0, dy"),
    "dy goes everywhere": (
        "dwindows.scatter_(-1, place.unsqueeze(-1), dy.unsqueeze(-1))",
        "dwindows += dy.unsqueeze(-1)",
    ),
    "dy goes to all that are largest": (
        "dwindows.scatter_(-1, place.unsqueeze(-1), dy.unsqueeze(-1))",
        "dwindows += dy.unsqueeze(-1) * (windows == y.unsqueeze(-1))",
    ),
    "dy is shared by all that are largest": (
        "dwindows.scatter_(-1, place.unsqueeze(-1), dy.unsqueeze(-1))",
        "largest = windows == y.unsqueeze(-1)\n"
        "        dwindows += dy.unsqueeze(-1) * largest / largest.sum(-1, keepdim=True)",
    ),
    "the mean": ("y, place = windows.max(-1)", "y, place = windows.mean(-1), windows.max(-1)[1]"),
    "the smallest": ("windows.max(-1)", "windows.min(-1)"),
    "rows and columns are swapped backward": ("permute(0, 1, 4, 2, 5, 3)", "permute(0, 1, 5, 2, 4, 3)"),
    "a wrong order of the windows": ("permute(0, 1, 3, 5, 2, 4)", "permute(0, 3, 1, 5, 2, 4)"),
    "dy is forgotten": ("dy.unsqueeze(-1)", "(dy * 0 + 1).unsqueeze(-1)"),
    "the absolute value": ("windows.max(-1)", "windows.abs().max(-1)"),
    "numbers below 0 are 0": ("y, place = windows.max(-1)", "y, place = windows.clamp(min=0).max(-1)"),
    "not turned back": (
        "split.permute(0, 1, 4, 2, 5, 3).reshape(x.shape)",
        "split.reshape(x.shape)",
    ),
    "square images alone": ("split = x.reshape(n, height // 2, 2, width // 2, 2, channels)", "width = height; split = x.reshape(n, height // 2, 2, width // 2, 2, channels)"),
    "one channel alone": ("n, height, width, channels = x.shape", "n, height, width, channels = *x.shape[:3], 1"),
    "float32 alone": ("windows.new_zeros(windows.shape)", "torch.zeros(windows.shape)"),
    "the place is lost": ("y, place = windows.max(-1)", "y, place = windows.max(-1); max_pool.place = place"),
}  # fmt: skip
WRONG["float32 alone"] = (
    "dwindows = windows.new_zeros(windows.shape)",
    "import torch\n\n        dwindows = torch.zeros(windows.shape)",
)
WRONG["the place is lost"] = (
    "place.unsqueeze(-1), dy",
    "max_pool.__dict__.setdefault('place', place).expand(place.shape).unsqueeze(-1), dy",
)


def formula(params, x):
    return torch.nn.functional.max_pool2d(x.movedim(-1, 1), 2).movedim(1, -1)


def grade(given):
    small = torch.tensor([[1.0, 4.0], [3.0, -2.0]]).double().reshape(1, 2, 2, 1)
    equal = torch.tensor([[-1.0, 2.0, 0.0, 0.0], [2.0, 2.0, 0.0, 0.0]]).double()
    drawn = [draw(*shape) for shape in [(2, 4, 6, 1), (1, 6, 2, 3), (3, 2, 2, 2), (2, 4, 4, 2)]]
    below = -5 - draw(1, 4, 4, 1).abs()
    cases = [small, equal.reshape(1, 2, 4, 1), *drawn, below]
    trial(given.max_pool, formula, [((), x) for x in cases])
