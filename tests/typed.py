"""What a type checker makes of layers and modules: mypy asks for each mark, and for no other."""

from typing import Any, assert_type

from torch import Generator, Tensor, ones

from funcdl import (
    GRU,
    Affine,
    BatchNorm,
    Conv2d,
    CrossEntropyLoss,
    Layer,
    Linear,
    Lookup,
    LossMSE,
    Module,
    ReLU,
    Sequential,
    batch_norm,
    concat,
    cosine_similarity,
    embedding,
    fan_out,
    flatten,
    freeze,
    inference,
    join,
    linear,
    mse,
    named,
    parallel,
    relu,
    remat,
    serial,
    sgd,
    shared,
    stage,
    supervised,
    tap,
    training_step,
)


def right() -> Module:
    """Write what goes without a word."""
    LossMSE(reduction="sum")
    CrossEntropyLoss(None, ignore_index=3)
    return Sequential(Conv2d(2, 8, (3, 5), padding="same"), ReLU(), Linear(2, 25, bias=False))


def layers(rng: Generator) -> None:
    """Write what an editor knows the type of: of factories and of ready layers."""
    assert_type(linear(3), Layer[Affine, Tensor, Tensor])
    assert_type(relu, Layer[tuple[()], Tensor, Tensor])
    params, _ = linear(3).init(rng, (2,))
    y, vjp = linear(3)(params, ones(5, 2))
    assert_type(y, Tensor)
    assert_type(vjp(y), tuple[Affine, Tensor])
    assert_type(serial(flatten(2), linear(3), relu), Layer[tuple[Any, ...], Tensor, Tensor])
    assert_type(serial(*[linear(3), relu]), Layer[tuple[Any, ...], Tensor, Tensor])


def networks(x: Tensor) -> None:
    """Write networks whose values are not all tensors, or that have a user's own parts."""

    def square(params: tuple[()], x: Tensor) -> tuple[Tensor, Any]:
        return x * x, lambda dy: ((), 2 * x * dy)

    assert_type(serial(square, linear(3)), Layer[tuple[Any, ...], Tensor, Tensor])
    assert_type(serial(linear(3), tap(linear(2))), Layer[tuple[Any, ...], Any, Any])
    assert_type(serial(parallel(relu, relu), join()), Layer[tuple[Any, ...], Any, Any])
    for kept in (
        named("head", linear(3)),
        inference(linear(3)),
        freeze(linear(3)),
        remat(linear(3)),
    ):
        assert_type(kept, Layer[Affine, Tensor, Tensor])
    assert_type(shared(linear(3), axis=-2), Layer[Affine, Any, Any])
    assert_type(concat(linear(3), relu), Layer[tuple[Any, ...], Any, Tensor])
    assert_type(fan_out(linear(3), relu), Layer[tuple[Any, ...], Any, tuple[Any, ...]])
    assert_type(batch_norm(), Layer[BatchNorm, Tensor, Tensor])
    assert_type(embedding(10, 4), Layer[Lookup, Tensor, Tensor])
    assert_type(cosine_similarity(), Layer[tuple[()], tuple[Tensor, Tensor], Tensor])


def steps(params: Affine, x: Tensor) -> None:
    """Write a step of training."""
    optimiser = sgd(0.1)
    step = stage(training_step(supervised(linear(3), mse()), optimiser))
    assert_type(step(params, optimiser.init(params), (x, x))[2], Tensor)


def wrong_layers() -> None:
    """Write what an editor marks, in layers."""
    linear("3")  # type: ignore[arg-type]
    linear()  # type: ignore[call-arg]
    serial(relu, "relu")  # type: ignore[arg-type]
    print(relu((), ones(2)).shape)  # type: ignore[attr-defined]


def wrong() -> None:
    """Write what an editor marks."""
    Linear(2)  # type: ignore[call-arg]
    Linear(2, "25")  # type: ignore[arg-type]
    Linear(2, 25, "He")  # type: ignore[arg-type]
    Conv2d(2, 8, 3, pading=1)  # type: ignore[call-arg]
    GRU(2, 3, layers=2)  # type: ignore[call-arg]
    LossMSE(reduction=3)  # type: ignore[arg-type]
    ReLU(False, 2)  # type: ignore[call-arg]
