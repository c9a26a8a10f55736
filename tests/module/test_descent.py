"""The optimisers by PyTorch's names, beside PyTorch's."""

import copy
import inspect
import math
import pickle
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch

import funcdl as f

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "optimisers_beside_pytorch.md"
CLASSES = (
    "SGD",
    "Adam",
    "AdamW",
    "Adamax",
    "NAdam",
    "RAdam",
    "RMSprop",
    "Adagrad",
    "Adadelta",
    "Muon",
)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    path = tmp_path_factory.mktemp("samples") / "optimisers.pt"
    script = str(Path(__file__).with_name("optimiser_samples.py"))
    done = subprocess.run([sys.executable, script, str(path)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"PyTorch's database cannot be loaded: {done.stderr.splitlines()[-1]}")
    return torch.load(path)


def differences(name, dtype, steps=12, **kwargs):
    """Descend with PyTorch's class and with ours; return the largest relative difference."""
    # NAdam keeps a product of its decays in torch's default dtype, whatever the parameters'.
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        return _differences(name, dtype, steps, **kwargs)
    finally:
        torch.set_default_dtype(before)


def _differences(name, dtype, steps, **kwargs):
    shapes = ((3, 4), (5, 2)) if name == "Muon" else ((3, 4), (5,), ())
    starts = [
        torch.randn(shape, generator=rng(i), dtype=torch.float64) for i, shape in enumerate(shapes)
    ]
    theirs = [torch.nn.Parameter(p.to(dtype).clone()) for p in starts]
    ours = [(p.to(dtype).clone(), torch.zeros(p.shape, dtype=dtype)) for p in starts]
    handed = ours
    if name == "Muon":  # of tensors with their gradients
        # It multiplies a rate that is a tensor in that tensor's dtype.
        kwargs = {k: v.to(dtype) if isinstance(v, torch.Tensor) else v for k, v in kwargs.items()}
        handed = [p for p, _ in ours]
        for p, grad in ours:
            p.grad = grad
    one, two = getattr(torch.optim, name)(theirs, **kwargs), getattr(f, name)(handed, **kwargs)
    g = rng(9)
    for _ in range(steps):
        for p, (_, grad) in zip(theirs, ours):
            p.grad = (
                torch.randn(p.shape, generator=g, dtype=torch.float64).to(dtype) + 0.3 * p.detach()
            )
            grad.copy_(p.grad)
        one.step()
        two.step()
    return max(
        ((p.detach() - q).abs() / p.detach().abs().clamp_min(1e-2)).max().item()
        for p, (q, _) in zip(theirs, ours)
    )


def test_every_sample_of_pytorchs_database_agrees_or_is_refused(database):
    counts = Counter()
    for name, what, kwargs in database:
        for dtype, bound in ((torch.float64, 1e-11), (torch.float32, 1e-4)):
            try:
                difference = differences(name, dtype, **kwargs)
            except f.FuncdlError:
                counts[name, "refused"] += 1
                continue
            assert difference < bound, (name, what, dtype, difference)
            counts[name, "agree"] += 1
    lines = ["| class | samples | agree | refused |", "| --- | --- | --- | --- |"]
    for name in CLASSES:
        agree, refused = counts[name, "agree"] // 2, counts[name, "refused"] // 2
        lines.append(f"| `{name}` | {agree + refused} | {agree} | {refused} |")
    kept = TABLE.read_text(encoding="utf-8")
    if "\n".join(lines) not in kept:
        pytest.fail("the table in the documents is another:\n" + "\n".join(lines))
    assert sum(counts.values()) == 2 * len(database) > 60


@pytest.mark.parametrize("name", CLASSES)
def test_names_places_and_defaults_are_pytorchs(name):
    theirs = inspect.signature(getattr(torch.optim, name).__init__).parameters
    ours = inspect.signature(getattr(f, name).__init__).parameters
    assert list(ours) == list(theirs)
    for argument in ours:
        assert ours[argument].kind == theirs[argument].kind
        assert ours[argument].default == theirs[argument].default


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1}),
        ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True}),
        ("Adam", {"lr": 0.1, "weight_decay": 0.1}),
        ("Adam", {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}),
        ("Adam", {"lr": 0.1, "betas": [0.8, 0.9], "eps": 1e-3, "amsgrad": True}),
        ("AdamW", {"lr": 0.1, "weight_decay": 0.1, "amsgrad": True, "foreach": False}),
        ("RAdam", {"lr": 0.1, "weight_decay": 0.1, "betas": (0.8, 0.9)}),
        ("RAdam", {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}),
        ("Adamax", {"lr": 0.1, "weight_decay": 0.1, "betas": (0.8, 0.9), "eps": 1e-3}),
        ("NAdam", {"lr": 0.1, "weight_decay": 0.1, "momentum_decay": 0.1}),
        ("NAdam", {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}),
        ("Adadelta", {"rho": 0.8, "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
        ("RMSprop", {"lr": 0.1, "alpha": 0.9, "centered": True, "momentum": 0.5}),
        ("Muon", {"lr": 0.1, "weight_decay": 0.0, "nesterov": False, "ns_steps": 3}),
        ("Muon", {"lr": 0.1, "adjust_lr_fn": "match_rms_adamw", "momentum": 0.5, "eps": 1e-3}),
        ("Muon", {"lr": 0.1, "adjust_lr_fn": "original", "ns_coefficients": (2.0, -1.5, 0.5)}),
        ("Adagrad", {"lr": 0.1, "lr_decay": 0.3, "initial_accumulator_value": 0.2, "eps": 1e-3}),
    ],
)
def test_options_mean_what_they_mean_there(name, kwargs):
    assert differences(name, torch.float64, steps=30, **kwargs) < 1e-10
    assert differences(name, torch.float32, steps=30, **kwargs) < 1e-3


