"""The transformers by PyTorch's names, beside PyTorch's."""

import copy
import inspect
import itertools
import pickle

import pytest
import torch

import funcdl as f

# PyTorch warns of what is fast there, and of masks of two kinds.
pytestmark = [
    pytest.mark.filterwarnings("ignore:enable_nested_tensor is True"),
    pytest.mark.filterwarnings("ignore:Support for mismatched"),
]

LAYERS = ("TransformerEncoderLayer", "TransformerDecoderLayer")
ALL = (*LAYERS, "TransformerEncoder", "TransformerDecoder", "Transformer")
SOURCE, TARGET, BATCH, WIDTH, HEADS = 5, 4, 3, 8, 2


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def made(library, name, **options):
    """Make a transformer, small, with the same seed each time."""
    torch.manual_seed(1)
    options = {"dim_feedforward": 6, "dtype": torch.float64, **options}
    norm = options.pop("norm", True)
    if name in LAYERS:
        return getattr(library, name)(WIDTH, HEADS, **options)
    if name == "Transformer":
        return library.Transformer(WIDTH, HEADS, 2, 2, **options)
    layer = getattr(library, f"{name}Layer")(WIDTH, HEADS, **options)
    last = library.LayerNorm(WIDTH, dtype=torch.float64) if norm else None
    return getattr(library, name)(layer, 3, last)


def inputs(name, batch_first=False, batched=True, dtype=torch.float64):
    """Draw what each class is given."""

    def one(count, seed):
        shape = (BATCH, count, WIDTH) if batch_first else (count, BATCH, WIDTH)
        return torch.randn(shape if batched else (count, WIDTH), generator=rng(seed), dtype=dtype)

    source, target = one(SOURCE, 1), one(TARGET, 2)
    if name == "Transformer":
        return (source, target)
    return (source,) if "Encoder" in name else (target, source)


def moved(theirs):
    """Give other numbers than those that it begins with, of which many are 0 or 1."""
    with torch.no_grad():
        for i, p in enumerate(theirs.parameters()):
            p.add_(0.3 * torch.randn(p.shape, generator=rng(i), dtype=p.dtype))
    return theirs


def agree(ours, theirs, given, named=None, rtol=1e-9, atol=1e-11):
    """Compare values and all gradients with autograd's."""
    named = named or {}
    y = ours(*given, **named)
    dy = torch.randn(y.shape, generator=rng(7), dtype=torch.float64).to(y.dtype)
    back = ours.backward(dy)
    back = back if isinstance(back, tuple) else (back,)
    with torch.enable_grad():
        live = [x.clone().requires_grad_() for x in given]
        expected = theirs(*live, **named)
        named_there = dict(theirs.named_parameters())
        grads = torch.autograd.grad(expected, [*live, *named_there.values()], dy)
    torch.testing.assert_close(y, expected.detach(), rtol=rtol, atol=atol)
    here = dict(ours.named_parameters())
    assert list(here) == list(named_there)
    mine = [*back, *(p.grad for p in here.values())]
    for what, a, b in zip([*map(str, range(len(back))), *here], mine, grads, strict=True):
        torch.testing.assert_close(a, b, rtol=rtol, atol=atol, msg=lambda m: f"{what}: {m}")  # noqa: B023


@pytest.mark.parametrize("name", ALL)
def test_arguments_are_pytorchs_by_place_and_name(name):
    theirs = inspect.signature(getattr(torch.nn, name).__init__).parameters
    ours = inspect.signature(getattr(f, name).__init__).parameters
    places = [p for p in ours if ours[p].kind is not inspect.Parameter.KEYWORD_ONLY]
    assert places == list(theirs)
    assert [p for p in ours if p not in places] in ([], ["rng"])
    for what in places:
        if what != "activation":  # a function there, a layer here, of the same name
            assert ours[what].default == theirs[what].default
    takes = inspect.signature(getattr(torch.nn, name).forward).parameters
    given = inspect.signature(getattr(f, name).forward).parameters
    assert list(given) == list(takes)
    assert all(given[what].default == takes[what].default for what in given)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ALL)
