"""Convolutions and pools, on channels-last images and sequences."""

from __future__ import annotations

import math
from typing import Any

from funcdl import layers
from funcdl.cases.case import Case, Oracle


def _first(t: Any) -> Any:
    """Channels first, as PyTorch has them."""
    return t.movedim(-1, -3)


def _last(t: Any) -> Any:
    return t.movedim(-3, -1)


def _convolved(function: str, **settings: Any) -> Oracle:
    def oracle(nnf: Any, p: Any, x: Any) -> Any:
        b = None if p.b == () else p.b
        return _last(getattr(nnf, function)(_first(x), p.w.permute(3, 2, 0, 1), b, **settings))

    return oracle


def _conv(**settings: Any) -> Oracle:
    return _convolved("conv2d", **settings)


def _transposed(**settings: Any) -> Oracle:
    return _convolved("conv_transpose2d", **settings)


def _transposed_sequence(**settings: Any) -> Oracle:
    return lambda nnf, p, x: nnf.conv_transpose1d(x.mT, p.w.permute(2, 1, 0), p.b, **settings).mT


def _of_sequences(amounts: tuple[int, int] = (0, 0), **settings: Any) -> Oracle:
    return lambda nnf, p, x: (
        nnf.conv1d(nnf.pad(x.mT, amounts), p.w.permute(2, 1, 0), p.b, **settings).mT
    )


def _with_border(amounts: tuple[int, ...], mode: str = "constant", **settings: Any) -> Oracle:
    """Give the oracle of a convolution with a border that PyTorch has as a step of its own."""

    def oracle(nnf: Any, p: Any, x: Any) -> Any:
        bordered = nnf.pad(_first(x), amounts, mode)
        return _last(nnf.conv2d(bordered, p.w.permute(3, 2, 0, 1), p.b, **settings))

    return oracle


def pooled(function: str, *settings: Any) -> Oracle:
    """Give the oracle of a pool, by PyTorch's name for it."""
    return lambda nnf, p, x: _last(getattr(nnf, function)(_first(x), *settings))


def _averaged_inside(kernel: tuple[int, int], amounts: tuple[int, ...]) -> Oracle:
    """Give the oracle of means of what is inside of the image, with any border, in steps of 1."""

    def oracle(nnf: Any, p: Any, x: Any) -> Any:
        sums, counts = (
            nnf.avg_pool2d(nnf.pad(t, amounts), kernel, 1) for t in (_first(x), _first(x * 0 + 1))
        )
        return _last(sums / counts)

    return oracle


def _pooled_sequence(function: str, *settings: Any) -> Oracle:
    return lambda nnf, p, x: getattr(nnf, function)(x.mT, *settings).mT


def _upsampled(own: int, **settings: Any) -> Oracle:
    """Give the oracle of a layer that makes `own` axes before the channels longer."""
    return lambda nnf, p, x: nnf.interpolate(x.movedim(-1, -own - 1), **settings).movedim(
        -own - 1, -1
    )


def _padded(amounts: tuple[int, ...], mode: str = "constant", value: float = 0.0) -> Oracle:
    """Give the oracle of a border; its amounts as PyTorch has them, of the last axis first."""
    own = len(amounts) // 2

    def oracle(nnf: Any, p: Any, x: Any) -> Any:
        channels = x.movedim(-1, -own - 1)
        return nnf.pad(channels, amounts, mode, value if mode == "constant" else None).movedim(
            -own - 1, -1
        )

    return oracle


