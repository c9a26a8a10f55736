"""A layer of your own: circular convolution with filters as long as the signal.

A layer is a function `(params, x) -> (y, vjp)`. This one has parameters, so it also says how they
are drawn; `check` proves its derivative before it is used. A second one, `peak`, has none, and is
four lines. Together they find which of two faint patterns a noisy signal hides, wherever in it
the pattern begins: a bank of matched filters that learns what to match. A network of linear
layers with as many parameters has to learn each place by itself.
"""

from typing import Annotated, Any

import torch
import typer
from torch import Generator, Tensor
from torch.fft import irfft, rfft

from funcdl import (
    DerivativeError,
    Layer,
    adam,
    check,
    cross_entropy,
    initialisers,
    layer,
    linear,
    relu,
    serial,
    stage,
    supervised,
    training_step,
    tree,
)

SIZE = 64


def circular(filters: int) -> Layer:
    """Convolve a signal circularly with each of some filters, by way of the Fourier transform.

        y_f[i] = Σ_j w_f[j] x[i − j mod n]        rfft(y_f) = rfft(w_f) rfft(x)

    The transpose of a circular convolution is the circular correlation, a product with the
    conjugate:

        rfft(dw_f) = Σ rfft(dy_f) conj(rfft(x))        rfft(dx) = Σ_f rfft(dy_f) conj(rfft(w_f))

    From (batch, n) to (batch, filters, n), with parameters w (filters, n).
    """

    def init(rng: Generator, in_shape: Any) -> tuple[Tensor, Any]:
        n = in_shape[-1]
        w = initialisers.fan_in_uniform(rng, (n, filters)).mT.contiguous()
        return w, (*in_shape[:-1], filters, n)

    def apply(w: Tensor, x: Tensor) -> Any:
        n, fw, fx = x.shape[-1], rfft(w), rfft(x).unsqueeze(-2)

        def vjp(dy: Tensor) -> tuple[Tensor, Tensor]:
            fy = rfft(dy)
            dw = irfft((fy * fx.conj()).sum(0), n)
            return dw, irfft((fy * fw.conj()).sum(-2), n)

        return irfft(fx * fw, n), vjp

    return layer(apply, init, f"circular({filters})")


def peak(params: Any, x: Tensor) -> Any:
    """Take the largest value of the last axis; the cotangent goes where that stood."""
    y, at = x.max(-1, keepdim=True)
    return y.squeeze(-1), lambda dy: ((), torch.zeros_like(x).scatter(-1, at, dy.unsqueeze(-1)))


def wrong(params: Any, x: Tensor) -> Any:
    """Square the input, with the 2 forgotten in the derivative."""
    return x * x, lambda dy: ((), x * dy)


def draw(count: int, rng: Generator) -> tuple[Tensor, Tensor]:
    """Draw signals (count, 64) of noise and a chirp that rises or falls, and which it is."""
    time = torch.linspace(0, 1, 24)
    chirp = torch.sin(2 * torch.pi * (2 + 5 * time) * time)
    classes = torch.randint(2, (count,), generator=rng)
    x = torch.zeros(count, SIZE)
    x[:, :24] = torch.where(classes.unsqueeze(-1) == 1, chirp, chirp.flip(0))
    shift = torch.randint(SIZE, (count, 1), generator=rng)
    x = x.gather(-1, (torch.arange(SIZE) - shift) % SIZE)
    return x + 0.5 * torch.randn(count, SIZE, generator=rng), classes


def learn(net: Layer, steps: int, rng: Generator) -> tuple[int, float]:
    """Train a network on fresh signals; give the number of its parameters and its error."""
    params, _ = net.init(rng, (SIZE,))
    optimiser = adam(5e-3)
    state = optimiser.init(params)
    step = stage(training_step(supervised(net, cross_entropy()), optimiser))
    for _ in range(steps):
        params, state, _ = step(params, state, draw(100, rng))
    x, classes = draw(2000, rng)
    y, _ = net(params, x)
    return tree.size(params), float((y.argmax(-1) != classes).double().mean())


def main(
    steps: Annotated[int, typer.Option(min=1, help="Of Adam, 100 signals each.")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
) -> None:
    """Check two layers of one's own, then train a network of them."""
    torch.set_num_threads(1)
    rng = Generator().manual_seed(seed)

    w, x = (torch.randn(rows, SIZE, generator=rng).double() for rows in (8, 5))
    print("check(circular(8)):", check(circular(8), w, x, rng))
    print("check(peak):", check(peak, (), x, rng))
    try:
        check(wrong, (), x, rng)
    except DerivativeError as error:
        print(f"check(wrong): {error}")

    own = serial(circular(8), peak, linear(2))
    usual = serial(linear(8), relu, linear(2))
    for net in (own, usual):
        parameters, error = learn(net, steps, rng)
        print(f"{net}: {parameters} parameters, {error:.1%} of 2,000 fresh signals wrong")


if __name__ == "__main__":
    typer.run(main)
