"""Whether calls may be moved: each buffer sees its reads and writes in the order that it had."""

from __future__ import annotations

from collections.abc import Sequence

from funcdl.staging.memory import Buffer
from funcdl.staging.program import reads, writes
from funcdl.watching.call import Call

__all__ = ["keeps_order"]


def keeps_order(calls: Sequence[Call], position: list[int]) -> bool:
    """Tell whether each buffer sees its reads and writes in order after calls were moved.

    >>> import torch
    >>> from funcdl.staging.translate import program_of
    >>> def step(params, state, batch):
    ...     y = params.exp()
    ...     return params + y, state, batch.sum()
    >>> calls = program_of(step, torch.ones(3), (), torch.ones(3)).calls  # exp, add, sum
    >>> keeps_order(calls, [2, 2, 2]), keeps_order(calls, [2, 1, 2])
    (True, False)
    """
    written: dict[Buffer, int] = {}
    touched: dict[Buffer, int] = {}
    for call, at in zip(calls, position):
        for buffer in reads(call) | writes(call):
            if at < (touched if buffer in writes(call) else written).get(buffer, -1):
                return False
            touched[buffer] = max(touched.get(buffer, -1), at)
        for buffer in writes(call):
            written[buffer] = max(written.get(buffer, -1), at)
    return True