def net(seed=0):
    g = rng(seed)
    return f.Sequential(f.Linear(3, 4, rng=g), f.Tanh(), f.Linear(4, 2, rng=g))


def filled(model, seed=5):
    for i, (_, grad) in enumerate(model.param()):
        grad.copy_(torch.randn(grad.shape, generator=rng(seed + i)))
    return model


def test_it_takes_a_model_its_pairs_and_its_parameters():
    forms = [
        lambda m: m,
        lambda m: m.param(),
        lambda m: m.parameters(),
        lambda m: m.named_parameters(),
        lambda m: [{"params": m.param()}],
        lambda m: [{"params": m[0]}, {"params": m[2].parameters()}],
    ]
    results = []
    for form in forms:
        model = filled(net())
        optimiser = f.Adam(form(model), 0.1, weight_decay=0.1)
        for _ in range(3):
            optimiser.step()
        results.append([p.clone() for p, _ in model.param()])
        optimiser.zero_grad()
        assert not any(grad.any() for _, grad in model.param())
    for other in results[1:]:
        assert all(torch.equal(p, q) for p, q in zip(results[0], other))


def test_groups_have_options_of_their_own_as_in_pytorch():
    model = filled(net())
    first, last = model[0].param(), model[2].param()
    theirs = [[torch.nn.Parameter(p.clone()) for p, _ in pairs] for pairs in (first, last)]
    one = torch.optim.SGD(
        [{"params": theirs[0], "lr": 0.5}, {"params": theirs[1], "momentum": 0.9}], lr=0.1
    )
    two = f.SGD([{"params": first, "lr": 0.5}, {"params": last, "momentum": 0.9}], lr=0.1)
    assert [g["lr"] for g in two.param_groups] == [g["lr"] for g in one.param_groups] == [0.5, 0.1]
    for step in range(4):
        if step == 2:
            for group in (*one.param_groups, *two.param_groups):
                group["lr"] *= 0.1
                group["weight_decay"] = 0.2
        for p, (_, grad) in zip([*theirs[0], *theirs[1]], [*first, *last]):
            p.grad = grad.clone()
        one.step()
        two.step()
    for p, (q, _) in zip([*theirs[0], *theirs[1]], [*first, *last]):
        torch.testing.assert_close(p.detach(), q)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda m: f.SGD([torch.ones(2, 3)], 0.1), f.KindError, "SGD: expected a module, or what its param.. or parameters.. lists, got a tensor without its gradient"),
        (lambda m: f.SGD(torch.ones(2, 3), 0.1), f.KindError, "SGD: expected a module"),
        (lambda m: f.SGD([m[0], m[2]], 0.1), f.KindError, "SGD: expected a module, or"),
        (lambda m: f.SGD(m, 0.1, nesterov=True), f.InputError, "SGD: expected momentum and no dampening with nesterov"),
        (lambda m: f.Adam(m, differentiable=True), f.InputError, "Adam: expected differentiable=False, got True: "),
        (lambda m: f.Adam(m, capturable=True), f.InputError, "Adam: expected capturable=False, got True: "),
        (lambda m: f.SGD([{"params": m[0]}, {"params": m}]), f.InputError, "SGD: expected a parameter in one group, got it in two"),
        (lambda m: f.SGD([{"params": m, "rate": 3}]), f.KindError, "SGD: expected options lr, momentum, .*, got 'rate'"),
        (lambda m: f.SGD({"params": m}), f.KindError, r"SGD: expected a list of groups, got a dict"),
        (lambda m: f.SGD(m, lr=-1), f.InputError, "SGD: expected lr to be at least 0, got -1"),
        (lambda m: f.SGD(m, lr="fast"), f.KindError, "SGD: expected lr to be a number, got 'fast'"),
        (lambda m: f.SGD(m, lr=torch.ones(2)), f.InputError, "SGD: expected one lr, got 2"),
        (lambda m: f.SGD(m).zero_grad(set_to_none=True), f.InputError, "SGD: expected set_to_none=False"),
        (lambda m: f.SGD([(torch.ones(3), torch.ones(2))]), f.ShapeError, r"SGD: expected a gradient of shape \(3,\), got \(2,\)"),
        (lambda m: f.SGD(), f.KindError, r"SGD\(params, lr=0.001, .*\): missing a required argument: 'params'"),
        (lambda m: f.Adam(m, rate=3), f.KindError, r"Adam\(params, lr=0.001, .*\): got an unexpected keyword argument 'rate'"),
    ],
)  # fmt: skip
def test_what_is_not_offered_is_refused_in_a_sentence(make, error, words):
    with pytest.raises(error, match=r"^" + words):
        make(net())


