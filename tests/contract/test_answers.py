"""What a vjp of a user's own gives: another thing than a cotangent is named with its path."""

import pytest
import torch
from helpers import seeded

import funcdl as f

X = torch.ones(5, 2)


def kept(params, x):
    return x, lambda dy: ((), dy)


def giving(back):
    """A layer whose vjp gives what it should not."""

    def mine(params, x):
        return x * 2, lambda dy: back

    return mine


WRONG = {
    "another shape": (((), torch.ones(4, 2)), "dx (4, 3) as x is, got (4, 2)"),
    "another dtype": (
        ((), torch.ones(4, 3).double()),
        "dx in torch.float32 as x is, got torch.float64",
    ),
    "a tuple": (((), (torch.ones(4, 3),)), "dx (4, 3) as x is, got a tuple of 1"),
    "no tensor": (((), 3.0), "dx (4, 3) as x is, got float"),
    "None for dparams": ((None, torch.ones(4, 3)), "dparams a tuple of 0 as params is, got None"),
    "more dparams": (
        ((torch.ones(3),), torch.ones(4, 3)),
        "dparams a tuple of 0 as params is, got a tuple of 1",
    ),
}
PLACES = {
    "alone": (f.as_layer, ""),
    "serial": (lambda d: f.serial(f.linear(3), d, f.relu), "serial[1] "),
    "first in serial": (lambda d: f.serial(d, f.relu), "serial[0] "),
    "parallel": (lambda d: f.parallel(f.tanh, d), "parallel[1] "),
    "fan_out": (lambda d: f.fan_out(f.tanh, d), "fan_out[1] "),
    "tap": (lambda d: f.tap(f.tanh, side=d), "tap[1] "),
    "concat": (lambda d: f.concat(f.tanh, d), "concat[1] "),
    "residual": (f.residual, "residual "),
    "shared": (f.shared, "shared "),
    "shared over an axis": (lambda d: f.shared(d, axis=-2), "shared "),
    "siamese": (lambda d: f.siamese(d, f.join()), "siamese[0] shared "),
    "scan": (lambda d: f.scan(f.serial(f.fan_in(), d), 3), "scan[1] serial[1] "),
    "repeat": (lambda d: f.repeat(d, 2), "repeat[1] "),
    "vmap": (lambda d: f.vmap(d, 2), "vmap[0] "),
    "remat": (f.remat, ""),
    "freeze": (f.freeze, ""),
    "inference": (f.inference, ""),
    "debug": (lambda d: f.debug(d, tell=len), ""),
    "named": (lambda d: f.named("its name", d), "its name: "),
    "supervised net": (lambda d: f.supervised(d, f.mse()), "supervised net: "),
    "supervised loss": (
        lambda d: f.supervised(f.linear(3), f.named("loss", d)),
        "supervised loss: loss: ",
    ),
    "weighted_sum": (lambda d: f.weighted_sum((1.0, d)), "weighted_sum[0] "),
    "deep": (
        lambda d: f.serial(f.identity, f.serial(f.identity, f.residual(f.parallel(d)))),
        "serial[1] serial[1] residual parallel[0] ",
    ),
}
SHAPES = {
    "parallel": ((4, 3), (4, 3)),
    "shared": ((4, 3), (4, 3)),
    "shared over an axis": (4, 1, 3),
    "siamese": ((4, 3), (4, 3)),
    "scan": (4, 2, 3),
    "vmap": (1, 4, 3),
    "supervised net": ((4, 3), (4, 3)),
}


def ones(shape):
    return tuple(map(ones, shape)) if isinstance(shape[0], tuple) else torch.ones(shape)


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", [n for n in PLACES if n not in ("supervised loss", "weighted_sum", "deep")])  # fmt: skip
def test_a_vjp_that_gives_something_else_is_named_with_its_path(name, wrong):
    (wrap, path), (back, text) = PLACES[name], WRONG[wrong]
    net, shape = wrap(giving(back)), SHAPES.get(name, (4, 3))
    params, _ = wrap(kept).init(seeded(), shape)
    y, vjp = net(params, ones(shape))
    dy = f.tree.map(torch.ones_like, y)
    with pytest.raises(f.FuncdlError) as caught:
        vjp(dy)
    assert str(caught.value) == f"{path}mine: expected its vjp to give {text}"


