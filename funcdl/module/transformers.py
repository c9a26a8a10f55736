"""PyTorch's transformers, of the layers in `transformer_layers`."""

from __future__ import annotations

import math
from typing import Any

from funcdl.contract import LayerLike, Value
from funcdl.errors import KindError, ShapeError
from funcdl.initialisers import source
from funcdl.layers.activations import relu
from funcdl.misuse import short
from funcdl.module.assembled import Assembled, copies
from funcdl.module.foreign import passed, run
from funcdl.module.named import flag, size
from funcdl.module.norms import LayerNorm
from funcdl.module.parts import is_module
from funcdl.module.transformer_layers import TransformerDecoderLayer, TransformerEncoderLayer
from funcdl.tensor import Generator, Tensor, empty

__all__ = ["Transformer", "TransformerDecoder", "TransformerEncoder"]


class Stack(Assembled):
    """Copies of one layer, one on the other, and perhaps a norm behind them."""

    def __init__(self, given: dict[str, Any], what: str) -> None:
        super().__init__(given)
        layer, norm = given[what], given["norm"]
        expect_module(self._name, what, layer)
        if norm is not None:
            expect_module(self._name, "norm", norm)
        self.num_layers = size(self._name, "num_layers", given["num_layers"])
        self.layers = copies(layer, self.num_layers)
        self.norm = norm

    def _normed(self, x: Any) -> Any:
        return (x, lambda dy: dy) if self.norm is None else passed(self.norm, x)


def expect_module(name: str, what: str, given: Any) -> None:
    """Refuse what is no module."""
    if not is_module(given):
        raise KindError(f"{name}: expected {what} to be a module, got {short(given)}")


