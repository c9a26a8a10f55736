"""What a type checker makes of modules: mypy asks for each of these marks, and for no other."""

from funcdl import GRU, Conv2d, CrossEntropyLoss, Linear, LossMSE, Module, ReLU, Sequential


def right() -> Module:
    """Write what goes without a word."""
    LossMSE(reduction="sum")
    CrossEntropyLoss(None, ignore_index=3)
    return Sequential(Conv2d(2, 8, (3, 5), padding="same"), ReLU(), Linear(2, 25, bias=False))


def wrong() -> None:
    """Write what an editor marks."""
    Linear(2)  # type: ignore[call-arg]
    Linear(2, "25")  # type: ignore[arg-type]
    Linear(2, 25, "He")  # type: ignore[arg-type]
    Conv2d(2, 8, 3, pading=1)  # type: ignore[call-arg]
    GRU(2, 3, layers=2)  # type: ignore[call-arg]
    LossMSE(reduction=3)  # type: ignore[arg-type]
    ReLU(False, 2)  # type: ignore[call-arg]
