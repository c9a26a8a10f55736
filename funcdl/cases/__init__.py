"""The one table of cases: every layer, loss and combinator, with what to try it on.

A row is all that a new layer needs to be tried by whatever reads the table: the judge and the
other tests, with torch.autograd and torch's own functions as oracles; `funcdl-cli check`; the
fuzzing; the Modules; and the reference, which lists it.

>>> import torch
>>> from funcdl import judge
>>> row = next(case for case in CASES if case.name == "linear")
>>> row.layer, row.shape
(linear(3), (4, 5))
>>> "derivative" in judge(row.layer, row.shape, torch.Generator().manual_seed(0)).held
True
"""

from funcdl.cases import (
    activations,
    attentions,
    combinators,
    distances,
    images,
    layouts,
    linears,
    losses,
    norms,
    recurrent,
    sequences,
    transformers,
)
from funcdl.cases.case import Case

__all__ = ["CASES", "FAMILIES", "Case"]

FAMILIES = {
    "linears": linears.CASES,
    "images": images.CASES,
    "activations": activations.CASES,
    "norms": norms.CASES,
    "sequences": [*sequences.CASES, *attentions.CASES],
    "recurrent": recurrent.CASES,
    "distances": distances.CASES,
    "layouts": layouts.CASES,
    "combinators": [*combinators.CASES, *transformers.CASES],
    "losses": losses.CASES,
}

CASES = [case for cases in FAMILIES.values() for case in cases]
