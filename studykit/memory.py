"""Whether an error comes of memory that is not there."""

from __future__ import annotations

__all__ = ["no_memory"]

WORDS = ("allocate memory", "bad_alloc", "out of memory")
"""What PyTorch says where memory is missing, on a processor and on CUDA."""


def no_memory(error: BaseException | None) -> bool:
    """Tell whether an error comes of memory that is not there, whoever put it in other words.

    >>> no_memory(MemoryError()), no_memory(RuntimeError("CUDA out of memory.")), no_memory(None)
    (True, True, False)
    """
    while error is not None:
        if isinstance(error, MemoryError) or any(word in str(error) for word in WORDS):
            return True
        error = error.__cause__ or error.__context__
    return False
