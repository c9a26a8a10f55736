"""What a module remembers of its forward passes: the right gradients, or one clear error."""

import copy
import gc
import pickle
import weakref

import pytest
import torch
from users import Halve

import funcdl as f


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=1):
    return torch.randn(shape, generator=rng(seed))


class Stranger:
    """The same, without the library's base class."""

    __init__, forward, backward, param = Halve.__init__, Halve.forward, Halve.backward, Halve.param


class Net(f.Module):
    """A module of a user's own that calls others, one of them twice."""

    def __init__(self, seed=0):
        self.first, self.act = f.Linear(3, 3, rng=rng(seed)), f.Tanh()
        self.rest = [f.Linear(3, 3, rng=rng(seed + 1)), f.Sigmoid()]

    def forward(self, *input):
        x = self.act.forward(self.first.forward(input[0]))
        for module in self.rest:
            x = module.forward(x)
        return self.act.forward(self.first.forward(x))

    def backward(self, *gradwrtoutput):
        d = self.first.backward(self.act.backward(gradwrtoutput[0]))
        for module in reversed(self.rest):
            d = module.backward(d)
        return self.first.backward(self.act.backward(d))


def tied():
    lin, block = f.Linear(3, 3, rng=rng()), f.Sequential(f.Linear(3, 3, rng=rng(1)), f.Tanh())
    return f.Sequential(lin, f.Tanh(), lin, block, block, lin)


def mixed():
    half, stranger = Halve(), Stranger()
    return f.Sequential(
        half, f.Linear(3, 3, rng=rng()), f.Tanh(), stranger, half, stranger, f.Tanh(), half
    )


def nested():
    net = Net()
    return f.Sequential(net, Halve(), net, f.Sequential(net))


NETS = {"tied": tied, "mixed": mixed, "composite": Net, "nested": nested}


def reference(module, live):
    """Compute a network with torch's own operations, of parameters that require gradients."""
    if isinstance(module, f.Sequential):

        def run(x):
            for part in module:
                x = reference(part, live)(x)
            return x

        return run
    if isinstance(module, Net):
        first, act = reference(module.first, live), torch.tanh
        rest = [reference(part, live) for part in module.rest]
        return lambda x: act(first(rest[1](rest[0](act(first(x))))))
    if isinstance(module, f.Linear):
        w, b = (live[id(p)] for p, _ in module.param())
        return lambda x: x @ w + b
    if isinstance(module, (Halve, Stranger)):
        return lambda x: x * live[id(module.scale)]
    return torch.tanh if isinstance(module, f.Tanh) else torch.sigmoid


def wanted(module, *batches):
    """Give the gradients of the parameters, summed over (input, dy), and that of each input."""
    with torch.enable_grad():
        live = {id(p): p.clone().requires_grad_() for p, _ in module.param()}
        inputs = [x.clone().requires_grad_() for x, _ in batches]
        total = sum((reference(module, live)(x) * dy).sum() for x, (_, dy) in zip(inputs, batches))
        grads = torch.autograd.grad(total, [*live.values(), *inputs])
    return grads[: len(live)], grads[len(live) :]


