"""The study once for each value of one setting: its values, folders, numbers and tables."""

from pairs.sweep.settings import (
    SWEPT,
    SweepError,
    Swept,
    Value,
    command,
    in_order,
    models,
    steps,
    text,
    value_of,
    values,
)

__all__ = [
    "SWEPT",
    "SweepError",
    "Swept",
    "Value",
    "command",
    "in_order",
    "models",
    "steps",
    "text",
    "value_of",
    "values",
]
