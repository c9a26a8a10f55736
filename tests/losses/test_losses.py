"""Losses where the table of cases does not look: far out, on rows alone, and on what does not fit."""

import pytest
import torch
from torch.nn import functional as nnf

import funcdl as f
from funcdl import tree

ELEMENTWISE = [
    *(f.mse, f.l1, f.huber, f.binary_cross_entropy, f.hinge),
    *(f.soft_margin, f.hinge_embedding, f.binary_focal),
]
ROWS = [f.cosine_distance, f.kl_divergence, f.multi_label_margin, f.multi_label_soft_margin]


def test_logits_far_out_do_not_overflow():
    y, t = torch.tensor([1e4, -1e4]), torch.tensor([0.0, 1.0])
    loss, vjp = f.binary_cross_entropy(reduction="none")((), (y, t))
    assert torch.equal(loss, torch.tensor([1e4, 1e4]))
    assert torch.equal(vjp(torch.ones(2))[1][0], torch.tensor([1.0, -1.0]))


def test_cross_entropy_of_what_is_certain_is_zero():
    y = torch.tensor([[1e4, -1e4]])
    loss, vjp = f.cross_entropy()((), (y, torch.tensor([0])))
    assert float(loss) == 0
    assert not vjp(torch.ones(()))[1][0].any()


def test_embeddings_at_one_point_have_no_nan():
    a = torch.ones(1, 3)
    for t in (torch.zeros(1), torch.ones(1)):
        loss, vjp = f.contrastive()((), ((a, a), t))
        assert loss.isfinite()
        assert all(d.isfinite().all() for d in vjp(torch.ones(()))[1][0])


def test_a_vector_of_no_length_has_no_nan():
    loss, vjp = f.cosine_distance()((), (torch.zeros(1, 3), torch.ones(1, 3)))
    assert float(loss) == 1
    assert vjp(torch.ones(()))[1][0].isfinite().all()


@pytest.mark.parametrize(
    "make", [*ELEMENTWISE, *ROWS, f.cross_entropy, f.nll], ids=lambda m: m.__name__
)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_reduction_is_that_of_the_losses(make, reduction, rng):
    y = torch.rand(4, 3, generator=rng, dtype=torch.float64) - 0.5
    t = torch.rand(4, 3, generator=rng, dtype=torch.float64)
    if make in (f.cross_entropy, f.nll):
        t = torch.tensor([0, 2, 1, 0])
    each, _ = make(reduction="none")((), (y, t))
    whole, _ = make(reduction=reduction)((), (y, t))
    torch.testing.assert_close(whole, getattr(each, reduction)())


def test_a_target_without_the_models_axis_serves_them_all(rng):
    y, t = torch.rand(3, 4, 2, generator=rng), torch.rand(4, 2, generator=rng)
    for make in (*ELEMENTWISE, *ROWS):
        shared, vjp = make(models=1)((), (y, t))
        apart, vjps = make(models=1)((), (y, t.expand(3, 4, 2)))
        assert torch.equal(shared, apart)
        assert torch.equal(vjp(torch.ones(3))[1][0], vjps(torch.ones(3))[1][0])


@pytest.mark.parametrize("make", [*ELEMENTWISE, *ROWS, f.contrastive], ids=lambda m: m.__name__)
@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.float64], ids=str)
def test_a_target_of_another_dtype_is_the_same_in_that_of_the_output(make, dtype, rng):
    y, t = torch.rand(4, 3, generator=rng), torch.rand(4, 3, generator=rng).round()
    if make is f.contrastive:
        y, t = (y, y.square()), t[:, 0]
    expected, vjp = make()((), (y, t))
    loss, pull = make()((), (y, t.to(dtype)))
    assert loss.dtype == torch.float32
    assert torch.equal(loss, expected)
    one = torch.ones(())
    for d, e in zip(tree.leaves(pull(one)[1][0]), tree.leaves(vjp(one)[1][0])):
        assert d.dtype == torch.float32
        assert torch.equal(d, e)


