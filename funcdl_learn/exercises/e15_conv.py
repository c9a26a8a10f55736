"""A convolution is a sum of matrix products.

Images are (n, height, width, channels), the parameters are (w,) with w of shape (kh, kw, channels,
out). For each place (i, j) of the small window, the image shifted by (i, j) is multiplied by the
matrix w[i, j]; the output is the sum. There is no border: it has height − kh + 1 rows, and columns
likewise.

    y = Σ over i, j of x[:, i:i+rows, j:j+columns] w[i, j]

A sum's vjp gives dy to each term, and each term is the linear layer that you know: its dw is
w[i, j]'s own, and its dx is added to the part of dx that this shift has seen.

Tutorial: "What reads a digit".
"""

import torch


def conv(params, x):
    """Return the convolution of x with params = (w,), and the vjp: from dy to ((dw,), dx)."""
    # solution
    (w,) = params
    kh, kw, channels, out = w.shape
    rows, columns = x.shape[1] - kh + 1, x.shape[2] - kw + 1
    places = [(i, j) for i in range(kh) for j in range(kw)]

    def seen(image, i, j):
        return image[:, i : i + rows, j : j + columns]

    def vjp(dy):
        dx, dw = torch.zeros_like(x), torch.zeros_like(w)
        flat = dy.reshape(-1, out)
        for i, j in places:
            dw[i, j] = seen(x, i, j).reshape(-1, channels).mT @ flat
            seen(dx, i, j).add_(dy @ w[i, j].mT)
        return (dw,), dx

    return sum(seen(x, i, j) @ w[i, j] for i, j in places), vjp


# ---------- the teacher's half ----------
from funcdl_learn.trial import trial
from funcdl_learn.values import draw

WRONG = {
    "the window is turned": ("seen(x, i, j) @ w[i, j] for", "seen(x, i, j) @ w[kh - 1 - i, kw - 1 - j] for"),
    "rows and columns are swapped": ("seen(x, i, j) @ w[i, j] for", "seen(x, j, i) @ w[i, j] for"),
    "dx is not added up": ("seen(dx, i, j).add_(", "seen(dx, i, j).copy_("),
    "dx is not shifted": ("seen(dx, i, j).add_(", "seen(dx, 0, 0).add_("),
    "dw is not shifted": ("seen(x, i, j).reshape", "seen(x, 0, 0).reshape"),
    "w is not transposed": ("dy @ w[i, j].mT", "(dy @ w[i, j] if channels == out else dy @ w[i, j].mT)"),
    "dw is transposed": ("seen(x, i, j).reshape(-1, channels).mT @ flat", "(flat.mT @ seen(x, i, j).reshape(-1, channels) if channels == out else seen(x, i, j).reshape(-1, channels).mT @ flat)"),
    "dw of the first image alone": ("seen(x, i, j).reshape(-1, channels).mT @ flat", "seen(x[:1], i, j).reshape(-1, channels).mT @ dy[:1].reshape(-1, out)"),
    "square windows alone": ("for j in range(kw)", "for j in range(kh)"),
    "square images alone": ("x.shape[2] - kw + 1", "x.shape[1] - kw + 1"),
    "the last place is left out": ("for i, j in places:", "for i, j in places[:-1]:"),
    "dw is a mean": ("(-1, channels).mT @ flat", "(-1, channels).mT @ flat / len(flat)"),
    "dx is turned": ("dy @ w[i, j].mT", "dy @ w[kh - 1 - i, kw - 1 - j].mT"),
    "dx is kept in x": ("dx, dw = torch.zeros_like(x)", "dx, dw = x"),
    "float32 alone": ("torch.zeros_like(x), torch.zeros_like(w)", "torch.zeros(x.shape), torch.zeros(w.shape)"),
    "3×3 windows alone": ("kh, kw, channels, out = w.shape", "kh, kw, (channels, out) = 3, 3, w.shape[2:]"),
}  # fmt: skip

EQUIVALENT = {
    "dx, dw = (torch.zeros_like(x), torch.ones_like(w))": "every number of dw is set",
}


def formula(params, x):
    moved = x.movedim(-1, 1), params[0].permute(3, 2, 0, 1)
    return torch.nn.functional.conv2d(*moved).movedim(1, -1)


def grade(given):
    small = torch.arange(1.0, 5.0).double().reshape(1, 2, 2, 1)
    one = torch.tensor([[1.0, 10.0]]).double().reshape(1, 2, 1, 1)
    shapes = [((2, 5, 4, 1), (2, 2, 1, 3)), ((3, 4, 6, 2), (3, 2, 2, 2)), ((1, 5, 5, 2), (3, 3, 2, 4)), ((2, 3, 3, 3), (1, 1, 3, 2)), ((2, 3, 4, 2), (3, 4, 2, 2))]  # fmt: skip
    drawn = [((draw(*w, seed=1),), draw(*x)) for x, w in shapes]
    trial(given.conv, formula, [((one,), small), *drawn])