def agree(module, grads):
    for (_, mine), theirs in zip(module.param(), grads, strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.fixture(params=NETS)
def net(request):
    return NETS[request.param]()


X, DY, A, DA = (normal(5, 3, seed=i) for i in range(1, 5))


def test_a_module_may_stand_twice_in_a_network(net):
    grads, (dx,) = wanted(net, (X, DY))
    net.forward(X)
    torch.testing.assert_close(net.backward(DY), dx)
    agree(net, grads)
    net.backward(DY)  # once more adds as much again
    agree(net, [2 * g for g in grads])


def test_forward_twice_goes_back_twice_the_last_one_first(net):
    grads, (dx, da) = wanted(net, (X, DY), (A, DA))
    y, z = net.forward(X), net.forward(A)
    torch.testing.assert_close(net.backward(DA), da)
    torch.testing.assert_close(net.backward(DY), dx)
    agree(net, grads)
    assert y.shape == z.shape


def test_a_gradient_that_a_module_gave_goes_with_its_own_pass(net):
    one, two = f.LossMSE(), f.LossMSE()
    grads, _ = wanted(net, (X, 0 * DY), (A, 0 * DA))
    assert not any(g.any() for g in grads)
    y, z = net.forward(X), net.forward(A)
    one.forward(y, DY), two.forward(z, DA)
    grads, (dx, da) = wanted(net, (X, 2 * (y - DY) / 15), (A, 2 * (z - DA) / 15))
    torch.testing.assert_close(net.backward(one.backward()), dx)  # the first one first
    torch.testing.assert_close(net.backward(two.backward()), da)
    agree(net, grads)


def test_passes_inside_and_outside_a_network_stay_apart():
    inner = Net()
    net = f.Sequential(inner)
    outside = inner.first.forward(A)
    grads, (dx,) = wanted(net, (X, DY))
    net.forward(X)
    for times in (1, 2):
        torch.testing.assert_close(net.backward(DY), dx)
        agree(net, [times * g for g in grads])
    net.zero_grad()
    torch.testing.assert_close(inner.first.backward(DA), DA @ inner.first.params.w.T)
    torch.testing.assert_close(inner.first.grads.w, A.T @ DA)
    del outside


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("criterion", ["one", "two"])
def test_an_evaluation_in_between_does_not_matter(net, mode, criterion):
    loss, other = f.LossMSE(), f.LossMSE()
    y = net.forward(X)
    loss.forward(y, DY)
    if mode == "eval":
        net.eval()
    again = net.forward(A)
    if criterion == "two":
        other.forward(again, DA)
    elif mode == "eval":
        loss.forward(again, DA)
    net.train()
    grads, (dx,) = wanted(net, (X, 2 * (y - DY) / 15))
    torch.testing.assert_close(net.backward(loss.backward()), dx)
    agree(net, grads)


def test_in_eval_mode_a_gradient_of_ones_own_needs_the_mode_of_its_pass():
    net = f.Linear(3, 2, rng=rng())
    y = net.forward(X)
    net.eval()
    net.backward(torch.ones(5, 2))  # there is one pass alone
    net.train()
    y = net.forward(X)
    net.eval()
    net.forward(A)
    with pytest.raises(f.UsageError, match=r"^Linear: expected to know which forward pass"):
        net.backward(torch.ones(5, 2))
    net.zero_grad()
    net.train().backward(torch.ones(5, 2))
    assert torch.allclose(net.param()[0][1], X.sum(0)[:, None].expand(3, 2), atol=1e-6)
    del y


def test_modes_and_zeros_in_between_change_nothing(net):
    grads, (dx,) = wanted(net, (X, DY))
    net.forward(X)
    net.zero_grad()
    net.eval()
    torch.testing.assert_close(net.backward(DY), dx)
    agree(net, grads)


def test_what_was_forgotten_is_not_taken_for_another():
    net = f.Linear(3, 2, rng=rng())
    net.forward(X)
    net.forward(A)  # nobody has what came out before
    net.backward(torch.ones(5, 2))
    with pytest.raises(f.UsageError, match=r"^Linear: expected a forward pass that is remembered"):
        net.backward(torch.ones(5, 2))


def test_a_gradient_may_be_used_for_a_later_pass():
    net, loss = f.Linear(3, 3, rng=rng()), f.LossMSE()
    loss.forward(net.forward(X), DY)
    dy = loss.backward()
    net.backward(dy)
    once = net.param()[0][1].clone()
    net.forward(X)
    net.backward(dy)
    assert torch.equal(net.param()[0][1], 2 * once)


def step(net, x, y):
    f.SGD(net, lr=0.1).step()


def reinit(net, x, y):
    net.reset_parameters()


def load(net, x, y):
    net.load_state_dict({k: v + 1 for k, v in net.state_dict().items()})


def refill(net, x, y):
    x.zero_()


def scale(net, x, y):
    y.mul_(2)


def scale_a_view(net, x, y):
    y.view(-1)[0] = 3.0


@pytest.mark.parametrize("change", [step, reinit, load, refill, scale, scale_a_view])
@pytest.mark.parametrize("around", [False, True])
def test_what_is_written_to_in_between_is_refused(change, around):
    net = f.Sequential(f.Linear(3, 3, rng=rng()), f.Tanh())
    net = f.Sequential(net) if around else net
    x = X.clone()
    y = net.forward(x)
    net.backward(DY)
    change(net, x, y)
    with pytest.raises(f.UsageError, match=r"as in the forward pass, got some of it written to"):
        net.backward(DY)
    net.forward(X)
    net.backward(DY)


def test_what_the_derivative_does_not_need_may_be_written_to():
    linear = f.Linear(3, 3, rng=rng())
    y = linear.forward(X)
    y.sub_(DY)  # the usual way to the gradient of a squared error
    grads, (dx,) = wanted(linear, (X, y))
    torch.testing.assert_close(linear.backward(y), dx)
    agree(linear, grads)
    net, x = f.Sequential(f.ReLU(), f.Linear(3, 3, rng=rng())), X.clone()
    net.forward(x)
    x.zero_()
    net.backward(DY)


class Doubles(f.Module):
    """A module that writes to what it is given."""

    def __init__(self):
        pass

    def forward(self, *input):
        return input[0].mul_(2)

    def backward(self, *gradwrtoutput):
        return 2 * gradwrtoutput[0]


def test_a_module_that_writes_to_its_input_is_found_out():
    net = f.Sequential(f.Linear(3, 3, rng=rng()), f.Tanh(), Doubles())
    net.forward(X)
    with pytest.raises(
        f.UsageError, match=r"^Sequential: expected what goes from module to module"
    ):
        net.backward(DY)
    net = f.Sequential(f.Tanh(), f.Linear(3, 3, rng=rng()), Doubles())  # nobody needs it there
    net.forward(X)
    net.backward(DY)


def alive():
    gc.collect()
    return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())


