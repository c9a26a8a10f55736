"""One network for several inputs, and what compares their outputs."""

from __future__ import annotations

from funcdl.combinators.parts import as_layers
from funcdl.combinators.serial import composed
from funcdl.combinators.shared import shared
from funcdl.contract import Layer, LayerLike

__all__ = ["siamese"]


def siamese(layer: LayerLike, compare: LayerLike, axis: int | None = None) -> Layer:
    """Send several inputs through one layer, with one copy of its parameters, and compare them.

        y = g(f(p, x₁), …, f(p, xₖ))

    It is `serial(shared(layer, axis), compare)`; the parameters are the pair (layer's, compare's).

    Args:
        layer: what each input goes through.
        compare: from the tuple of its outputs, or with an axis from the tensor (…, k, *out), to
            the answer; `join()` followed by a `linear`, say.
        axis: where the inputs stand in one tensor; None for a tuple of inputs. See `shared`.

    Raises:
        InputError, KindError: `axis` is not a negative integer, or a part is not a layer.
        ShapeError: an input does not fit, or the outputs do not fit `compare`.

    Bromley et al., "Signature verification using a 'siamese' time delay neural network" (1993).

    >>> import torch
    >>> from funcdl import join, linear, serial
    >>> net = siamese(linear(8), serial(join(), linear(1)))
    >>> params, shape = net.init(torch.Generator().manual_seed(0), ((5,), (5,)))
    >>> params[0].w.shape, shape
    (torch.Size([5, 8]), (1,))
    """
    return composed("siamese", (shared(layer, axis), *as_layers("siamese", [compare])))
