"""Sequences of different lengths that were padded to one."""

from __future__ import annotations

from funcdl.tensor import Tensor

__all__ = ["beyond", "ended"]


def ended(lengths: Tensor, time: int) -> Tensor:
    """Tell where padded sequences have ended.

    Args:
        lengths: (…), from 0 to `time`; others raise the error of an index out of range.
        time: the length of all.

    Returns:
        True where a sequence has ended, (…, time).

    >>> from funcdl.tensor import empty
    >>> ended(empty(2).fill_(2).long(), 3)
    tensor([[False, False,  True],
            [False, False,  True]])
    """
    # A row for each length that there is.
    table = lengths.new_ones((time + 1, time)).triu_().bool()
    return table.index_select(0, lengths.reshape(-1)).reshape(*lengths.shape, time)


def beyond(time: int) -> int:
    """Return the number that each length is below."""
    return time + 1
