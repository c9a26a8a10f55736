"""What there is no room for, and what is no plain tensor: one sentence, wherever it is met."""

import inspect
import pickle
import re
import warnings
from functools import partial

import pytest
import torch
from helpers import seeded

import funcdl as f
from funcdl import schedules, tree

# So many floats as no machine has the addresses for, at no cost.
VAST = torch.ones(1).expand(10**15)
WIDE = torch.ones(1, 1).expand(10**8, 10**8)
TALL = torch.ones(1, 1).expand(10**13, 3)
IMAGE = torch.ones(1).expand(10**6, 10**5, 10**5, 1)
PAIR = WIDE, WIDE


def loss(name, target=WIDE):
    return lambda: getattr(f, name)()((), (WIDE, target))


def back(layer, x=VAST, params=()):
    """A vjp that has no room: its layer's output is a view."""
    y, vjp = layer(params, x)
    return lambda: vjp(y)


def lazily(params, x):
    """A layer of a user's own whose vjp needs room."""
    return x, lambda dy: ((), dy * 2)


NO_ROOM = {
    "init": (lambda: f.linear(10**8).init(seeded(), (10**8,)), "linear: a parameter of shape (100000000, 100000000)"),
    "init inside": (lambda: f.serial(f.relu, f.conv2d(10**13, 3)).init(seeded(), (3, 3, 3)), "serial[1] conv2d: a parameter of shape (3, 3, 3, 10000000000000)"),
    "init of a table": (lambda: f.embedding(2**40, 2**10).init(seeded(), ()), "embedding: a parameter of shape (1099511627776, 1024)"),
    "init of a norm": (lambda: f.layer_norm().init(seeded(), (10**15,)), "layer_norm: a parameter of shape"),
    "init of a function": (lambda: f.layer(lazily).init(seeded(), (10**15,)), "lazily: an input of shape (1000000000000000,)"),
    "linear": (lambda: f.linear(10**8)(f.Affine(WIDE, ()), WIDE), "linear"),
    "conv2d": (lambda: f.conv2d(1, 1)(f.Affine(torch.ones(1, 1, 1, 1), ()), IMAGE), "conv2d"),
    "conv1d": (lambda: f.conv1d(1, 1)(f.Affine(torch.ones(1, 1, 1), ()), VAST.unsqueeze(-1)), "conv1d"),
    "conv_transpose2d": (lambda: f.conv_transpose2d(1, 1)(f.Affine(torch.ones(1, 1, 1, 1), ()), IMAGE), "conv_transpose2d"),
    "gru": (lambda: f.gru(1)(f.gru(1).init(seeded(), (3, 1))[0], VAST.reshape(-1, 1000, 1)), "gru"),
    "attention": (lambda: f.attention(1)(f.attention(1).init(seeded(), (3, 1))[0], VAST.unsqueeze(-1)), "attention"),
    "embedding": (lambda: f.embedding(2, 3)(f.embedding(2, 3).init(seeded(), ())[0], torch.zeros(1).long().expand(10**15)), "embedding"),
    "relu": (lambda: f.relu((), VAST), "relu"),
    "softmax": (lambda: f.softmax((), VAST), "softmax"),
    "dropout": (lambda: f.dropout(0.5)((), VAST, seeded()), "dropout"),
    "max_pool2d": (lambda: f.max_pool2d(2)((), IMAGE), "max_pool2d"),
    "prelu": (lambda: f.prelu()(f.prelu().init(seeded(), (1,))[0], VAST), "prelu"),
    "join": (lambda: f.join()((), PAIR), "join"),
    "deep inside": (lambda: f.serial(f.identity, f.residual(f.relu))(((), ()), VAST), "serial[1] residual relu"),
    "mse": (loss("mse"), "mse"),
    "l1": (loss("l1"), "l1"),
    "cross_entropy": (lambda: f.cross_entropy()((), (TALL, torch.zeros(1).long().expand(10**13))), "cross_entropy"),
    "binary_cross_entropy": (loss("binary_cross_entropy"), "binary_cross_entropy"),
    "a vjp": (back(f.select(-1, 0), VAST.reshape(-1, 1000)), "select"),
    "a vjp of a user's": (back(f.layer(lazily)), "lazily"),
    "a vjp inside": (back(f.serial(f.layer(lazily)), params=((),)), "serial[0] lazily"),
    "summary": (lambda: f.summary(f.linear(10**8), (10**8,), seeded()), "linear: a parameter of shape"),
    "summary of an input": (lambda: f.summary(f.relu, (1,), seeded(), VAST), "relu"),
    "calibrate": (lambda: f.calibrate(f.serial(f.relu, f.batch_norm()), ((), f.batch_norm().init(seeded(), (1,))[0]), [VAST.unsqueeze(-1)], seeded()), "serial"),
    "value_and_grad": (lambda: f.value_and_grad(f.supervised(f.relu, f.mse()))((), (VAST, VAST)), "supervised net: relu"),
    "stage": (lambda: f.stage(f.training_step(f.supervised(f.relu, f.mse()), f.sgd(0.1)))((), f.sgd(0.1).init(()), (VAST, VAST)), "stage"),
    "stack": (lambda: tree.stack([VAST, VAST]), "tree"),
    "zeros_like": (lambda: tree.zeros_like((VAST,)), "tree"),
    "add": (lambda: tree.add(VAST, VAST), "tree"),
    "multiply": (lambda: tree.multiply(2, VAST), "tree"),
    "ravel": (lambda: tree.ravel((VAST,)), "ravel"),
    "to_dict": (lambda: tree.to_dict((VAST,)), "to_dict"),
    "adam's state": (lambda: f.adam().init((VAST,)), "tree"),
    "a step of sgd": (lambda: f.sgd(0.1).update((VAST,), (VAST,), f.sgd(0.1).init(())), "tree"),
    "a module": (lambda: f.Linear(10**8, 10**8), "Linear: a parameter of shape"),
    "a module's forward": (lambda: f.Sequential(f.ReLU()).forward(VAST), "Sequential[0] relu"),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_ROOM)
