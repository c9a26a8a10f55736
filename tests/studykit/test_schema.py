"""The one reader of records: what fits is read as it was, what does not is one sentence."""

import json
import math
from typing import Annotated, Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funcdl import FuncdlError
from studykit.files import ResultsError
from studykit.schema import IN_ORDER, Entries, Form, Share, Sized, Within, field, named, read


def capitals(text):
    if not text.isupper():
        raise ValueError(text)
    return text


class Part(NamedTuple):
    share: Share
    kind: str | None = None


class Whole(NamedTuple):
    name: str
    count: Annotated[int, Within(1, 9)]
    parts: list[Part] = []  # noqa: RUF012
    pair: Annotated[Part, IN_ORDER] | None = None
    each: Annotated[list[Any], Entries((int, str))] | None = None
    some: Annotated[list[float], Sized(0, 2)] = []  # noqa: RUF012
    by: dict[int, bool] = {}  # noqa: RUF012
    both: tuple[int, int] = (0, 0)
    upper: Annotated[str, Form("a word in capitals", capitals)] = "A"

    def contradiction(self):
        return "name: expected another, got 'odd'" if self.name == "odd" else None


GOOD = {"name": "a", "count": 2}


def test_a_field_with_a_default_may_be_missing():
    assert read(Whole, GOOD, "f") == Whole("a", 2)


def test_what_is_within_is_read_too():
    fields = {
        **GOOD,
        "parts": [{"share": 1}, {"share": 0.5, "kind": "x"}],
        "pair": [0.25, None],
        "each": [1, "b"],
        "by": {"3": True},
        "both": [1, 2],
    }
    found = read(Whole, json.loads(json.dumps(fields)), "f")
    assert found.parts == [Part(1), Part(0.5, "x")]
    assert type(found.parts[0].share) is int
    assert (found.pair, found.each, found.by, found.both) == (
        Part(0.25),
        [1, "b"],
        {3: True},
        (1, 2),
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": 3}, "name: expected a string, got 3"),
        ({"count": True}, "count: expected an integer from 1 to 9, got True"),
        ({"count": 1.0}, "count: expected an integer from 1 to 9, got 1.0"),
        ({"count": 10}, "count: expected an integer from 1 to 9, got 10"),
        ({"cuont": 1}, "cuont: expected one of the keys name, count, parts, pair, each, some, by, both, upper; did you mean count?"),
        ({"xyz": 1}, "xyz: expected one of the keys name, count, parts, pair, each, some, by, both, upper"),
        ({"parts": [{"share": 2}]}, "parts[0].share: expected a number from 0 to 1, got 2"),
        ({"parts": [{"shares": 1}]}, "parts[0].shares: expected one of the keys share, kind; did you mean share?"),
        ({"parts": [{}]}, "parts[0].share: expected a number from 0 to 1, found none"),
        ({"parts": [{"share": 1, "kind": 5}]}, "parts[0].kind: expected a string or null, got 5"),
        ({"parts": [3]}, "parts[0]: expected an object, got 3"),
        ({"parts": {}}, "parts: expected a list, got {}"),
        ({"pair": [1]}, "pair: expected a list of share, kind or null, got [1]"),
        ({"pair": [7, None]}, "pair.share: expected a number from 0 to 1, got 7"),
        ({"each": [1]}, "each: expected a list of 2 or null, got [1]"),
        ({"each": [1, 2]}, "each[1]: expected a string, got 2"),
        ({"some": [1, 2, 3]}, "some: expected a list of 0 to 2, got [1, 2, 3]"),
        ({"some": [math.inf]}, "some[0]: expected a finite number, got inf"),
        ({"by": {"x": True}}, "by.x: expected an integer, got 'x'"),
        ({"by": {"1": 1}}, "by.1: expected true or false, got 1"),
        ({"both": [1, 2, 3]}, "both: expected a list of 2, got [1, 2, 3]"),
        ({"name": "x" * 99, "count": "y" * 99}, "count: expected an integer from 1 to 9, got '" + "y" * 38 + "…"),
        ({"\n" * 3: 1}, "'\\n\\n\\n': expected one of the keys name, count, parts, pair, each, some, by, both, upper"),
        ({"upper": "a"}, "upper: expected a word in capitals, got 'a'"),
        ({"name": "odd"}, "name: expected another, got 'odd'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_sentence_with_its_place(change, words):
    with pytest.raises(ResultsError) as caught:
        read(Whole, {**GOOD, **change}, "file: line 3")
    assert str(caught.value) == f"file: line 3: {words}"


def test_no_object_is_one_sentence_without_a_key():
    for value in (None, 3, [], "x"):
        with pytest.raises(ResultsError, match=r"^file: expected an object, got "):
            read(Whole, value, "file")


def test_other_keys_may_be_left_out():
    assert read(Whole, {**GOOD, "more": 1}, "f", others=True) == Whole("a", 2)


def test_the_error_is_the_callers():
    class OwnError(FuncdlError):
        pass

    with pytest.raises(OwnError, match=r"^f: k: expected true or false, got 1$"):
        field(bool, 1, "f: k", OwnError)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
)


@given(st.dictionaries(st.sampled_from([*Whole._fields[:-1], "other"]), ANYTHING))
def test_whatever_comes_is_read_or_refused(change):
    fields = {**GOOD, **change}
    try:
        found = read(Whole, fields, "file")
    except ResultsError as error:
        said = str(error)
    else:
        said = "file"
        again = named(found)
        for key in ("name", "count", "some"):
            assert again[key] == fields.get(key, [])
    assert said.startswith("file")
    assert len(said.splitlines()) == 1