def test_it_begins_with_pytorchs_numbers_and_keys(name, dtype, bias):
    theirs = made(torch.nn, name, bias=bias, dtype=dtype, norm=False).state_dict()
    ours = made(f, name, bias=bias, dtype=dtype, norm=False).state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


OPTIONS = [
    dict(zip(("batch_first", "norm_first", "bias"), flags))
    for flags in itertools.product([False, True], repeat=3)
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", ALL)
def test_values_and_gradients_are_pytorchs(name, options):
    options = {**options, "dropout": 0.0, "activation": "gelu" if options["bias"] else "relu"}
    theirs = moved(made(torch.nn, name, **options))
    ours = made(f, name, **options)
    assert ours.load_state_dict(theirs.state_dict()) == ([], [])
    agree(ours, theirs, inputs(name, options["batch_first"]))
    ours.zero_grad()
    agree(ours, theirs, inputs(name, options["batch_first"], batched=False))


def masks(name, kind, batch_first=True):
    """Give the masks of a class by their names; each query sees a key at least."""
    sizes = {"src": SOURCE, "tgt": TARGET, "memory": SOURCE}

    def mask(what, queries, keys):
        later = torch.ones(queries, keys).triu(1).bool()
        if kind == "causal":
            return later if queries == keys else torch.zeros(queries, keys).bool()
        if kind == "added":
            return torch.randn(queries, keys, generator=rng(3), dtype=torch.float64)
        whole = torch.rand(BATCH * HEADS, queries, keys, generator=rng(4)).lt(0.3)
        whole[..., 0] = False
        return whole

    def padding(keys):
        barred = torch.arange(keys) >= torch.tensor([[keys], [2], [1]])
        return barred if kind != "added" else torch.where(barred, -1.5, 0.0).double()

    names = ["src"] if "Encoder" in name else ["tgt", "memory"]
    names = ["src", *names] if name == "Transformer" else names
    found = {}
    for what in names:
        queries = SOURCE if what == "src" else TARGET
        bare = what == "src" and name == "TransformerEncoder"
        found["mask" if bare else f"{what}_mask"] = mask(what, queries, sizes[what])
        found[f"{what}_key_padding_mask"] = padding(sizes[what])
    return found


@pytest.mark.parametrize("kind", ["causal", "added", "heads"])
@pytest.mark.parametrize("name", ALL)
def test_masks_mean_what_they_mean_there(name, kind):
    options = {"dropout": 0.0, "batch_first": True, "norm_first": kind == "causal"}
    theirs = moved(made(torch.nn, name, **options))
    ours = made(f, name, **options)
    ours.load_state_dict(theirs.state_dict())
    given = masks(name, kind)
    agree(ours, theirs, inputs(name, True), given)
    for what, value in given.items():
        ours.zero_grad()
        agree(ours, theirs, inputs(name, True), {what: value})


@pytest.mark.parametrize("name", ALL)
def test_a_mask_may_be_said_to_be_causal(name):
    theirs = moved(made(torch.nn, name, dropout=0.0))
    ours = made(f, name, dropout=0.0)
    ours.load_state_dict(theirs.state_dict())
    later = torch.nn.Transformer.generate_square_subsequent_mask(TARGET, dtype=torch.float64)
    assert torch.equal(f.Transformer.generate_square_subsequent_mask(TARGET).double(), later)
    if name == "Transformer" or "Decoder" in name:
        said = {"tgt_mask": later, "tgt_is_causal": True}
    else:
        later = f.Transformer.generate_square_subsequent_mask(SOURCE, dtype=torch.float64)
        said = {"mask" if name == "TransformerEncoder" else "src_mask": later, "is_causal": True}
    agree(ours, theirs, inputs(name), said)
    mask = next(what for what in said if what.endswith("mask"))
    said[mask] = said[mask].clone()
    said[mask][0, 0] = -1.0
    with pytest.raises(f.InputError, match="expected attn_mask to be causal with is_causal=True"):
        ours(*inputs(name), **said)
    del said[mask]
    with pytest.raises(
        f.InputError,
        match=f"expected {mask.replace('mask', '.*mask')} with .*is_causal=True, got none",
    ):
        ours(*inputs(name), **said)


@pytest.mark.parametrize("name", ALL)
def test_evaluation_drops_nothing_and_training_does(name):
    theirs = moved(made(torch.nn, name, dropout=0.5, batch_first=True)).eval()
    ours = made(f, name, dropout=0.5, batch_first=True).eval()
    ours.load_state_dict(theirs.state_dict())
    agree(ours, theirs, inputs(name, True))
    one = ours(*inputs(name, True))
    assert torch.equal(one, ours(*inputs(name, True)))
    ours.train()
    assert not torch.equal(one, ours(*inputs(name, True)))


@pytest.mark.parametrize("name", ALL)
def test_what_is_dropped_goes_back_the_same_way(name):
    made_with = {"dropout": 0.4, "rng": rng(5)}
    ours = made(f, name, **made_with)
    given = inputs(name)

    def value(*xs):
        for part in ours.modules():
            if isinstance(part._rng, torch.Generator):
                part._rng.manual_seed(3)
        return ours(*xs)

    y = value(*given)
    dy = torch.randn(y.shape, generator=rng(6), dtype=torch.float64)
    back = ours.backward(dy)
    back = back if isinstance(back, tuple) else (back,)
    for i, dx in enumerate(back):
        along = torch.randn(dx.shape, generator=rng(8), dtype=torch.float64)
        step = 1e-6
        ahead, behind = (
            value(*(x + sign * step * along if i == j else x for j, x in enumerate(given)))
            for sign in (1, -1)
        )
        slope = ((ahead - behind) * dy).sum() / (2 * step)
        torch.testing.assert_close(slope, (dx * along).sum(), rtol=1e-5, atol=1e-7)


def test_copies_begin_alike_but_do_not_drop_alike():
    g = rng(2)
    encoder = f.TransformerEncoder(f.TransformerEncoderLayer(WIDTH, HEADS, 6, rng=g), 2)
    first, second = encoder.layers
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters()))
    assert all(a is not b for (a, _), (b, _) in zip(first.param(), second.param()))
    draw = f.Linear, f.Dropout, f.MultiheadAttention
    drawing = [part for part in second.modules() if isinstance(part, draw)]
    assert len(drawing) == 6
    assert all(part._rng is g for part in drawing)
    x = torch.ones(3, 100)
    assert not torch.equal(first.dropout(x), second.dropout(x))