def test_a_step_is_that_of_the_function_bit_for_bit():
    pairs = [
        (lambda p: f.SGD(p, 0.1, momentum=0.9, weight_decay=0.1), f.sgd(0.1, momentum=0.9, weight_decay=0.1)),
        (lambda p: f.AdamW(p, 0.1), f.adamw(0.1)),
        (lambda p: f.Adam(p, 0.1), f.adam(0.1)),
        (lambda p: f.RAdam(p, 0.1), f.radam(0.1)),
        (lambda p: f.RMSprop(p, 0.1, 0.9), f.rmsprop(0.1, rate=0.9)),
        (lambda p: f.Adagrad(p), f.adagrad()),
        (lambda p: f.Adadelta(p, 0.5, weight_decay=0.1), f.adadelta(0.5, weight_decay=0.1)),
        (lambda p: f.Adamax(p, 0.1), f.adamax(0.1)),
        (lambda p: f.NAdam(p, 0.1, weight_decay=0.1, decoupled_weight_decay=True), f.nadam(0.1, weight_decay=0.1)),
        (lambda p: f.AdamW(p, 0.1, amsgrad=True), f.adamw(0.1, amsgrad=True)),
        (lambda p: f.SGD(p, 0.1, momentum=0.9, dampening=0.5), f.sgd(0.1, momentum=0.9, dampening=0.5)),
        (lambda p: f.Lion(p, 0.1, weight_decay=0.1), f.lion(0.1, weight_decay=0.1)),
        (lambda p: f.SGD(p, f.schedules.exponential(0.1, 0.5, 1)), f.sgd(f.schedules.exponential(0.1, 0.5, 1))),
    ]  # fmt: skip
    for dtype in (torch.float32, torch.bfloat16):
        for make, pure in pairs:
            model = filled(net())
            held = [(p.to(dtype), g.to(dtype)) for p, g in model.param()]
            params, grads = tuple(p.clone() for p, _ in held), tuple(g for _, g in held)
            state, optimiser = pure.init(params), make(held)
            for _ in range(5):
                params, state = pure.update(params, grads, state)
                optimiser.step()
                assert optimiser.lr == float(state.lr)
            assert all(torch.equal(p, q) for p, (q, _) in zip(params, held))