@pytest.mark.parametrize(
    ("name", "x", "back", "text"),
    [
        ("deep", (torch.ones(4, 3),), ((), torch.ones(4)), "dx (4, 3) as x is, got (4,)"),
        ("supervised loss", (X, X), ((), torch.ones(4)), "dx a tuple of 2 as x is, got (4,)"),
        ("supervised loss", (X, X), ((), (torch.ones(5, 2), None)), "dx[0] (5, 3) as x[0] is, got (5, 2)"),
        ("weighted_sum", ((X,), (X,)), ((), (X,)), "dx a tuple of 2 as x is, got a tuple of 1"),
        ("weighted_sum", ((X,), (X,)), ((), (X.double(), None)), "dx[0] in torch.float32 as x[0] is, got torch.float64"),
    ],
)  # fmt: skip
def test_a_vjp_of_a_pair_or_a_loss_is_named_likewise(name, x, back, text):
    wrap, path = PLACES[name]

    def mine(params, x):
        first = x[0] if isinstance(x, tuple) else x
        return (first * 2, lambda dy: back) if name == "deep" else (first.sum(), lambda dy: back)

    params = ((), ((), ((),))) if name == "deep" else ()
    if name == "supervised loss":
        params = f.linear(3).init(seeded(), (2,))[0]
    y, vjp = wrap(mine)(params, x)
    with pytest.raises(f.FuncdlError) as caught:
        vjp(f.tree.map(torch.ones_like, y))
    assert str(caught.value) == f"{path}mine: expected its vjp to give {text}"


def own(back):
    def init(rng, shape):
        return f.Affine(torch.ones(3), torch.ones(3)), shape

    return f.Layer("mine", init, lambda params, x, rng=None: (x, lambda dy, need_dx=True: back))


@pytest.mark.parametrize(
    ("dparams", "text"),
    [
        ((torch.ones(3), torch.ones(3)), "dparams Affine(w, b) as params is, got a tuple of 2"),
        (f.Affine(torch.ones(3), None), "dparams.b (3,) as params.b is, got None"),
        (f.Affine(torch.ones(3), ()), "dparams.b (3,) as params.b is, got a tuple of 0"),
        (f.Affine(torch.ones(2), torch.ones(3)), "dparams.w (3,) as params.w is, got (2,)"),
        (f.Affine(torch.ones(3).half(), torch.ones(3)), "dparams.w in torch.float32 as params.w is, got torch.float16"),
        ({"w": 3}, "dparams Affine(w, b) as params is, got dict(w)"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("need_dx", [True, False])
def test_dparams_of_another_kind_are_named_with_their_path(dparams, text, need_dx):
    net = f.serial(own((dparams, torch.ones(4, 3))), f.tanh)
    params, _ = net.init(seeded(), (3,))
    _, vjp = net(params, torch.ones(4, 3))
    with pytest.raises(f.FuncdlError) as caught:
        vjp(torch.ones(4, 3), need_dx)
    assert str(caught.value) == f"serial[0] mine: expected its vjp to give {text}"


def test_none_is_what_has_no_cotangent():
    """A stop of the gradient, a target, an index: the contract allows it."""
    stop = giving(((), None))
    net = f.serial(f.linear(3), stop)
    params, _ = net.init(seeded(), (2,))
    dparams, _ = net(params, X)[1](torch.ones(5, 3))
    assert not dparams[0].w.any()


def test_an_error_on_the_way_back_through_the_librarys_own_has_its_path():
    """A user's layer hands on a cotangent that the library's layer inside of it refuses."""

    def mine(params, x):
        y, pull = f.relu((), x)
        return y, lambda dy: pull(dy[:1])

    net = f.serial(f.tanh, f.named("block", f.serial(mine)))
    _, vjp = net(((), ((),)), X)
    with pytest.raises(f.ShapeError) as caught:
        vjp(X)
    text = "serial[1] block: serial[0] relu: expected dy of shape (5, 2) as y is, got (1, 2)"
    assert str(caught.value) == text


@pytest.mark.parametrize("place", ["alone", "serial", "remat", "named"])
def test_a_users_layer_takes_a_dictionary_and_gives_its_cotangent(place):
    """In the dictionary's keys, with None for what has none; another container is named."""
    back = {"a": torch.ones(4, 3), "b": None}

    def mine(params, x):
        return x["a"] * 1, lambda dy: ((), back)

    wrap = {
        "alone": f.as_layer,
        "serial": lambda d: f.serial(d, f.relu),
        "remat": f.remat,
        "named": lambda d: f.named("it", d),
    }[place]
    params = ((), ()) if place == "serial" else ()
    x = {"a": torch.ones(4, 3), "b": torch.ones(2)}
    y, vjp = wrap(mine)(params, x)
    assert vjp(y)[1] is back
    back = (torch.ones(4, 3), None)
    with pytest.raises(f.KindError, match=r"mine: expected its vjp to give dx dict\(a, b\) as x is, got a tuple of 2"):  # fmt: skip
        vjp(y)
    back = {"a": torch.ones(4, 3), "c": None}
    with pytest.raises(f.KindError, match=r"dx dict\(a, b\) as x is, got dict\(a, c\)"):
        vjp(y)
