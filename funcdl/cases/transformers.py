"""Transformers, in PyTorch's functions."""

from __future__ import annotations

from typing import Any

from funcdl import combinators
from funcdl.cases.attentions import attended
from funcdl.cases.case import Case
from funcdl.cases.draws import indices, normals
from funcdl.contract import Shape, Value
from funcdl.tensor import Generator

__all__ = ["CASES"]

SHAPE = (3, 5, 4)
CAUSAL, CROSS, PADDED = attended(2, causal=True), attended(2), attended(2, lengths=True)


def padded(rng: Generator, shape: Shape) -> Value:
    """Draw sequences, and lengths of the last of them."""
    *sequences, lengths = shape
    ends = indices(sequences[-1][-2] + 1)(rng, lengths)
    return (*(normals(rng, part) for part in sequences), ends)


def _normed(nnf: Any, p: Any, x: Any) -> Any:
    return nnf.layer_norm(x, x.shape[-1:], p.scale, p.bias)


def _network(nnf: Any, p: Any, x: Any) -> Any:
    """Two linear maps with the function of their layer between."""
    first, *_, last = p
    return nnf.relu(x @ first.w + first.b) @ last.w + last.b


def _norm_first(nnf: Any, p: Any, x: Any) -> Any:
    for (norm, attention), (other, *network) in p:
        x = x + CAUSAL(nnf, attention, _normed(nnf, norm, x))
        x = x + _network(nnf, network, _normed(nnf, other, x))
    return x


def _norm_last(nnf: Any, p: Any, given: Any) -> Any:
    x, lengths = given
    for ((attention, _), norm, network, other), _ in p[:-1]:
        x = _normed(nnf, norm, x + PADDED(nnf, attention, (x, lengths)))
        x = _normed(nnf, other, x + _network(nnf, network, x))
    return x


def _decoder(nnf: Any, p: Any, given: Any) -> Any:
    x, others = given
    for ((own, _), (cross, _), norm, network, other), _ in p[:-1]:
        _, attention, first = own
        x = _normed(nnf, first, x + CAUSAL(nnf, attention, x))
        x = _normed(nnf, norm, x + CROSS(nnf, cross, (x, others)))
        x = _normed(nnf, other, x + _network(nnf, network, x))
    return x


def _decoder_norm_first(nnf: Any, p: Any, given: Any) -> Any:
    x, others, lengths = given
    for ((own, *_), (cross, _), (other, *network)), *_ in p[:-1]:
        norm, attention = own[1]
        x = x + CAUSAL(nnf, attention, _normed(nnf, norm, x))
        (norm, *_), attention = cross
        x = x + PADDED(nnf, attention, (_normed(nnf, norm, x), others, lengths))
        x = x + _network(nnf, network, _normed(nnf, other, x))
    return x


CASES = [
    Case(
        combinators.encoder_blocks(2, 2, 6, 4, norm_first=True, causal=True),
        SHAPE,
        oracle=_norm_first,
        of="encoder_blocks",
        id="encoder_blocks with norms first",
    ),
    Case(
        combinators.encoder_blocks(2, 2, 6, 4, lengths=True),
        (SHAPE, (3,)),
        draw=padded,
        oracle=_norm_last,
        of="encoder_blocks",
        id="encoder_blocks of padded sequences",
    ),
    Case(
        combinators.decoder_blocks(2, 2, 6, 4),
        (SHAPE, (3, 7, 3)),
        oracle=_decoder,
        of="decoder_blocks",
        id="decoder_blocks",
    ),
    Case(
        combinators.decoder_blocks(1, 2, 6, 4, norm_first=True, lengths=True),
        (SHAPE, (3, 7, 3), (3,)),
        draw=padded,
        oracle=_decoder_norm_first,
        of="decoder_blocks",
        id="decoder_blocks that looks at padded sequences",
    ),
]