def test_a_staged_step_takes_targets_of_another_dtype(rng):
    net, optimiser = f.linear(2), f.sgd(0.1)
    params, _ = net.init(rng, (3,))
    step = f.training_step(f.supervised(net, f.mse()), optimiser)
    fast, (p, q) = f.stage(step), (params, params)
    for _ in range(3):
        batch = torch.rand(4, 3, generator=rng), torch.randint(0, 2, (4, 2), generator=rng)
        p, _, loss = step(p, optimiser.init(p), batch)
        q, _, same = fast(q, optimiser.init(q), batch)
        torch.testing.assert_close(same, loss)
    torch.testing.assert_close(q.w, p.w)


def test_one_hot_targets_are_soft_ones_too():
    y, t = torch.rand(4, 3), torch.tensor([0, 2, 1, 0])
    loss, vjp = f.cross_entropy(soft=True)((), (y, torch.eye(3).long()[t]))
    hard, pull = f.cross_entropy()((), (y, t))
    torch.testing.assert_close(loss, hard)
    torch.testing.assert_close(vjp(torch.ones(()))[1][0], pull(torch.ones(()))[1][0])


@pytest.mark.parametrize("make", ELEMENTWISE, ids=lambda m: m.__name__)
def test_each_number_may_be_a_model_of_its_own(make):
    y, t = torch.tensor([0.5, 2.0]), torch.tensor([1.0, -1.0])
    loss, vjp = make(models=1)((), (y, t))
    each, pull = make(reduction="none")((), (y, t))
    torch.testing.assert_close(loss, each)
    torch.testing.assert_close(vjp(torch.ones(2))[1][0], pull(torch.ones(2))[1][0])


def test_weighted_sum_takes_every_loss(rng):
    y, t = torch.rand(4, 3, generator=rng), torch.rand(4, 3, generator=rng)
    classes = torch.tensor([0, 2, 1, 0])
    rows = [(make(), y, t) for make in (*ELEMENTWISE, *ROWS)]
    rows += [(make(), y, classes) for make in (f.cross_entropy, f.nll)]
    rows += [(f.contrastive(), (y, t), t[:, 0].round())]
    losses, ys, ts = zip(*rows)
    total, vjp = f.weighted_sum(*((0.5, loss) for loss in losses))((), (ys, ts))
    alone = [loss((), (y, t)) for loss, y, t in rows]
    torch.testing.assert_close(total, 0.5 * sum(value for value, _ in alone))
    for d, (_, pull) in zip(vjp(torch.ones(()))[1][0], alone):
        torch.testing.assert_close(d, pull(torch.full((), 0.5))[1][0])


def test_no_cotangent_is_computed_where_none_is_asked_for():
    _, vjp = f.mse()((), (torch.ones(2), torch.zeros(2)))
    assert vjp(torch.ones(()), False) == ((), None)


def pulled(layer, *x):
    loss, vjp = layer((), x)
    return loss, vjp(torch.ones_like(loss))[1][0]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weights", [None, torch.tensor([0.2, 0.5, 3.0])])
def test_a_target_that_is_no_class_can_be_ignored(weights, smoothing, reduction, rng):
    y, t = torch.randn(6, 3, generator=rng), torch.tensor([0, -100, 2, 1, -100, 0])
    live = y.clone().requires_grad_()
    how = {"weight": weights, "ignore_index": -100, "reduction": reduction}
    with torch.enable_grad():
        expected = nnf.cross_entropy(live, t, label_smoothing=smoothing, **how)
        (slope,) = torch.autograd.grad(expected, live, torch.ones_like(expected))
    made = f.cross_entropy(
        weights=weights, label_smoothing=smoothing, ignore=-100, reduction=reduction
    )
    loss, dy = pulled(made, y, t)
    torch.testing.assert_close(loss, expected.detach())
    torch.testing.assert_close(dy, slope)
    assert not dy[t == -100].any()


def test_a_loss_that_is_ignored_may_be_infinite():
    y, t = torch.tensor([[0.0, -float("inf")], [0.0, 0.0]]), torch.tensor([1, 0])
    for make in (f.cross_entropy, f.nll, f.focal):
        loss, dy = pulled(make(ignore=1), y, t)
        assert loss.isfinite()
        assert not dy[0].any()