@pytest.mark.parametrize("name", ALL)
def test_it_is_copied_pickled_and_drawn_anew(name):
    ours = made(f, name, dropout=0.0)
    y = ours(*inputs(name))
    for twin in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert torch.equal(twin(*inputs(name)), y)
        assert repr(twin) == repr(ours)
    again = made(f, name, dropout=0.0)
    for _, p in again.named_parameters():
        p.fill_(2.0)
    torch.manual_seed(1)
    again.reset_parameters()
    assert not any(bool((p == 2).all()) for _, p in again.named_parameters())


def test_it_goes_into_a_sequential_and_stands_there_twice():
    torch.manual_seed(0)
    block = f.TransformerEncoderLayer(WIDTH, HEADS, 6, 0.0, dtype=torch.float64)
    torch.manual_seed(0)
    twin = torch.nn.TransformerEncoderLayer(WIDTH, HEADS, 6, 0.0, dtype=torch.float64)
    agree(f.Sequential({"0": block}), torch.nn.Sequential(twin), inputs("Encoder"))
    block.zero_grad()
    (x,) = inputs("Encoder")
    net = f.Sequential(block, f.Tanh(), block)
    y = net(x)
    dx = net.backward(torch.ones_like(y))
    with torch.enable_grad():
        live = x.clone().requires_grad_()
        expected = twin(twin(live).tanh())
        grads = torch.autograd.grad(expected.sum(), [live, *twin.parameters()])
    for a, b in zip([dx, *(p.grad for p in block.parameters())], grads, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-10)


