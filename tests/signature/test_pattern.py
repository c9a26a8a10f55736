"""The pattern language: what a line is read as, and how one that is none is refused."""

import pytest
from helpers import said

import funcdl as f
from funcdl.signature.pattern import Axis, Star, parsed

ANY = Star("…")


@pytest.mark.parametrize(
    ("text", "axes"),
    [
        ("", ()),
        ("in", (Axis(("in",)),)),
        ("in>=0 height>=3", (Axis(("in",), 0), Axis(("height",), 3))),
        ("*models in", (Star("models"), Axis(("in",)))),
        ("*models? in", (Star("models", True), Axis(("in",)))),
        ("… in", (ANY, Axis(("in",)))),
        ("... in", (ANY, Axis(("in",)))),
        ("3*hidden heads*size>=2", (Axis((3, "hidden")), Axis(("heads", "size"), 2))),
        ("14 1", (Axis((14,)), Axis((1,)))),
        ("n+ m", (Axis(("n",), 1, True), Axis(("m",)))),
        ("axis' axis", (Axis(("axis'",)), Axis(("axis",)))),
    ],
)
def test_axes_are_read_from_a_line(text, axes):
    assert parsed(text).axes == parsed(f"w: {text}").axes == axes


@pytest.mark.parametrize(
    ("text", "name", "below", "real", "optional"),
    [
        ("… in", "", "", False, False),
        ("w: in out", "w", "", False, False),
        (" w :in", "w", "", False, False),
        ("t: … <classes", "t", "classes", False, False),
        ("… ~", "", "", True, False),
        ("b: out | ()", "b", "", False, True),
    ],
)
def test_a_line_says_what_the_numbers_are(text, name, below, real, optional):
    found = parsed(text)
    assert (found.name, found.below, found.real, found.optional) == (name, below, real, optional)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        *((text, "expected axes by name, such as '*models … in'") for text in ("in a-b", "2in", "3*", "*3", "a?", "…?", "in**out", "*models??", "a <", "a < b", "-1", "1.5", "a,b", "a/b")),
        *((text, "expected a number after '>='") for text in ("in>=", "in>=-1", "in>= 3", "in>=n")),
        *((text, "expected '| ()' after the axes") for text in ("a b | c", "a |", "a | () ()")),
        *((text, "expected a name before ':'") for text in (": a", "a:b: c", "the w: a")),
    ],
)  # fmt: skip
def test_what_is_not_in_the_language_is_refused_where_it_is_written(text, words):
    said(lambda: parsed(text), f.InputError, f"Signature: {words}, got {text!r}")
    said(lambda: f.Signature((), {"x": (text,)}, ""), f.InputError, f"Signature: {words}, got {text!r}")  # fmt: skip


@pytest.mark.parametrize("value", [3, None, {"a": 3}, ["in", 2.0]], ids=repr)
def test_what_is_no_pattern_is_refused(value):
    with pytest.raises(
        f.InputError, match=r"^Signature: expected patterns such as 'w: in out', got"
    ):
        f.Signature((), value, "")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: f.Signature(("w: in out",), "… in", "… ouput"), "the axis ouput of '… ouput' to be one of params, of x or a length that is given"),
        (lambda: f.Signature((), "in", "… in"), "the axis … of '… in' to be one of params, of x or a length that is given"),
        (lambda: f.Signature((), "… in", "*models in"), "the axis models of '*models in' to be one of params, of x or a length that is given"),
        (lambda: f.Signature((), "t: … <classes", ""), "the axis classes of '… <classes' to be one of params, of x or a length that is given"),
        (lambda: f.Signature((), "n", "m", m=("k", abs)), "the axis k of 'k' to be one of params, of x or a length that is given"),
        (lambda: f.Signature((), "*models … in", "in"), "one unknown number of axes at most, got models and … in '*models … in'"),
        (lambda: f.Signature((), "a*b", "a"), "one unknown factor at most, got a and b in 'a*b'"),
        (lambda: f.Signature(("w: a*b a",), "a", "a"), "one unknown factor at most, got a and b in 'a*b a'"),
    ],
)  # fmt: skip
def test_a_name_without_a_length_is_refused_where_it_is_declared(make, words):
    said(make, f.InputError, f"Signature: expected {words}")