def test_no_memory_is_no_misfit_of_shapes(name):
    call, where = NO_ROOM[name]
    with pytest.raises(f.ResourceError, match="^" + re.escape(where)) as raised:
        call()
    assert re.search(r": expected memory for [0-9,]+ bytes, got none$", str(raised.value))
    assert isinstance(raised.value, MemoryError)


@pytest.mark.parametrize(
    "call",
    [
        lambda: f.linear(2**62).init(seeded(), (2**62,)),
        lambda: f.linear(2).init(seeded(), (2**63,)),
        lambda: f.relu((), torch.ones(1).expand(2**62)),
        lambda: f.gru(2**62).init(seeded(), (5, 3)),
        lambda: f.scan(f.serial(f.join(), f.linear(2)), 2**62)(((), ()), torch.ones(5, 3)),
        lambda: f.layer(lazily).init(seeded(), (2**70,)),
        lambda: f.linear(2).init(seeded(), (10**5000,)),
    ],
)
def test_sizes_that_nothing_counts(call):
    with pytest.raises(
        f.ResourceError, match="expected sizes that memory can have, got more than 64"
    ):
        call()


TOO_LARGE = {
    "linear": lambda n: f.linear(n),
    "maxout": lambda n: f.maxout(2, n),
    "conv1d": lambda n: f.conv1d(2, 3, stride=n),
    "conv2d": lambda n: f.conv2d(n, 2),
    "conv2d's window": lambda n: f.conv2d(2, n),
    "conv2d's stride": lambda n: f.conv2d(2, 2, stride=(1, n)),
    "conv2d's padding": lambda n: f.conv2d(2, 2, padding=n),
    "conv2d's dilation": lambda n: f.conv2d(2, 2, dilation=n),
    "conv2d's groups": lambda n: f.conv2d(n, 2, groups=n),
    "conv_transpose2d": lambda n: f.conv_transpose2d(2, n),
    "max_pool2d": lambda n: f.max_pool2d(n),
    "avg_pool2d": lambda n: f.avg_pool2d(n),
    "MaxPool2d": lambda n: f.MaxPool2d(n),
    "embedding": lambda n: f.embedding(n, 2),
    "gru": lambda n: f.gru(n),
    "scan": lambda n: f.scan(f.relu, n),
    "repeat": lambda n: f.repeat(f.relu, n),
    "flatten": lambda n: f.flatten(n),
    "reshape": lambda n: f.reshape((n,)),
    "select": lambda n: f.select(-1, n),
    "expand_dims": lambda n: f.expand_dims(-n),
    "transpose": lambda n: f.transpose(-n),
    "dropout": lambda n: f.dropout(0.5, n),
    "layer_norm": lambda n: f.layer_norm(n),
    "attention": lambda n: f.attention(n),
    "shared": lambda n: f.shared(f.relu, axis=-n),
    "vmap": lambda n: f.vmap(f.relu, n),
    "mse": lambda n: f.mse(models=n),
    "sgd": lambda n: f.sgd(n),
    "adam": lambda n: f.adam(eps=n),
    "elu": lambda n: f.elu(n),
    "a schedule": lambda n: schedules.cosine(0.1, n),
    "a schedule's steps": lambda n: schedules.cosine(0.1, 3)(n),
    "Linear": lambda n: f.Linear(n, 2),
}