def test_muon_moves_matrices_as_pytorch_lays_them():
    torch.manual_seed(0)
    ours = f.Sequential(f.Linear(3, 5, bias=False), f.Linear(5, 2, bias=False))
    torch.manual_seed(0)
    theirs = torch.nn.Sequential(
        torch.nn.Linear(3, 5, bias=False), torch.nn.Linear(5, 2, bias=False)
    )
    for handed in (ours, ours.parameters(), ours.named_parameters(), [{"params": ours}]):
        twin = copy.deepcopy(theirs)
        filled(ours)
        for p, q in zip(twin.parameters(), ours.parameters()):
            with torch.no_grad():
                p.copy_(q)
            p.grad = q.grad.clone()
        f.Muon(handed, 0.1).step()
        torch.optim.Muon(twin.parameters(), 0.1).step()
        for p, q in zip(twin.parameters(), ours.parameters()):
            torch.testing.assert_close(q, p.detach())


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: f.Muon(f.Linear(3, 2)), f.ShapeError, r"Muon: expected matrices, got a parameter of shape \(2,\)"),
        (lambda: f.Muon(f.Linear(3, 2, bias=False).param()), f.KindError, r"Muon: expected a module, or what its parameters\(\) lists"),
        (lambda: f.Muon(matrix(), ns_steps=100), f.InputError, "Muon: expected ns_steps below 100, got 100"),
        (lambda: f.Muon(matrix(), adjust_lr_fn="none"), f.InputError, 'Muon: expected adjust_lr_fn to be "original"'),
        (lambda: f.Muon(matrix(), ns_coefficients=(1.0, 2.0)), f.KindError, "Muon: expected three ns_coefficients, got"),
        (lambda: f.Muon(matrix(), momentum=1.0), f.InputError, "Muon: expected momentum to be"),
        (lambda: f.Muon([{"params": matrix()}, {"params": f.Linear(2, 2)}]), f.ShapeError, "Muon: expected matrices"),
    ],
)  # fmt: skip
def test_muon_refuses_what_it_cannot_move(make, error, words):
    with pytest.raises(error, match=words):
        make()


def matrix():
    return f.Linear(3, 2, bias=False)


def test_a_closure_is_called_and_its_loss_returned():
    model = filled(net())
    before = [p.clone() for p, _ in model.param()]
    assert f.SGD(model, 0.1).step(lambda: 3.5) == 3.5
    assert not any(torch.equal(p, q) for p, (q, _) in zip(before, model.param()))


def test_it_can_be_pickled():
    model = filled(net())
    optimiser = f.Adam(model, 0.1)
    optimiser.step()
    twin = pickle.loads(pickle.dumps(optimiser))
    optimiser.step()
    twin.step()
    assert all(torch.equal(p, q) for (p, _), (q, _) in zip(optimiser.pairs, twin.pairs))


@pytest.mark.parametrize("kind", [1.0, 2.0, 3, math.inf])
@pytest.mark.parametrize("limit", [0.5, 100.0])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_clipping_gives_pytorchs_numbers(kind, limit, dtype):
    grads = [
        torch.randn(shape, generator=rng(i)).to(dtype) for i, shape in enumerate([(3, 4), (5,)])
    ]
    theirs = [torch.nn.Parameter(torch.zeros_like(g)) for g in grads]
    ours = [(torch.zeros_like(g), g.clone()) for g in grads]
    for p, g in zip(theirs, grads):
        p.grad = g.clone()
    expected = torch.nn.utils.clip_grad_norm_(theirs, limit, kind)
    assert torch.equal(f.clip_grad_norm_(ours, limit, kind), expected)
    for p, (_, grad) in zip(theirs, ours):
        torch.testing.assert_close(p.grad, grad)
    torch.nn.utils.clip_grad_value_(theirs, 0.1)
    assert f.clip_grad_value_(ours, 0.1) is None
    for p, (_, grad) in zip(theirs, ours):
        torch.testing.assert_close(p.grad, grad)


def test_clipping_takes_a_model_and_refuses_a_norm_that_is_not_finite():
    model = filled(net())
    total = f.clip_grad_norm_(model, 0.1)
    assert total > 0.1
    assert float(f.clip_grad_norm_(model.parameters(), 1.0)) == pytest.approx(0.1, rel=1e-4)
    model.param()[0][1][0, 0] = math.inf
    with pytest.raises(f.InputError, match=r"expected gradients of a finite norm, got inf"):
        f.clip_grad_norm_(model, 1.0, error_if_nonfinite=True)
    assert f.clip_grad_norm_(f.ReLU(), 1.0) == 0
    with pytest.raises(f.InputError, match=r"max_norm to be at least 0"):
        f.clip_grad_norm_(model, -1.0)
