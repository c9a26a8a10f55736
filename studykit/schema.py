"""Records and JSON: what a file holds, and what a program makes of it."""

from __future__ import annotations

from typing import Any

__all__ = ["named"]


def named(record: Any) -> Any:
    """Return a record as JSON has it, every value by its name, and those within it too."""
    if not hasattr(record, "_asdict"):
        return record
    return {key: named(value) for key, value in record._asdict().items()}