@pytest.mark.parametrize("staged", [False, True], ids=["plain", "staged"])
def test_each_model_ignores_as_it_does_alone(staged, rng):
    net, descent = f.linear(3), f.sgd(0.1)
    members = [net.init(rng, (4,))[0] for _ in range(2)]
    x, t = torch.rand(6, 4, generator=rng), torch.tensor([0, -1, 2, 1, -1, 0])
    weights = torch.tensor([0.2, 0.5, 3.0])

    def trained(params, x, models):
        loss = f.cross_entropy(weights=weights, ignore=-1, models=models)
        step = f.training_step(f.supervised(net, loss), descent)
        step, state = f.stage(step) if staged else step, descent.init(params)
        for _ in range(3):
            params, state, value = step(params, state, (x, t))
        return params.w.clone(), value.clone()

    together = trained(tree.stack(members), x.expand(2, 6, 4), 1)
    for i, member in enumerate(members):
        for one, other in zip(together, trained(member, x, 0)):
            torch.testing.assert_close(one[i], other)


@pytest.mark.parametrize("weights", [None, torch.tensor([0.2, 0.5, 3.0])])
def test_a_focal_loss_without_focus_is_a_cross_entropy(weights, rng):
    y, t = torch.randn(6, 3, generator=rng), torch.tensor([0, 1, 2, 1, 2, 0])
    for one, other in zip(
        pulled(f.focal(0, weights=weights), y, t), pulled(f.cross_entropy(weights=weights), y, t)
    ):
        torch.testing.assert_close(one, other)
    t = t.unsqueeze(-1).eq(torch.arange(3)).float()
    for one, other in zip(pulled(f.binary_focal(0), y, t), pulled(f.binary_cross_entropy(), y, t)):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("yes", [3.0, torch.tensor([3.0, 1.0, 0.5])])
def test_a_rare_yes_counts_more(yes, rng):
    y, t = 30 * torch.randn(6, 3, generator=rng), torch.rand(6, 3, generator=rng).round()
    live = y.clone().requires_grad_()
    with torch.enable_grad():
        expected = nnf.binary_cross_entropy_with_logits(live, t, pos_weight=torch.as_tensor(yes))
        (slope,) = torch.autograd.grad(expected, live)
    loss, dy = pulled(f.binary_cross_entropy(pos_weight=yes), y, t)
    torch.testing.assert_close(loss, expected.detach())
    torch.testing.assert_close(dy, slope)


def test_triplets_compose_with_what_embeds_them(rng):
    three = tuple(torch.rand(5, 4, generator=rng) for _ in range(3))
    loss = f.triplet(5.0, distance=f.pairwise_distance(1))
    objective = f.supervised(f.shared(f.linear(2)), loss)
    params, _ = objective.init(rng, (((4,), (4,), (4,)), ()))
    live = params.w.clone().requires_grad_()
    with torch.enable_grad():
        each = [x @ live + params.b for x in three]
        expected = nnf.triplet_margin_loss(*each, 5.0, 1.0)
        (slope,) = torch.autograd.grad(expected, live)
    value, vjp = objective(params, (three, torch.ones(5)))
    torch.testing.assert_close(value, expected.detach())
    torch.testing.assert_close(vjp(torch.ones(()))[0].w, slope)


def test_a_triplet_takes_a_distance_of_a_users_own(rng):
    def squared(params, pair):
        apart = pair[0] - pair[1]
        return (apart * apart).sum(-1), lambda d: (
            (),
            (2 * apart * d.unsqueeze(-1), -2 * apart * d.unsqueeze(-1)),
        )

    y = tuple(torch.rand(5, 4, generator=rng).double() for _ in range(3))
    found = f.check(
        f.triplet(2.0, distance=squared, swap=True), (), (y, torch.ones(5).double()), rng
    )
    assert max(found.values()) < 1e-6


def test_an_easy_triplet_moves_nothing():
    a, far = torch.zeros(1, 2), torch.tensor([[3.0, 4.0]])
    loss, dy = pulled(f.triplet(), (a, a.clone(), far), torch.ones(1))
    assert float(loss) == 0
    assert not any(d.any() for d in dy)
