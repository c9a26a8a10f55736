"""For all signatures: what is drawn from one fits it, and what differs in one length does not."""

from math import prod

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import funcdl as f

law = settings(deadline=None, max_examples=200)
LENGTHS = st.fixed_dictionaries({name: st.integers(1, 4) for name in "abcd"})
STARS = st.fixed_dictionaries(
    {f"*{name}": st.lists(st.integers(1, 4), max_size=2) for name in "mn"}
)
FACTORS = st.lists(st.sampled_from(["a", "b", "c", "d", "2", "3"]), min_size=1, max_size=2)


@st.composite
def patterns(draw):
    """A line of one star at most, and of products of names and numbers."""
    words = ["*".join(draw(FACTORS)) for _ in range(draw(st.integers(1, 3)))]
    if draw(st.booleans()):
        words.insert(draw(st.integers(0, len(words))), draw(st.sampled_from(["*m", "*n"])))
    return " ".join(words)


def shape(pattern, lengths):
    found = []
    for word in pattern.split():
        if word in lengths and word.startswith("*"):
            found += lengths[word]
        else:
            found.append(prod(lengths.get(part) or int(part) for part in word.split("*")))
    return tuple(found)


PARAMS = st.lists(patterns(), min_size=1, max_size=3)


def declared(params, x, lengths, given=True):
    """A signature, with the lengths of all names that have one or of none, and its arguments."""
    known = {k: v for k, v in lengths.items() if not k.startswith("*")} if given else {}
    params = [f"p{i}: {pattern}" for i, pattern in enumerate(params)]
    return f.Signature(tuple(params), x, x, **known)


@law
@given(PARAMS, patterns(), LENGTHS, STARS)
def test_shapes_drawn_from_a_signature_fit_it(params, x, lengths, stars):
    lengths |= stars
    takes = declared(params, x, lengths)
    given_params = tuple(torch.empty(shape(p, lengths)) for p in params)
    found = takes.fit("it", given_params, torch.empty(shape(x, lengths)))
    assert tuple(found.shape) == shape(x, lengths)


@law
@given(PARAMS, patterns(), LENGTHS, STARS, st.data())
def test_one_length_changed_is_refused_and_its_argument_named(params, x, lengths, stars, data):
    lengths |= stars
    takes = declared(params, x, lengths)
    everything = [*params, x]
    at = data.draw(st.integers(0, len(params)), label="which argument")
    shapes = [list(shape(pattern, lengths)) for pattern in everything]
    # An axis of a star is free where the star is met first.
    words = everything[at].split()
    star = next((i for i, word in enumerate(words) if word.startswith("*")), None)
    covered = range(star, star + len(lengths[words[star]])) if star is not None else ()
    seen = star is not None and any(words[star] in p.split() for p in everything[:at])
    fixed = [i for i in range(len(shapes[at])) if i not in covered or seen]
    axis = data.draw(st.sampled_from(fixed), label="which axis")
    shapes[at][axis] += data.draw(st.sampled_from([-1, 1, 2]), label="by how much")
    tensors = [torch.empty(one) for one in shapes]
    with pytest.raises(f.ShapeError) as caught:
        takes.fit("it", tuple(tensors[:-1]), tensors[-1])
    name = "x" if at == len(params) else f"p{at}"
    assert str(caught.value).startswith(f"it: expected {name} (")
    assert str(caught.value).endswith(f", got {tuple(shapes[at])}")


@law
@given(LENGTHS, STARS, st.data())
def test_what_parameters_fix_is_asked_of_the_input(lengths, stars, data):
    """Without a hyperparameter, the first argument that has a name tells its length."""
    lengths |= stars
    takes = f.Signature(("p: *m a b", "q: c 2*d"), "*m … a*c d", "*m … b", axes={})
    params = torch.empty(shape("*m a b", lengths)), torch.empty(shape("c 2*d", lengths))
    batch = data.draw(st.lists(st.integers(0, 3), max_size=2), label="batch")
    fitting = [*lengths["*m"], *batch, lengths["a"] * lengths["c"], lengths["d"]]
    found = takes.fit("it", params, torch.empty(fitting))
    assert tuple(found.shape) == (*lengths["*m"], *batch, lengths["b"])
    of_models = range(len(lengths["*m"]))
    axis = data.draw(st.sampled_from([*of_models, -2, -1]), label="which axis")
    fitting[axis] += data.draw(st.sampled_from([-1, 1]), label="by how much")
    with pytest.raises(f.ShapeError, match=r"^it: expected x \("):
        takes.fit("it", params, torch.empty(fitting))


@law
@given(PARAMS, patterns(), LENGTHS)
def test_what_is_inferred_fits(params, x, lengths):
    """The shapes that `infer` gives, and so what `draw` draws, are shapes that `fit` takes."""
    lengths |= {"*m": [], "*n": []}
    takes = declared(
        [" ".join(w for w in p.split() if w not in ("*m", "*n")) for p in params], x, lengths
    )
    shapes, out = takes.infer("it", shape(x, lengths))
    found = takes.fit("it", tuple(map(torch.empty, shapes)), torch.empty(shape(x, lengths)))
    assert tuple(found.shape) == out


@law
@given(PARAMS, patterns(), LENGTHS, STARS)
def test_what_is_written_is_read_again(params, x, lengths, stars):
    takes = declared(params, x, lengths)
    given_text, _, out = str(takes).partition(" → ")
    *of_params, of_x = given_text.split(", ")
    again = f.Signature(tuple(of_params), of_x, out, **takes.lengths)
    assert str(again) == str(takes)