# In training, outputs that are kept may go back.
@pytest.mark.parametrize(("mode", "kept"), [("eval", False), ("eval", True), ("train", False)])
def test_a_loop_of_evaluations_leaves_one_pass_behind(net, mode, kept):
    loss = f.LossMSE()
    net.train(mode == "train")
    outputs, counts = [], []
    for _ in range(4):
        for _ in range(5):
            y = net.forward(X)
            loss.forward(y, DY)
            outputs += [y] if kept else []
        counts.append(alive() - len(outputs))
    assert counts[-1] <= counts[1]


def test_a_loop_of_training_leaves_one_pass_behind(net):
    loss, optimiser, losses, counts = f.LossMSE(), f.SGD(net, 0.01), [], []
    for _ in range(4):
        for _ in range(5):
            optimiser.zero_grad()
            losses.append(loss.forward(net.forward(X), DY))
            net.backward(loss.backward())
            optimiser.step()
        counts.append(alive() - len(losses))
    assert counts[-1] <= counts[1]


def test_a_recurrence_by_hand_goes_back_in_time():
    cell = f.Module(f.gru_cell(3), ((3,), (3,)), rng())
    steps, h, states = [normal(5, 3, seed=i) for i in range(4)], torch.zeros(5, 3), []
    for x in steps:
        h = cell.forward(h, x)
        states.append(h)
    dh = torch.zeros(5, 3)
    for _ in steps:
        dh, _ = cell.backward(dh + DY)
    params = tuple(p.clone() for p, _ in cell.param())
    whole, pulls, h = f.gru_cell(3), [], torch.zeros(5, 3)
    for x in steps:
        h, pull = whole(cell.params, (h, x))
        pulls.append(pull)
    expected, dh = [torch.zeros_like(p) for p in params], torch.zeros(5, 3)
    for pull in reversed(pulls):
        dparams, (dh, _) = pull(dh + DY)
        expected = [e + d for e, d in zip(expected, f.tree.leaves(dparams))]
    agree(cell, expected)


def test_what_is_no_tensor_may_go_in():
    def first(params, x):
        return 2 * x[0], lambda dy: ((), (2 * dy, None))

    module = f.Module(first, None)
    assert torch.equal(module.forward(X, None), 2 * X)
    assert torch.equal(module.backward(DY)[0], 2 * DY)


def test_what_came_out_of_a_pass_that_is_forgotten_is_freed():
    net = f.Sequential(f.Linear(3, 3, rng=rng()), f.Tanh())
    x = X.clone()
    gone = weakref.ref(x)
    net.forward(x)
    del x
    net.forward(A)
    assert gone() is None


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))])
def test_a_copy_in_between_has_no_pass_of_its_own(copied):
    net = tied()
    grads, (dx,) = wanted(net, (X, DY))
    net.forward(X)
    twin = copied(net)
    with pytest.raises(f.UsageError, match=r"^Sequential: expected forward before backward"):
        twin.backward(DY)
    twin.forward(A)
    twin.backward(DA)
    torch.testing.assert_close(net.backward(DY), dx)
    agree(net, grads)


def test_outputs_can_be_saved_and_loaded_as_plain_tensors(tmp_path):
    net, loss = f.Linear(3, 3, rng=rng()), f.LossMSE()
    y = net.forward(X)
    loss.forward(y, DY)
    torch.save([y, loss.backward()], tmp_path / "outputs.pt")
    assert torch.equal(torch.load(tmp_path / "outputs.pt", weights_only=True)[0], y)
    assert not vars(X)
    assert f.Identity().forward(X) is not X


