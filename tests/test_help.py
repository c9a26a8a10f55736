"""What `help` shows of the public names: formulas, and defaults as one would write them."""

import inspect
import pydoc
import re

import pytest

import funcdl as f
from funcdl import initialisers, schedules, tree

FACES = (f, initialisers, schedules, tree)
CALLABLE = {
    f"{face.__name__}.{name}": getattr(face, name)
    for face in FACES
    for name in face.__all__
    if callable(getattr(face, name))
}
READY = [name for name in f.__all__ if isinstance(getattr(f, name), f.Layer)]


def shown(thing):
    return pydoc.plain(pydoc.render_doc(thing))


def signatures(thing):
    """The signatures of a thing and of what is in it, if it is a class."""
    inside = vars(thing).values() if inspect.isclass(thing) else ()
    for one in (thing, *filter(callable, inside)):
        try:
            yield str(inspect.signature(one))
        except (TypeError, ValueError):  # an alias of a type, or a class in C
            continue


@pytest.mark.parametrize("name", CALLABLE)
def test_a_signature_names_its_defaults(name):
    for signature in signatures(CALLABLE[name]):
        assert not re.search(r" at 0x|<(function|built-in|object)", signature), signature


def test_a_default_is_shown_by_its_name_and_is_the_function():
    told = inspect.signature(f.linear).parameters["w_init"].default
    assert repr(told) == "fan_in_uniform"
    assert f.linear.__kwdefaults__["w_init"] is initialisers.fan_in_uniform


@pytest.mark.parametrize("name", READY)
def test_help_shows_the_formula_of_a_ready_layer(name):
    text = shown(getattr(f, name))
    if name != "channels_last":  # which moves axes, and says from where to where
        assert "y = " in text, text
    assert f.Layer.__doc__ not in text


def test_help_shows_what_a_factory_made_as_its_factory():
    assert "y = x w + b" in shown(f.linear(3))
    assert f.linear(3).__doc__ == inspect.getdoc(f.linear)


def test_a_users_own_layer_and_the_class_have_the_text_of_the_class():
    def linear(params, x):
        return x, lambda dy: ((), dy)

    own = f.layer(linear)
    assert own.name == "linear"
    assert own.__doc__ == f.Layer.__doc__
    assert f.Layer.__doc__.startswith("A named pair of pure functions")
    assert f.Layer("relu", f.relu.init, f.relu.apply).__doc__ == f.Layer.__doc__
