"""A network and its loss as one layer, whose output is the loss."""

from __future__ import annotations

from collections.abc import Sequence

from funcdl.combinators.parts import as_layers, needing, place, pulled
from funcdl.contract import Apply, Layer, LayerLike, Params, Shape, Value, Vjp
from funcdl.fitted import Composition
from funcdl.signature import ANYTHING, Signature, anything
from funcdl.tensor import Generator, Tensor

__all__ = ["supervised"]


def supervised(net: LayerLike, loss: LayerLike) -> Layer[Params, tuple[Value, Value], Tensor]:
    """Feed a network's output, and the target beside it, to a loss.

        l = loss(net(x), t)        (dparams, dx) = netᵀ(lossᵀ(dl)), dt = None

    The input is the pair (x, t), the parameters are the network's. It is
    `serial(parallel(net, identity), loss)` without the empty entries.

    Raises:
        KindError: a part is neither a layer nor a function, or the input is not a pair.
        ShapeError: the parts do not fit; the message begins with `net` or `loss`.

    >>> import torch
    >>> from funcdl import linear, mse
    >>> objective = supervised(linear(1), mse())
    >>> params, shape = objective.init(torch.Generator().manual_seed(0), ((2,), (1,)))
    >>> loss, vjp = objective(params, (torch.ones(5, 2), torch.zeros(5, 1)))
    >>> shape, loss.shape, vjp(torch.ones(()))[0].w.shape
    ((), torch.Size([]), torch.Size([2, 1]))
    """
    model, criterion = as_layers("supervised", [net, loss])

    def init(rng: Generator, in_shape: Shape) -> tuple[Params, Shape]:
        x_shape, t_shape = in_shape
        with place("supervised net:"):
            params, y_shape = model.init(rng, x_shape)
        with place("supervised loss:"):
            _, out_shape = criterion.init(rng, (y_shape, t_shape))
        return params, out_shape

    takes = Signature(ANYTHING, (anything("x"), anything("target")), anything("loss"))
    parts, places = (model, criterion), ("supervised net:", "supervised loss:")
    apply, needs = Composition(_measured, parts, places), needing(zip(places, parts))
    return Layer("supervised", init, apply, layers=parts, needs_rng=needs, signature=takes)


def _measured(calls: Sequence[Apply]) -> Apply:
    """Compose the functions that the network and the loss are called by."""
    network, measure = calls

    def apply(params: Params, x: Value, rng: Generator | None = None) -> tuple[Value, Vjp]:
        inputs, target = x
        y, pull_net = network(params, inputs, rng)
        value, pull_loss = measure((), (y, target), rng)

        def vjp(dy: Value, need_dx: bool = True) -> tuple[Params, Value]:
            _, pair = pulled(pull_loss, (), dy, True)
            d = None if pair is None else pair[0]
            dparams, dx = pulled(pull_net, params, d, need_dx)
            return dparams, (dx, None) if need_dx else None

        return value, vjp

    return apply