def test_an_error_in_forward_leaves_nothing_behind():
    net = f.Sequential(f.Linear(3, 3, rng=rng()), f.Linear(4, 3, rng=rng()))
    with pytest.raises(f.ShapeError, match=r"^Sequential\[1\] linear: expected x"):
        net.forward(X)
    with pytest.raises(f.UsageError, match=r"^Sequential: expected forward before backward"):
        net.backward(DY)
    lin = net[0]
    lin.forward(X)
    with pytest.raises(f.ShapeError):
        net.forward(X)
    lin.backward(DY)
    torch.testing.assert_close(lin.param()[1][1], DY.sum(0))


def test_an_error_in_backward_does_not_use_the_pass_up(net):
    grads, (dx,) = wanted(net, (X, DY))
    net.forward(X)
    with pytest.raises((f.ShapeError, RuntimeError)):
        net.backward(torch.ones(5, 7))
    net.zero_grad()
    torch.testing.assert_close(net.backward(DY), dx)
    agree(net, grads)


def test_a_loss_on_another_shape_of_the_output_says_what_to_do():
    for net in (f.Linear(3, 1, rng=rng()), f.Sequential(f.Linear(3, 1, rng=rng()))):
        loss = f.LossMSE()
        y = net.forward(X)
        loss.forward(y.flatten(), torch.ones(5))
        with pytest.raises(f.ShapeError, match=r"got \(5,\): where the loss is taken of the output in another shape, .* dy\.reshape\(y\.shape\)$"):  # fmt: skip
            net.backward(loss.backward())
        net.backward(loss.backward().reshape(y.shape))


def test_a_tuple_where_one_tensor_is_due_is_refused():
    net = f.Sequential(f.Linear(3, 3, rng=rng()))
    net.forward(X)
    with pytest.raises(f.KindError, match=r"expected dy to be tensors as y is, got tuple"):
        net.backward(DY, DY)


def test_a_module_with_an_attribute_of_its_own_works_in_inference_mode():
    with torch.inference_mode():
        net = f.Sequential(f.Linear(3, 3, rng=rng()), f.Tanh(), Halve())
        net.forward(X)
        assert net.backward(DY).shape == X.shape


class Counts(Halve):
    """One that counts its calls, in attributes too."""

    forwards = backwards = 0

    def forward(self, *input):
        self.forwards += 1
        return super().forward(*input)

    def backward(self, *gradwrtoutput):
        self.backwards += 1
        return super().backward(*gradwrtoutput)


def test_what_is_no_memory_of_a_pass_is_left_as_it_is():
    counts = Counts()
    net = f.Sequential(counts, f.Tanh(), counts)
    for _ in range(2):
        net.forward(X)
        net.backward(DY)
    assert (counts.forwards, counts.backwards) == (4, 4)


def test_modules_without_a_generator_share_compare_and_rematerialise():
    two = ((3,), (3,))
    shared = f.Module(f.shared(f.linear(2)), two)
    assert [y.shape for y in shared.forward(X, A)] == [(5, 2), (5, 2)]
    siamese = f.Module(f.siamese(f.linear(4), f.serial(f.join(), f.linear(1))), two)
    siamese.forward(X, A)
    assert [d.shape for d in siamese.backward(torch.ones(5, 1))] == [(5, 3), (5, 3)]
    for part in (f.serial(f.linear(3), f.tanh), f.serial(f.linear(3), f.dropout(0.5))):
        plain, remat = f.Module(part, (3,)), f.Module(f.remat(part), (3,))
        remat.load_state_dict(plain.state_dict())
        with torch.random.fork_rng():
            torch.manual_seed(3)
            one = plain.forward(X), plain.backward(DY)
            torch.manual_seed(3)
            two = remat.forward(X), remat.backward(DY)
        assert all(torch.equal(p, q) for p, q in zip(one, two))
        assert all(torch.equal(g, h) for (_, g), (_, h) in zip(plain.param(), remat.param()))


def test_a_function_that_draws_by_itself_asks_for_a_generator():
    def noise(params, x, rng):
        return x * x.new_empty(x.shape).normal_(generator=rng), lambda dy: ((), dy)

    with pytest.raises(
        f.KindError, match=r"^Module: expected a generator for a function that draws"
    ):
        f.Module(noise, (3,)).forward(X)
    f.Module(noise, (3,), rng()).forward(X)