CASES = [
    Case(
        layers.pad2d(1),
        (2, 4, 3, 2),
        oracle=_padded((1, 1, 1, 1)),
        module=("ZeroPad2d", 1),
    ),
    Case(
        layers.pad2d(((1, 0), (-1, 2)), value=2.5),
        (2, 4, 3, 2),
        oracle=_padded((-1, 2, 1, 0), value=2.5),
        module=("ConstantPad2d", (-1, 2, 1, 0), 2.5),
    ),
    Case(
        layers.pad2d(((2, 1), (0, 2)), mode="reflect"),
        (2, 4, 3, 2),
        oracle=_padded((0, 2, 2, 1), "reflect"),
        module=("ReflectionPad2d", (0, 2, 2, 1)),
    ),
    Case(
        layers.pad2d((1, 3), mode="replicate"),
        (2, 3, 2, 2),
        oracle=_padded((3, 3, 1, 1), "replicate"),
        module=("ReplicationPad2d", (3, 3, 1, 1)),
    ),
    Case(
        layers.pad2d((2, 1), mode="circular"),
        (2, 3, 2, 2),
        oracle=_padded((1, 1, 2, 2), "circular"),
        module=("CircularPad2d", (1, 1, 2, 2)),
    ),
    Case(layers.pad2d(-1, mode="reflect"), (2, 2, 3, 4, 1), id="pad2d that cuts, two leading axes"),
    Case(
        layers.pad1d((2, 0)),
        (2, 5, 3),
        oracle=_padded((2, 0)),
        module=("ZeroPad1d", (2, 0)),
    ),
    Case(
        layers.pad1d((0, 1), value=-1.5),
        (2, 5, 3),
        oracle=_padded((0, 1), value=-1.5),
        module=("ConstantPad1d", (0, 1), -1.5),
    ),
    Case(
        layers.pad1d((-1, 3), mode="reflect"),
        (2, 5, 3),
        oracle=_padded((-1, 3), "reflect"),
        module=("ReflectionPad1d", (-1, 3)),
    ),
    Case(
        layers.pad1d(2, mode="replicate"),
        (2, 5, 3),
        oracle=_padded((2, 2), "replicate"),
        module=("ReplicationPad1d", 2),
    ),
    Case(
        layers.pad1d((5, 1), mode="circular"),
        (2, 5, 3),
        oracle=_padded((5, 1), "circular"),
        module=("CircularPad1d", (5, 1)),
    ),
    Case(layers.conv2d(3, 3), (2, 6, 5, 2), oracle=_conv(), module=("Conv2d", 2, 3, 3)),
    Case(
        layers.conv2d(3, (2, 3), b_init=None),
        (2, 6, 5, 2),
        oracle=_conv(),
        module=("Conv2d", 2, 3, (2, 3), 1, 0, 1, 1, False),
    ),
    Case(
        layers.conv2d(2, 3, stride=2, padding=1),
        (2, 7, 6, 3),
        oracle=_conv(stride=2, padding=1),
        module=("Conv2d", 3, 2, 3, 2, 1),
    ),
    Case(
        layers.conv2d(2, (3, 2), stride=(1, 2), padding=(2, 1), dilation=(2, 1)),
        (2, 6, 5, 3),
        oracle=_conv(stride=(1, 2), padding=(2, 1), dilation=(2, 1)),
    ),
    Case(layers.conv2d(2, 3, dilation=2), (2, 7, 6, 4), oracle=_conv(dilation=2)),
    Case(layers.conv2d(4, 3, groups=2), (2, 5, 5, 6), oracle=_conv(groups=2)),
    Case(
        layers.conv2d(3, 2, groups=3),
        (2, 4, 4, 6),
        oracle=_conv(groups=3),
        id="conv2d, two a group",
    ),
    Case(
        layers.conv2d(6, 3, groups=3, padding=1, b_init=None),
        (2, 5, 4, 3),
        oracle=_conv(groups=3, padding=1),
    ),
    Case(layers.conv2d(4, 2, groups=2, stride=2), (2, 2, 6, 6, 4), id="conv2d in groups, two axes"),
    Case(
        layers.conv2d(3, (3, 2), groups=3, stride=(1, 2), padding=1, dilation=(1, 2)),
        (2, 5, 6, 3),
        oracle=_conv(groups=3, stride=(1, 2), padding=1, dilation=(1, 2)),
    ),
    Case(layers.conv2d(2, 3, groups=2, b_init=None), (2, 2, 4, 4, 2), id="depthwise on two axes"),
    Case(
        layers.conv2d(2, (2, 3), stride=(1, 2)),
        (2, 4, 5, 17),
        oracle=_conv(stride=(1, 2)),
        id="conv2d of many channels",
    ),
    Case(layers.conv2d(4, 1), (2, 3, 3, 2), oracle=_conv()),
    Case(
        layers.conv2d(3, (3, 2), padding="same", dilation=(1, 2)),
        (2, 4, 5, 2),
        oracle=_conv(padding="same", dilation=(1, 2)),
        module=("Conv2d", 2, 3, (3, 2), 1, "same", (1, 2)),
    ),
    Case(
        layers.conv2d(2, 3, padding="same", stride=(2, 3)),
        (2, 6, 7, 3),
        oracle=_with_border((1, 1, 0, 1), stride=(2, 3)),
    ),
    Case(
        layers.conv2d(4, 3, padding=((2, 0), (0, 1)), groups=2),
        (2, 3, 4, 4),
        oracle=_with_border((0, 1, 2, 0), groups=2),
    ),
    Case(layers.conv2d(2, 3, stride=2), (2, 2, 8, 6, 1)),
    Case(layers.conv1d(3, 3), (2, 7, 4), oracle=_of_sequences()),
    Case(
        layers.conv1d(4, 2, stride=2, padding=1, dilation=2, groups=2),
        (2, 7, 4),
        oracle=_of_sequences(stride=2, padding=1, dilation=2, groups=2),
        module=("Conv1d", 4, 4, 2, 2, 1, 2, 2),
    ),
    Case(
        layers.conv2d(2, 3, padding=(1, 2), padding_mode="reflect"),
        (2, 4, 5, 2),
        oracle=_with_border((2, 2, 1, 1), "reflect"),
        module=("Conv2d", 2, 2, 3, 1, (1, 2), 1, 1, True, "reflect"),
    ),
    Case(
        layers.conv2d(2, 2, padding="same", padding_mode="circular", groups=2),
        (2, 3, 4, 2),
        oracle=_with_border((0, 1, 0, 1), "circular", groups=2),
        module=("Conv2d", 2, 2, 2, 1, "same", 1, 2, True, "circular"),
    ),
    Case(
        layers.conv2d(2, 3, padding=1, padding_mode="replicate"),
        (2, 2, 3, 4, 2),
        id="conv2d of a replicated border, two axes",
    ),
    Case(
        layers.conv1d(2, 3, padding=2, padding_mode="reflect"),
        (2, 5, 2),
        oracle=lambda nnf, p, x: (
            nnf.conv1d(nnf.pad(x.mT, (2, 2), "reflect"), p.w.permute(2, 1, 0), p.b).mT
        ),
        module=("Conv1d", 2, 2, 3, 1, 2, 1, 1, True, "reflect"),
    ),
    Case(layers.conv1d(3, 3, padding="causal"), (2, 5, 2), oracle=_of_sequences((2, 0))),
    Case(
        layers.conv1d(3, 3, padding="causal", stride=2, dilation=2),
        (2, 6, 2),
        oracle=_of_sequences((4, 0), stride=2, dilation=2),
    ),
    Case(
        layers.conv1d(3, 4, padding="same", stride=2),
        (2, 5, 2),
        oracle=_of_sequences((1, 2), stride=2),
    ),
    Case(
        layers.conv1d(3, 4, padding="same"),
        (2, 5, 2),
        oracle=_of_sequences((1, 2)),
        module=("Conv1d", 2, 3, 4, 1, "same"),
    ),
    Case(layers.conv1d(3, 2, padding=(0, 3)), (2, 5, 2), oracle=_of_sequences((0, 3))),
    Case(layers.conv1d(2, 3), (2, 2, 5, 1), id="conv1d on two leading axes"),
    Case(layers.conv_transpose2d(3, 2), (2, 4, 3, 2), oracle=_transposed()),
    Case(
        layers.conv_transpose2d(2, 3, stride=2, padding=1, output_padding=1),
        (2, 4, 3, 2),
        oracle=_transposed(stride=2, padding=1, output_padding=1),
        module=("ConvTranspose2d", 2, 2, 3, 2, 1, 1),
    ),
    Case(
        layers.conv_transpose2d(2, (2, 3), stride=(3, 1), b_init=None),
        (2, 4, 3, 5),
        oracle=_transposed(stride=(3, 1)),
    ),
    Case(
        layers.conv_transpose2d(16, 3, stride=2),
        (2, 3, 2, 2),
        oracle=_transposed(stride=2),
        id="conv_transpose2d to many channels",
    ),
    Case(
        layers.conv_transpose2d(4, 3, stride=2, padding=1, output_padding=1, groups=2),
        (2, 3, 4, 6),
        oracle=_transposed(stride=2, padding=1, output_padding=1, groups=2),
        module=("ConvTranspose2d", 6, 4, 3, 2, 1, 1, 2),
    ),
    Case(
        layers.conv_transpose2d(2, (2, 3), padding=1, output_padding=(1, 0), dilation=(2, 3)),
        (2, 3, 4, 2),
        oracle=_transposed(padding=1, output_padding=(1, 0), dilation=(2, 3)),
        module=("ConvTranspose2d", 2, 2, (2, 3), 1, 1, (1, 0), 1, True, (2, 3)),
    ),
    Case(
        layers.conv_transpose2d(3, 2, groups=3, b_init=None),
        (2, 2, 3, 2, 3),
        id="conv_transpose2d of each channel, two axes",
    ),
    Case(
        layers.conv_transpose1d(3, 3, stride=2, padding=1, output_padding=1),
        (2, 4, 2),
        oracle=_transposed_sequence(stride=2, padding=1, output_padding=1),
        module=("ConvTranspose1d", 2, 3, 3, 2, 1, 1),
    ),
    Case(
        layers.conv_transpose1d(2, 2, dilation=3, groups=2),
        (2, 4, 4),
        oracle=_transposed_sequence(dilation=3, groups=2),
        module=("ConvTranspose1d", 4, 2, 2, 1, 0, 0, 2, True, 3),
    ),
    Case(layers.conv_transpose2d(2, 2), (2, 2, 3, 3, 1), id="conv_transpose2d on two leading axes"),
    Case(layers.max_pool2d(2), (2, 6, 4, 3), oracle=pooled("max_pool2d", 2)),
    Case(
        layers.max_pool2d(2),
        (2, 5, 7, 3),
        id="max_pool2d(2) with a rest",
        oracle=pooled("max_pool2d", 2),
    ),
    Case(layers.max_pool2d(3, stride=2), (2, 7, 7, 2), oracle=pooled("max_pool2d", 3, 2)),
    Case(
        layers.max_pool2d((1, 2)),
        (2, 4, 4, 1),
        oracle=pooled("max_pool2d", (1, 2)),
        module=("MaxPool2d", (1, 2)),
    ),
    Case(
        layers.max_pool2d((2, 3), stride=(1, 2), padding=1),
        (2, 4, 5, 2),
        oracle=pooled("max_pool2d", (2, 3), (1, 2), 1),
        module=("MaxPool2d", (2, 3), (1, 2), 1),
    ),
    Case(layers.max_pool2d(1), (2, 3, 3, 1), oracle=pooled("max_pool2d", 1)),
    Case(
        layers.avg_pool2d(2),
        (2, 6, 5, 3),
        oracle=pooled("avg_pool2d", 2),
        module=("AvgPool2d", 2),
    ),
    Case(
        layers.avg_pool2d((2, 3), stride=(1, 2), padding=1),
        (2, 4, 5, 2),
        oracle=pooled("avg_pool2d", (2, 3), (1, 2), 1),
    ),
    Case(
        layers.max_pool2d(3, stride=2, padding=1, ceil_mode=True),
        (2, 6, 5, 2),
        oracle=pooled("max_pool2d", 3, 2, 1, 1, True),
        module=("MaxPool2d", 3, 2, 1, 1, False, True),
    ),
    Case(
        layers.max_pool2d(2, stride=3, dilation=(2, 1), ceil_mode=True),
        (2, 8, 6, 2),
        oracle=pooled("max_pool2d", 2, 3, 0, (2, 1), True),
        module=("MaxPool2d", 2, 3, 0, (2, 1), False, True),
    ),
    # Of a window of −∞ alone a border that is padded before PyTorch's pool may be chosen, and NaN
    # from vector instructions has other bits than the NaN that it came from.
    Case(
        layers.max_pool2d((3, 2), stride=(2, 1), padding="same"),
        (2, 6, 4, 2),
        oracle=lambda nnf, p, x: _last(
            nnf.max_pool2d(nnf.pad(_first(x), (0, 1, 0, 1), value=-math.inf), (3, 2), (2, 1))
        ),
        specials=False,
    ),
    Case(
        layers.avg_pool2d(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
        (2, 6, 5, 2),
        oracle=pooled("avg_pool2d", 3, 2, 1, True, False),
        module=("AvgPool2d", 3, 2, 1, True, False),
    ),
    Case(
        layers.avg_pool2d(3, stride=2, padding=(1, 0), ceil_mode=True),
        (2, 6, 4, 2),
        oracle=pooled("avg_pool2d", 3, 2, (1, 0), True),
    ),
    Case(
        layers.avg_pool2d((3, 2), stride=1, padding="same", count_include_pad=False),
        (2, 4, 3, 2),
        oracle=_averaged_inside((3, 2), (0, 1, 1, 1)),
    ),
    Case(
        layers.avg_pool2d(2, divisor=3),
        (2, 4, 5, 2),
        oracle=pooled("avg_pool2d", 2, None, 0, False, True, 3),
        module=("AvgPool2d", 2, None, 0, False, True, 3),
    ),
    Case(
        layers.max_pool1d(3, stride=2, padding=1, ceil_mode=True),
        (2, 6, 2),
        oracle=_pooled_sequence("max_pool1d", 3, 2, 1, 1, True),
        module=("MaxPool1d", 3, 2, 1, 1, False, True),
    ),
    Case(
        layers.max_pool1d(2, stride=1, padding="causal", dilation=2),
        (2, 5, 2),
        oracle=lambda nnf, p, x: (
            nnf.max_pool1d(nnf.pad(x.mT, (2, 0), value=-math.inf), 2, 1, 0, 2).mT
        ),
        specials=False,
    ),
    Case(layers.max_pool1d(2), (2, 2, 5, 1), id="max_pool1d on two leading axes"),
    Case(
        layers.avg_pool1d(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
        (2, 6, 2),
        oracle=_pooled_sequence("avg_pool1d", 3, 2, 1, True, False),
        module=("AvgPool1d", 3, 2, 1, True, False),
    ),
    Case(
        layers.avg_pool1d(2),
        (2, 5, 2),
        oracle=_pooled_sequence("avg_pool1d", 2),
        module=("AvgPool1d", 2),
    ),
    Case(
        layers.avg_pool1d(3, stride=1, padding=(2, 0)),
        (2, 5, 2),
        oracle=lambda nnf, p, x: nnf.avg_pool1d(nnf.pad(x.mT, (2, 0)), 3, 1).mT,
    ),
    Case(
        layers.global_avg_pool1d,
        (2, 5, 3),
        oracle=lambda nnf, p, x: x.mean(1),
        module=("GlobalAvgPool1d",),
    ),
    Case(
        layers.global_max_pool1d,
        (2, 5, 3),
        oracle=lambda nnf, p, x: nnf.adaptive_max_pool1d(x.mT, 1).squeeze(-1),
        module=("GlobalMaxPool1d",),
    ),
    Case(
        layers.global_avg_pool2d,
        (2, 4, 5, 3),
        oracle=lambda nnf, p, x: x.mean((1, 2)),
        module=("GlobalAvgPool2d",),
    ),
    Case(
        layers.global_max_pool2d,
        (2, 4, 5, 3),
        oracle=lambda nnf, p, x: nnf.adaptive_max_pool2d(_first(x), 1).flatten(1),
        module=("GlobalMaxPool2d",),
    ),
    Case(
        layers.adaptive_avg_pool2d(2),
        (2, 4, 6, 3),
        oracle=pooled("adaptive_avg_pool2d", 2),
        module=("AdaptiveAvgPool2d", 2),
    ),
    Case(
        layers.adaptive_avg_pool2d((3, 4)),
        (2, 5, 3, 2),
        oracle=pooled("adaptive_avg_pool2d", (3, 4)),
    ),
    Case(
        layers.adaptive_max_pool2d((2, 3)),
        (2, 5, 7, 2),
        oracle=pooled("adaptive_max_pool2d", (2, 3)),
        module=("AdaptiveMaxPool2d", (2, 3)),
    ),
    Case(
        layers.adaptive_max_pool2d((None, 2)),
        (2, 3, 5, 2),
        oracle=pooled("adaptive_max_pool2d", (None, 2)),
    ),
    Case(layers.adaptive_max_pool2d(2), (2, 2, 4, 3, 1), id="adaptive_max_pool2d on two axes"),
    Case(
        layers.adaptive_avg_pool1d(3),
        (2, 7, 2),
        oracle=_pooled_sequence("adaptive_avg_pool1d", 3),
        module=("AdaptiveAvgPool1d", 3),
    ),
    Case(
        layers.adaptive_max_pool1d(3),
        (2, 7, 2),
        oracle=_pooled_sequence("adaptive_max_pool1d", 3),
        module=("AdaptiveMaxPool1d", 3),
    ),
    Case(
        layers.upsample2d((2, 3)),
        (2, 2, 3, 2),
        oracle=_upsampled(2, scale_factor=(2, 3)),
        module=("Upsample", None, (2, 3)),
    ),
    Case(
        layers.upsample2d((3, 2), mode="bilinear"),
        (2, 2, 3, 2),
        oracle=_upsampled(2, scale_factor=(3, 2), mode="bilinear"),
        module=("Upsample", None, (3, 2), "bilinear"),
    ),
    Case(
        layers.upsample2d(2, mode="bilinear", align_corners=True),
        (2, 1, 3, 2),
        oracle=_upsampled(2, scale_factor=2, mode="bilinear", align_corners=True),
        module=("Upsample", None, 2, "bilinear", True),
    ),
    Case(layers.upsample2d((1, 2)), (2, 2, 3, 2, 1), id="upsample2d on two leading axes"),
    Case(
        layers.upsample1d(3),
        (2, 4, 2),
        oracle=_upsampled(1, scale_factor=3),
        module=("Upsample", None, 3),
    ),
    Case(
        layers.upsample1d(2, mode="linear"),
        (2, 4, 2),
        oracle=_upsampled(1, scale_factor=2, mode="linear"),
        module=("Upsample", None, 2, "linear"),
    ),
    Case(
        layers.upsample1d(2, mode="linear", align_corners=True),
        (2, 4, 2),
        oracle=_upsampled(1, scale_factor=2, mode="linear", align_corners=True),
    ),
]
