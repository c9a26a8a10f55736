"""Records that come out of a file: the types of a NamedTuple's fields say what is read.

A field is a `bool`, an `int`, a `float`, a `str`, `None`, `Any`, another NamedTuple, a list, a
tuple or a dictionary of these, or a union; `Annotated` says more of it. A field with a default may
be missing, so that files from before it are read. A record whose fields must fit each other has a
method `contradiction`, which says what was expected and what came, or nothing.

    class Point(NamedTuple):
        name: str
        place: Annotated[float, Within(0, 1)] = 0.5

An integer is a number too, and stays one; what is written by `named` is read as it was.
"""

from studykit.schema.names import nearest, short, unknown
from studykit.schema.reader import field, named, read
from studykit.schema.rules import IN_ORDER, Count, Entries, Form, Share, Sized, Within

__all__ = [
    "IN_ORDER",
    "Count",
    "Entries",
    "Form",
    "Share",
    "Sized",
    "Within",
    "field",
    "named",
    "nearest",
    "read",
    "short",
    "unknown",
]