def test_two_passes_go_back_in_turn():
    ours = made(f, "TransformerDecoderLayer", dropout=0.0)
    first = inputs("TransformerDecoderLayer")
    second = tuple(2 * x for x in first)
    y1, y2 = ours(*first), ours(*second)
    back2 = ours.backward(torch.ones_like(y2))
    back1 = ours.backward(torch.ones_like(y1))
    for given, back in ((first, back1), (second, back2)):
        alone = made(f, "TransformerDecoderLayer", dropout=0.0)
        y = alone(*given)
        for a, b in zip(back, alone.backward(torch.ones_like(y))):
            torch.testing.assert_close(a, b)


def test_what_is_written_to_since_is_refused():
    ours = made(f, "TransformerEncoderLayer", dropout=0.0)
    (x,) = inputs("Encoder")
    y = ours(x)
    x.add_(1)
    with pytest.raises(f.UsageError, match="expected its input and output as in the forward pass"):
        ours.backward(torch.ones_like(y))


def test_activations_are_names_layers_modules_and_pytorchs_functions():
    kinds = {
        "relu": ["relu", f.relu, f.ReLU(), torch.nn.functional.relu],
        "gelu": ["gelu", f.gelu(), f.GELU(), torch.nn.functional.gelu],
        "silu": [f.silu, f.SiLU()],
    }
    for name, forms in kinds.items():
        function = getattr(torch.nn.functional, name)
        theirs = made(torch.nn, "TransformerEncoderLayer", dropout=0.0, activation=function)
        for form in forms:
            ours = made(f, "TransformerEncoderLayer", dropout=0.0, activation=form)
            agree(ours, theirs, inputs("Encoder"))
    learnt = made(f, "TransformerEncoder", dropout=0.0, activation=f.PReLU(dtype=torch.float64))
    kind = torch.nn.PReLU(dtype=torch.float64)
    agree(
        learnt,
        made(torch.nn, "TransformerEncoder", dropout=0.0, activation=kind),
        inputs("Encoder"),
    )


class Halved(f.TransformerEncoderLayer):
    """A layer of a user's own."""

    def forward(self, *input, **named):
        return super().forward(*input, **named) / 2

    def backward(self, *gradwrtoutput):
        return super().backward(gradwrtoutput[0] / 2)


class TheirHalved(torch.nn.TransformerEncoderLayer):
    def forward(self, *input, **named):
        return super().forward(*input, **named) / 2


def test_layers_encoders_and_decoders_of_ones_own_take_the_place():
    kwargs = {"dim_feedforward": 6, "dropout": 0.0, "dtype": torch.float64}
    torch.manual_seed(0)
    ours = f.TransformerEncoder(Halved(WIDTH, HEADS, **kwargs), 2)
    torch.manual_seed(0)
    theirs = torch.nn.TransformerEncoder(TheirHalved(WIDTH, HEADS, **kwargs), 2)
    agree(ours, theirs, inputs("Encoder"))
    mine = made(f, "Transformer", dropout=0.0, custom_encoder=ours)
    other = made(torch.nn, "Transformer", dropout=0.0, custom_encoder=theirs)
    mine.zero_grad()
    agree(mine, other, inputs("Transformer"))


