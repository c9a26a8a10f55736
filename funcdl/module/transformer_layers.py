"""PyTorch's layers of transformers."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from funcdl.arguments import number
from funcdl.contract import LayerLike, Value
from funcdl.errors import InputError
from funcdl.layers.activations import relu
from funcdl.module.activated import activated
from funcdl.module.assembled import Assembled, Line, beside, in_turn
from funcdl.module.attention import MultiheadAttention
from funcdl.module.dropouts import Dropout
from funcdl.module.foreign import passed, run
from funcdl.module.linear import Linear
from funcdl.module.named import flag, size
from funcdl.module.norms import LayerNorm
from funcdl.tensor import Generator, Tensor

__all__ = ["TransformerDecoderLayer", "TransformerEncoderLayer"]


class Masks(NamedTuple):
    """What an attention is not to see, as PyTorch takes it.

    Attributes:
        mask: for each query and key.
        padding: for each key of each sequence.
        causal: whether the mask is said to be the causal one.
    """

    mask: Tensor | None
    padding: Tensor | None
    causal: bool

    def expect(self, name: str, mask: str, hint: str) -> None:
        """Refuse what is said of a mask that there is not."""
        if self.causal and self.mask is None:
            raise InputError(f"{name}: expected {mask} with {hint}=True, got none")


class Block(Assembled):
    """What the layers of encoders and decoders share."""

    _looks: ClassVar[tuple[str, ...]] = ("self_attn",)
    """Its attentions, by PyTorch's names."""

    def __init__(self, given: dict[str, Any]) -> None:
        super().__init__(given)
        name, width = self._name, size(self._name, "d_model", given["d_model"])
        if width % size(name, "nhead", given["nhead"]):
            raise InputError(f"{name}: expected nhead to divide {width}, got {given['nhead']}")
        hidden = size(name, "dim_feedforward", given["dim_feedforward"])
        rate = number(name, "dropout", given["dropout"], 0, 1)
        number(name, "layer_norm_eps", given["layer_norm_eps"], 0)
        for what in ("batch_first", "norm_first", "bias"):
            flag(name, what, given[what])
        self.d_model, self.norm_first = width, given["norm_first"]
        own = {what: given[what] for what in ("bias", "device", "dtype")}
        drawn = {**own, "rng": given["rng"]}
        for look in self._looks:
            first = given["batch_first"]
            attention = MultiheadAttention(width, given["nhead"], rate, batch_first=first, **drawn)
            setattr(self, look, attention)
        self.linear1 = Linear(width, hidden, **drawn)
        self.dropout = Dropout(rate, rng=given["rng"])
        self.linear2 = Linear(hidden, width, **drawn)
        for i in range(len(self._looks) + 1):
            setattr(self, f"norm{i + 1}", LayerNorm(width, given["layer_norm_eps"], **own))
            setattr(self, f"dropout{i + 1}", Dropout(rate, rng=given["rng"]))
        self.activation = activated(name, given["activation"])

    def _looking(self, i: int, masks: Masks, others: Value = None) -> Line:
        """Make the line of an attention, to x itself without others."""
        attention, drop = getattr(self, self._looks[i]), getattr(self, f"dropout{i + 1}")

        def line(x: Any) -> Any:
            keys = x if others is None else others
            (found, _), pull = run(
                attention,
                (x, keys, keys),
                key_padding_mask=masks.padding,
                need_weights=False,
                attn_mask=masks.mask,
                is_causal=masks.causal,
            )
            y, pull_drop = passed(drop, found)

            def back(dy: Any) -> Any:
                dq, dk, dv = pull((pull_drop(dy), None))
                dkeys = dk.add(dv)
                return (dq.add(dkeys),) if others is None else (dq, dkeys)

            return y, back

        return line

    def _network(self, x: Any) -> Any:
        """Apply the network of each time step."""
        last = getattr(self, f"dropout{len(self._looks) + 1}")
        parts = self.linear1, self.activation, self.dropout, self.linear2, last
        y, pull = in_turn(parts, x)
        return y, lambda dy: (pull(dy),)

    def _beside(self, i: int, x: Any, line: Line) -> Any:
        """Put a line beside x, with the norm of that number."""
        return beside(x, line, getattr(self, f"norm{i + 1}"), self.norm_first)