@pytest.mark.parametrize("name", TOO_LARGE)
@pytest.mark.parametrize("size", [2**63, 10**5000], ids=["2**63", "10**5000"])
def test_whole_numbers_of_more_than_64_bits_are_refused_at_once(name, size):
    with pytest.raises(f.InputError, match=r"64 bits|at most") as raised:
        TOO_LARGE[name](size)
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize("size", [2**30, 2**40, 2**62])
def test_what_would_be_listed_is_refused_before(size):
    for call in (f.max_pool2d, f.avg_pool2d, f.MaxPool2d, partial(f.repeat, f.relu)):
        with pytest.raises(f.InputError, match="at most 1,0"):
            call(size)
    assert f.max_pool2d((1, 2**20)).apply
    assert f.conv2d(2, 2, stride=2**40)(
        f.conv2d(2, 2).init(seeded(), (2, 2, 1))[0], torch.ones(3, 3, 3, 1)
    )[0].shape == (3, 1, 1, 2)


NESTS = {
    "serial": f.serial,
    "residual": f.residual,
    "remat": f.remat,
    "fan_out": lambda net: f.serial(f.fan_out(net), f.fan_in()),
    "named": lambda net: f.named("n", net),
    "vmap": lambda net: f.vmap(net, 2),
}  # fmt: skip


def nest(wrap, levels, net=f.relu):
    for _ in range(levels):
        net = wrap(net)
    return net


@pytest.mark.parametrize("name", NESTS)
def test_layers_nested_too_deeply_are_one_sentence(name):
    wrap = NESTS[name]
    net = nest(wrap, 1500)
    assert "…" in repr(net)
    shape, x = (2, 3), torch.ones(2, 3)
    params = ()
    if name in ("serial", "fan_out"):
        for _ in range(1500):
            params = (params,) if name == "serial" else ((params,), ())
    text = "Python's recursion limit of [0-9]+ calls allows, got a deeper one$"
    with pytest.raises(f.ResourceError, match=text) as raised:
        net(params, x)
    assert len(str(raised.value)) < 200
    if name not in ("remat", "named"):  # whose init is that of what is inside
        with pytest.raises(f.ResourceError, match=text):
            net.init(seeded(), shape)
    with pytest.raises(f.ResourceError, match=text):
        f.summary(net, shape, seeded())


@pytest.mark.parametrize("name", NESTS)
def test_layers_nested_too_deeply_for_pickles_recursion_are_pickled(name):
    net = nest(NESTS[name], 300)
    again, depth = pickle.loads(pickle.dumps(net)), 0
    while again.layers:
        again, depth = again.layers[0], depth + 1
    assert depth >= 300


def test_layers_that_stand_in_many_places_are_pickled_once():
    net = f.linear(3)
    for _ in range(60):
        net = f.serial(net, net)
    again = pickle.loads(pickle.dumps(net))
    assert again.layers[0] is again.layers[1]