@pytest.mark.parametrize("name", ALL)
def test_half_precision_is_near_and_keeps_its_dtype(name):
    theirs = moved(made(torch.nn, name, dropout=0.0, dtype=torch.float32))
    if name in ("TransformerEncoder", "TransformerDecoder"):
        theirs = theirs.float()
    exact = copy.deepcopy(theirs).double()
    options = {"dropout": 0.0, "dtype": torch.bfloat16, "norm": False}
    theirs.norm = exact.norm = None
    ours = made(f, name, **options)
    ours.load_state_dict(theirs.state_dict())
    given = [x.bfloat16() for x in inputs(name)]
    y = ours(*given)
    assert y.dtype == torch.bfloat16
    expected = exact(*(x.double() for x in given))
    assert (y.double() - expected).abs().max() < 0.3
    assert all(d.dtype == torch.bfloat16 for d in torch.utils._pytree.tree_leaves(ours.backward(y)))


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: f.TransformerEncoderLayer(8, 3), f.InputError, "TransformerEncoderLayer: expected nhead to divide 8, got 3"),
        (lambda: f.TransformerDecoderLayer(8, 2, dropout=2), f.InputError, "TransformerDecoderLayer: expected dropout to be at least 0 and below 1, got 2"),
        (lambda: f.TransformerEncoderLayer(8, 2, activation="tanh"), f.InputError, 'TransformerEncoderLayer: expected activation to be "relu", "gelu" or a layer, got \'tanh\''),
        (lambda: f.TransformerEncoderLayer(8, 2, activation=3), f.KindError, "TransformerEncoderLayer: expected activation to be a layer, got 3"),
        (lambda: f.TransformerEncoderLayer(8, 2, norm_first=1), f.KindError, "TransformerEncoderLayer: expected norm_first to be True or False, got 1"),
        (lambda: f.TransformerEncoderLayer(8), f.KindError, "TransformerEncoderLayer: missing a required argument: 'nhead'"),
        (lambda: f.TransformerEncoder(f.relu, 2), f.KindError, "TransformerEncoder: expected encoder_layer to be a module, got"),
        (lambda: f.TransformerEncoder(f.TransformerEncoderLayer(8, 2), 0), f.InputError, "TransformerEncoder: expected num_layers to be at least 1, got 0"),
        (lambda: f.TransformerDecoder(f.TransformerDecoderLayer(8, 2), 1, 3), f.KindError, "TransformerDecoder: expected norm to be a module, got 3"),
        (lambda: f.Transformer(8, 2, custom_encoder=3), f.KindError, "Transformer: expected custom_encoder to be a module, got 3"),
    ],
)  # fmt: skip
def test_what_a_transformer_cannot_be_made_of_is_told(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize(
    ("name", "given", "named", "error", "words"),
    [
        ("TransformerEncoderLayer", (torch.ones(3, 4),), {}, f.ShapeError, r"TransformerEncoderLayer: expected src of shape \(…, 8\) with 2 or 3 axes, got \(3, 4\)"),
        ("TransformerEncoderLayer", (3,), {}, f.KindError, "TransformerEncoderLayer: expected src to be a tensor, got 3"),
        ("TransformerEncoderLayer", (), {}, f.KindError, "TransformerEncoderLayer: forward.*missing a required argument: 'src'"),
        ("TransformerEncoderLayer", (torch.ones(3, 8),), {"mask": None}, f.KindError, "TransformerEncoderLayer: forward.*unexpected keyword argument 'mask'"),
        ("TransformerDecoderLayer", (torch.ones(3, 8), torch.ones(3)), {}, f.ShapeError, "TransformerDecoderLayer: expected memory of shape"),
        ("TransformerEncoderLayer", (torch.ones(3, 2, 8),), {"src_mask": torch.ones(2)}, f.ShapeError, "expected attn_mask for 2 sequences and 2 heads, got"),
        ("Transformer", (torch.ones(3, 2, 8), torch.ones(3, 4, 8)), {}, f.ShapeError, r"Transformer: expected src and tgt of one batch, got \(3, 2, 8\) and \(3, 4, 8\)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told(name, given, named, error, words):
    net = made(f, name, dtype=None)
    with pytest.raises(error, match=words):
        net(*given, **named)


def test_a_small_one_learns():
    """To tell whether the first step of a sequence is that of the last."""
    torch.manual_seed(3)
    net = f.Sequential(
        f.Linear(2, WIDTH),
        f.TransformerEncoder(f.TransformerEncoderLayer(WIDTH, HEADS, 16, 0.0, batch_first=True), 2),
        f.Select(-2, -1),
        f.Linear(WIDTH, 1),
    )
    x = torch.randint(2, (200, 4, 2), generator=rng(1)).float()
    x[..., 1] = torch.tensor([1.0, 0.0, 0.0, 0.0])
    t = (x[:, 0, :1] == x[:, -1, :1]).float()
    loss, descent = f.BCEWithLogitsLoss(), f.Adam(net.parameters(), 0.01)
    for _ in range(150):
        descent.zero_grad()
        value = loss(net(x), t)
        net.backward(loss.backward())
        descent.step()
    assert float(value) < 0.1