class TransformerEncoderLayer(Block):
    """PyTorch's `TransformerEncoderLayer`: attention, and a network, both beside their input.

    `forward(src, src_mask=None, src_key_padding_mask=None, is_causal=False)`, from (time, batch,
    d_model), with `batch_first` (batch, time, d_model), or (time, d_model) to the same. What is
    True in a mask is not seen, and a mask of floats is added to the scores; `is_causal` says that
    `src_mask` is the causal one. It computes in inference what it does in training, but for
    dropout, behind the end of padded sequences too.

    Args:
        d_model, nhead, dim_feedforward, dropout: as in PyTorch.
        activation: "relu", "gelu", a layer, or a module.
        layer_norm_eps, batch_first, norm_first, bias, device, dtype: as in PyTorch.
        rng: the generator to draw from; torch's own without it.

    Raises:
        InputError, KindError: an argument is out of its range, or not offered.
        ShapeError: an input does not fit.

    Vaswani et al., "Attention is all you need" (2017); norms first: Xiong et al., "On layer
    normalization in the transformer architecture" (2020).

    >>> import torch
    >>> layer = TransformerEncoderLayer(8, 2, 16, batch_first=True)
    >>> layer(torch.ones(5, 7, 8)).shape, layer.backward(torch.ones(5, 7, 8)).shape
    (torch.Size([5, 7, 8]), torch.Size([5, 7, 8]))
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | LayerLike = relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        rng: Generator | None = None,
    ) -> None:
        super().__init__(locals())

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Value:
        """Let the time steps look at each other.

        Raises:
            ShapeError, KindError, InputError: an argument does not fit.
        """
        self._sequence("src", src, self.d_model)
        masks = Masks(src_mask, src_key_padding_mask, is_causal)
        masks.expect(self._name, "src_mask", "is_causal")
        x, pull_look = self._beside(0, src, self._looking(0, masks))
        y, pull_network = self._beside(1, x, self._network)

        def pull(dy: Any) -> Any:
            return pull_look(*pull_network(dy))[0]

        return self._remembered(src, y, pull)


class TransformerDecoderLayer(Block):
    """PyTorch's `TransformerDecoderLayer`: attention to itself, to a memory, and a network.

    `forward(tgt, memory, tgt_mask=None, memory_mask=None, tgt_key_padding_mask=None,
    memory_key_padding_mask=None, tgt_is_causal=False, memory_is_causal=False)`, with the shapes and
    masks of `TransformerEncoderLayer`. `backward` gives the gradients of tgt and memory.

    Args:
        d_model, nhead, dim_feedforward, dropout: as in PyTorch.
        activation: "relu", "gelu", a layer, or a module.
        layer_norm_eps, batch_first, norm_first, bias, device, dtype: as in PyTorch.
        rng: the generator to draw from; torch's own without it.

    Raises:
        InputError, KindError: an argument is out of its range, or not offered.
        ShapeError: an input does not fit.

    Vaswani et al., "Attention is all you need" (2017).

    >>> import torch
    >>> layer = TransformerDecoderLayer(8, 2, 16, batch_first=True)
    >>> layer(torch.ones(5, 7, 8), torch.ones(5, 3, 8)).shape
    torch.Size([5, 7, 8])
    """

    _looks = ("self_attn", "multihead_attn")

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | LayerLike = relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        rng: Generator | None = None,
    ) -> None:
        super().__init__(locals())

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Value:
        """Let the time steps of tgt look at each other, and at those of memory.

        Raises:
            ShapeError, KindError, InputError: an argument does not fit.
        """
        self._sequence("tgt", tgt, self.d_model)
        self._sequence("memory", memory, self.d_model)
        own = Masks(tgt_mask, tgt_key_padding_mask, tgt_is_causal)
        cross = Masks(memory_mask, memory_key_padding_mask, memory_is_causal)
        own.expect(self._name, "tgt_mask", "tgt_is_causal")
        cross.expect(self._name, "memory_mask", "memory_is_causal")
        x, pull_own = self._beside(0, tgt, self._looking(0, own))
        x, pull_cross = self._beside(1, x, self._looking(1, cross, memory))
        y, pull_network = self._beside(2, x, self._network)

        def pull(dy: Any) -> Any:
            d, dmemory = pull_cross(*pull_network(dy))
            return pull_own(d)[0], dmemory

        return self._remembered((tgt, memory), y, pull)