class TransformerEncoder(Stack):
    """PyTorch's `TransformerEncoder`: `num_layers` copies of a layer, which begin alike.

    `forward(src, mask=None, src_key_padding_mask=None, is_causal=None)`; see
    `TransformerEncoderLayer`.

    Args:
        encoder_layer: a module that takes what `TransformerEncoderLayer` does.
        num_layers: at least 1.
        norm: a module behind the last layer.
        enable_nested_tensor, mask_check: how PyTorch computes; without effect here.

    Raises:
        InputError, KindError: an argument is out of its range.

    >>> import torch
    >>> encoder = TransformerEncoder(TransformerEncoderLayer(8, 2, 16), 3)
    >>> encoder(torch.ones(5, 7, 8)).shape, len(encoder.layers)
    (torch.Size([5, 7, 8]), 3)
    """

    def __init__(
        self,
        encoder_layer: Any,
        num_layers: int,
        norm: Any = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        flag("TransformerEncoder", "enable_nested_tensor", enable_nested_tensor)
        flag("TransformerEncoder", "mask_check", mask_check)
        super().__init__(locals(), "encoder_layer")

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Value:
        """Apply one layer after the other.

        Raises:
            ShapeError, KindError, InputError: an argument does not fit.
        """
        given = {
            "src_mask": mask,
            "is_causal": bool(is_causal),
            "src_key_padding_mask": src_key_padding_mask,
        }
        x, pulls = src, []
        for layer in self.layers:
            x, pull = run(layer, x, **given)
            pulls.append(pull)
        y, pull_norm = self._normed(x)

        def back(dy: Any) -> Any:
            d = pull_norm(dy)
            for pull in reversed(pulls):
                d = pull(d)
            return d

        return self._remembered(src, y, back)


class TransformerDecoder(Stack):
    """PyTorch's `TransformerDecoder`: `num_layers` copies of a layer, which begin alike.

    `forward(tgt, memory, tgt_mask=None, memory_mask=None, tgt_key_padding_mask=None,
    memory_key_padding_mask=None, tgt_is_causal=None, memory_is_causal=False)`; see
    `TransformerDecoderLayer`. `backward` gives the gradients of tgt and memory.

    Args:
        decoder_layer: a module that takes what `TransformerDecoderLayer` does.
        num_layers: at least 1.
        norm: a module behind the last layer.

    Raises:
        InputError, KindError: an argument is out of its range.

    >>> import torch
    >>> decoder = TransformerDecoder(TransformerDecoderLayer(8, 2, 16), 3)
    >>> decoder(torch.ones(5, 7, 8), torch.ones(4, 7, 8)).shape
    torch.Size([5, 7, 8])
    """

    def __init__(self, decoder_layer: Any, num_layers: int, norm: Any = None) -> None:
        super().__init__(locals(), "decoder_layer")

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Value:
        """Apply one layer after the other, each of which sees the memory.

        Raises:
            ShapeError, KindError, InputError: an argument does not fit.
        """
        given = {
            "tgt_mask": tgt_mask,
            "memory_mask": memory_mask,
            "tgt_key_padding_mask": tgt_key_padding_mask,
            "memory_key_padding_mask": memory_key_padding_mask,
            "tgt_is_causal": bool(tgt_is_causal),
            "memory_is_causal": memory_is_causal,
        }
        x, pulls = tgt, []
        for layer in self.layers:
            x, pull = run(layer, (x, memory), **given)
            pulls.append(pull)
        y, pull_norm = self._normed(x)

        def back(dy: Any) -> Any:
            d, dmemory = pulls[-1](pull_norm(dy))
            for pull in reversed(pulls[:-1]):
                d, more = pull(d)
                dmemory = dmemory.add(more)
            return d, dmemory

        return self._remembered((tgt, memory), y, back)


class Transformer(Assembled):
    """PyTorch's `Transformer`: an encoder of src, and a decoder of tgt that sees what it gave.

    `forward(src, tgt, …)` takes the masks by PyTorch's names and in its places. `backward` gives
    the gradients of src and tgt.

    Args:
        d_model, nhead, num_encoder_layers, num_decoder_layers: as in PyTorch.
        dim_feedforward, dropout: as in PyTorch.
        activation: "relu", "gelu", a layer, or a module.
        custom_encoder, custom_decoder: modules in the place of the two.
        layer_norm_eps, batch_first, norm_first, bias, device, dtype: as in PyTorch.
        rng: the generator to draw from; torch's own without it.

    Raises:
        InputError, KindError: an argument is out of its range, or not offered.
        ShapeError: an input does not fit.

    Vaswani et al., "Attention is all you need" (2017).

    >>> import torch
    >>> net = Transformer(8, 2, 1, 1, 16, batch_first=True)
    >>> net(torch.ones(5, 7, 8), torch.ones(5, 3, 8)).shape
    torch.Size([5, 3, 8])
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | LayerLike = relu,
        custom_encoder: Any = None,
        custom_decoder: Any = None,
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
        flag(self._name, "batch_first", batch_first)
        made: Any = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps)
        made += (batch_first, norm_first, bias, device, dtype)

        def norm() -> LayerNorm:
            return LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)

        if custom_encoder is None:
            first = TransformerEncoderLayer(*made, rng=rng)
            self.encoder: Any = TransformerEncoder(first, num_encoder_layers, norm())
        else:
            expect_module(self._name, "custom_encoder", custom_encoder)
            self.encoder = custom_encoder
        if custom_decoder is None:
            last = TransformerDecoderLayer(*made, rng=rng)
            self.decoder: Any = TransformerDecoder(last, num_decoder_layers, norm())
        else:
            expect_module(self._name, "custom_decoder", custom_decoder)
            self.decoder = custom_decoder
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        self._reset_parameters()

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Value:
        """Encode src, and decode tgt beside it.

        Raises:
            ShapeError, KindError, InputError: an argument does not fit.
        """
        self._sequence("src", src, self.d_model)
        self._sequence("tgt", tgt, self.d_model)
        batch = 0 if self.batch_first else 1
        if src.ndim != tgt.ndim or (src.ndim == 3 and src.shape[batch] != tgt.shape[batch]):
            raise ShapeError(
                f"{self._name}: expected src and tgt of one batch, got {tuple(src.shape)} and "
                f"{tuple(tgt.shape)}"
            )
        memory, pull_encoder = run(
            self.encoder,
            src,
            mask=src_mask,
            src_key_padding_mask=src_key_padding_mask,
            is_causal=src_is_causal,
        )
        y, pull_decoder = run(
            self.decoder,
            (tgt, memory),
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )

        def back(dy: Any) -> Any:
            dtgt, dmemory = pull_decoder(dy)
            return pull_encoder(dmemory), dtgt

        return self._remembered((src, tgt), y, back)

    def reset_parameters(self) -> None:
        """Draw the parameters anew, from the generator that the module has."""
        super().reset_parameters()
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        """Draw all matrices from Glorot's uniform distribution, in PyTorch's order."""
        for p in self.parameters():
            if p.ndim > 1:
                cells = math.prod(p.shape[2:])
                deviation = math.sqrt(2.0 / float((p.shape[1] + p.shape[0]) * cells))
                bound = math.sqrt(3.0) * deviation
                p.copy_(p.new_empty(p.shape).uniform_(-bound, bound, generator=source(self._rng)))

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
        """Make the causal mask: −∞ for what is later, and else 0.

        >>> Transformer.generate_square_subsequent_mask(2)
        tensor([[0., -inf],
                [0., 0.]])
        """
        count = size("Transformer", "sz", sz)
        return empty((count, count), device=device, dtype=dtype).fill_(-math.inf).triu_(1)