@pytest.mark.parametrize("shape", ["list", "tuple"])
def test_a_shape_that_contains_itself_or_nests_too_deeply_is_one_sentence(shape):
    loop = []
    loop.append(loop)
    deep = ()
    for _ in range(5000):
        deep = (deep,)
    said = "^linear: expected a nesting that Python's recursion limit of [0-9]+ calls allows"
    with pytest.raises(f.ResourceError, match=said):
        f.linear(3).init(seeded(), loop if shape == "list" else deep)


HUGE = 2**45


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        *[(layer, (HUGE,)) for layer in (f.linear(8), f.maxout(2, 2), f.bias(), f.scale())],
        *[(layer, (HUGE,)) for layer in (f.prelu(per_feature=True), f.layer_norm(), f.rms_norm())],
        *[(layer, (HUGE,)) for layer in (f.group_norm(1, 1), f.batch_norm())],
        *[(layer, (5, HUGE)) for layer in (f.gru(2), f.conv1d(2, 2))],
        *[(layer, (5, 5, HUGE)) for layer in (f.conv2d(2, 2), f.conv_transpose2d(2, 2))],
        (f.embedding(2**40, 8), (3,)),
    ],
    ids=str,
)
def test_a_layer_without_room_for_its_parameters_is_named(layer, shape):
    path = rf"^serial\[0\] {layer.name}: a parameter of shape "
    with pytest.raises(f.ResourceError, match=path):
        f.serial(layer).init(seeded(), shape)
    with pytest.raises(f.ResourceError, match=rf"^{layer.name}: a parameter of shape "):
        layer.init(seeded(), shape)


@pytest.mark.parametrize("name", ["serial", "residual", "fan_out"])
def test_deep_layers_work(name):
    net = nest(NESTS[name], 40, f.linear(3))
    params, _ = net.init(seeded(), (3,))
    y, vjp = net(params, torch.ones(2, 3))
    assert vjp(y)[1].shape == (2, 3)
    assert "…" not in repr(net)


ODD = {
    "nested": lambda: torch.nested.nested_tensor([torch.randn(2, 3), torch.randn(3, 3)]),
    "sparse coo": lambda: torch.rand(4, 3).to_sparse(),
    "sparse csr": lambda: torch.rand(4, 3).to_sparse_csr(),
    "quantised": lambda: torch.quantize_per_tensor(torch.rand(4, 3), 0.1, 0, torch.quint8),
    "mkldnn": lambda: torch.rand(4, 3).to_mkldnn(),
}


@pytest.fixture(params=ODD)
def odd(request):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ODD[request.param]()


LAYERS = [f.linear(2), f.relu, f.tanh, f.softmax, f.layer_norm(), f.batch_norm(), f.dropout(0.5), f.flatten(1),
          f.serial(f.linear(2), f.relu), f.residual(f.tanh), f.conv1d(2, 2), f.gru(2), f.attention(1), f.max_pool2d(1)]  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_tensors_of_other_kinds_are_right_or_refused(layer, odd):
    shape = (4, 3, 1) if layer.name == "max_pool2d" else (4, 3)
    params, _ = layer.init(seeded(), shape)
    try:
        y, vjp = layer(params, odd, seeded())
        vjp(torch.ones(y.shape) if y.layout == torch.strided else y)
    except f.FuncdlError:
        return
    dense = odd.dequantize() if odd.is_quantized else odd.to_dense()
    y = y.dequantize() if y.is_quantized else y.to_dense()
    torch.testing.assert_close(y, layer(params, dense, seeded())[0])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "call", [tree.norm, tree.ravel, tree.to_dict, lambda t: tree.stack([t, t]), f.sgd(0.1, momentum=0.5).init],
    ids=["norm", "ravel", "to_dict", "stack", "sgd"],
)  # fmt: skip
def test_pytrees_of_other_kinds_are_named(call, odd):
    said = "expected plain tensors"  # as it may be: torch can do some of it
    try:
        call((torch.ones(4, 3), odd))
    except f.FuncdlError as error:
        said = str(error)
    assert re.search("expected (plain tensors|leaves of one dtype|every tensor to be)", said)


class Sub(torch.Tensor):
    pass


