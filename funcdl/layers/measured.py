"""Whether a population was ever measured: a norm that evaluates by what `init` gave says so."""

from __future__ import annotations

from warnings import warn
from weakref import WeakValueDictionary

from funcdl.errors import FuncdlWarning
from funcdl.tensor import Tensor

__all__ = ["accept", "ask_for_calibration"]

# Numbers are looked at once for each tensor, as long as it lives; a second look costs no pass.
_looked_at: WeakValueDictionary[int, Tensor] = WeakValueDictionary()


def accept(var: Tensor) -> None:
    """Take the moments with this variance as they are: someone else keeps them, a module say."""
    _looked_at[id(var)] = var


def ask_for_calibration(where: str, mean: Tensor, var: Tensor) -> None:
    """Warn, once for each tensor, of means that are all 0 with variances that are all 1.

    No population that was measured has exactly these; `init` gives them, and so does PyTorch.
    """
    if _looked_at.get(id(var)) is var:
        return
    accept(var)
    try:
        measured = bool(mean.any()) or bool(var.ne(1).any())
    except RuntimeError:  # there are no numbers: on torch's meta device, or under its transforms
        return
    if not measured:
        warn(
            f"{where}: expected a mean and a variance that were measured, got the 0 and 1 of init: "
            "calibrate the network after training, with calibrate(net, params, batches, rng)",
            FuncdlWarning,
            stacklevel=2,
        )