@pytest.mark.parametrize(
    "make", [torch.nn.Parameter, lambda x: x.as_subclass(Sub), lambda x: x.clone().requires_grad_()],
    ids=["Parameter", "subclass", "requires_grad"],
)  # fmt: skip
def test_subclasses_of_tensors_give_the_same_numbers(make):
    net = f.serial(f.linear(4), f.layer_norm(), f.relu, f.linear(2))
    x, params = torch.rand(5, 3, generator=seeded()), net.init(seeded(), (3,))[0]
    objective, descent = f.supervised(net, f.mse()), f.adam(0.1)
    ends = []
    for given, p in ((x, params), (make(x), tree.map(make, params))):
        batch = given, torch.ones(5, 2)
        p, _, value = f.training_step(objective, descent)(p, descent.init(p), batch)
        ends.append((tree.ravel(p)[0].detach().as_subclass(torch.Tensor), float(value)))
    assert torch.equal(ends[0][0], ends[1][0])
    assert ends[0][1] == ends[1][1]


def test_the_generator_goes_where_it_is_meant():
    """A third argument of a function's own is not the generator."""
    got = []

    def note(params, x, value):
        got.append(value)
        return x, lambda dy: ((), dy)

    class Callable:
        def method(self, params, x, rng=None):
            return note(params, x, rng)

        def __call__(self, params, x, slope=0.1):
            return note(params, x, slope)

    def star(*args):
        return note(*args)

    def named_last(params, x, slope=0.1, rng=None):
        assert slope == 0.1
        return note(params, x, rng)

    drawn = object()
    wanted = [
        (lambda params, x, slope=0.1: note(params, x, slope), 0.1),
        (lambda params, x, rng: note(params, x, rng), drawn),
        (lambda params, x, rng=None: note(params, x, rng), drawn),
        (lambda params, x, rng=None, /: note(params, x, rng), drawn),
        (lambda params, x, g: note(params, x, g), drawn),
        (lambda params, x, *, rng=None: note(params, x, rng), drawn),
        (lambda params, x, *, slope=0.1: note(params, x, slope), 0.1),
        (lambda params, x, mask=None: note(params, x, mask), None),
        (named_last, drawn),
        (partial(named_last, slope=0.1), drawn),
        (partial(lambda params, x, slope: note(params, x, slope), slope=3), 3),
        (star, drawn),
        (Callable().method, drawn),
        (Callable(), 0.1),
    ]
    for function, value in wanted:
        f.layer(function)((), torch.ones(1), drawn)
        assert got.pop() is value or value == 0.1, inspect.signature(function)


def test_generators_of_others_are_named():
    for layer in (f.dropout(0.5), f.serial(f.dropout(0.5)), f.remat(f.relu)):
        params = layer.init(seeded(), (3,))[0]
        with pytest.raises(f.KindError, match=r"expected rng to be a torch\.Generator, got Random"):
            layer(params, torch.ones(3), __import__("random").Random(0))
    other = type("Generator", (), {"__module__": "numpy.random"})()
    with pytest.raises(f.KindError, match=r"torch\.Generator, got numpy\.random\.Generator$"):
        f.dropout(0.5)((), torch.ones(3), other)
    assert f.Module(f.remat(f.dropout(0.5))).forward(torch.ones(3)).shape == (3,)


def test_indices_are_int64():
    layer = f.embedding(5, 3)
    params, _ = layer.init(seeded(), ())
    for dtype in (torch.int32, torch.uint8, torch.int16, torch.bool):
        with pytest.raises(f.KindError, match="expected indices to be int64, got torch"):
            layer(params, torch.tensor([1]).to(dtype))


def test_the_errors_can_be_pickled():
    error = f.ResourceError("linear: expected memory").within("serial[1]")
    assert str(pickle.loads(pickle.dumps(error))) == "serial[1] linear: expected memory"


@pytest.mark.parametrize("kind", [f.ResourceError, f.ShapeError, f.FuncdlWarning])
def test_the_errors_can_be_pickled_as_dask_does(kind):
    tblib = pytest.importorskip("tblib.pickling_support", reason="needs dask: funcdl[cluster]")
    call, given = tblib.pickle_exception(kind("linear: expected memory").within("serial[1]"))
    found = call(*given)
    assert type(found) is kind
    assert str(found) == "serial[1] linear: expected memory"
