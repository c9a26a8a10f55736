"""The champion: digits warped anew, and a network of one digit trained on them by a recipe."""

import math
import re
import runpy
import sys
from functools import partial

import pytest
import torch

from funcdl import check, dropout, flatten, linear, serial, shared, tree
from pairs import augment
from pairs import champion as champion_module
from pairs.augment import Warp, sampled, warped
from pairs.committee import committee
from pairs.data import Digits, Mnist
from pairs.model_file import load
from pairs.models import MODELS
from pairs.recipe import Recipe, learn_digits, measured
from pairs.rounds import begin, run_round, train_round
from pairs.training import Settings, TrainingError
from pairs.watch import watch, watch_round
from studykit.seeds import generator

STILL = Warp(0, 0, 0, 0, 0)
QUICK = Settings(train_pairs=20, test_pairs=20)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def blob(row, column, size=14):
    """A smooth spot around one place."""
    at = torch.arange(size, dtype=torch.float32)
    return (-((at[:, None] - row) ** 2 + (at - column) ** 2) / 4).exp()[None]


def middle(images):
    """The mean place of each image's ink: (n, 2)."""
    at = torch.arange(images.shape[-1], dtype=torch.float32)
    ink = images.sum((1, 2))
    return torch.stack([images.sum(2) @ at / ink, images.sum(1) @ at / ink], -1)


def test_a_digit_that_is_not_warped_stays_what_it_is(rng):
    images = torch.rand(5, 14, 14, generator=rng)
    torch.testing.assert_close(warped(images, STILL, rng), images)


def test_sampling_is_exact_on_what_a_cubic_can_follow_and_ends_at_the_border():
    at = torch.arange(8, dtype=torch.float64)
    images = (at[:, None] ** 2 - 3 * at)[None]
    rows = torch.tensor([[1.25, 3.5, 5.75]], dtype=torch.float64)
    columns = torch.tensor([[5.5, 2.0, 1.125]], dtype=torch.float64)
    torch.testing.assert_close(sampled(images, rows, columns), rows**2 - 3 * columns)
    beyond = sampled(images, rows * 0 + 99, columns * 0 - 99)
    torch.testing.assert_close(beyond, images[:, -1:, 0].expand(1, 3))


def test_images_are_read_alike_however_many_there_are(rng, monkeypatch):
    images, places = torch.rand(7, 6, 6, generator=rng), torch.rand(2, 7, 5, generator=rng) * 5
    whole = sampled(images, *places)
    monkeypatch.setattr(augment, "SOME", 3)
    assert torch.equal(sampled(images, *places), whole)
    assert sampled(images[:0], *places[:, :0]).shape == (0, 5)


@pytest.mark.parametrize(
    ("warp", "spot", "most"),
    [
        (STILL._replace(shift=2.0), (6.5, 6.5), (2, 2)),
        (STILL._replace(rotation=30.0), (6.5, 10.5), (4 * math.sin(math.pi / 6), 4 - 4 * math.cos(math.pi / 6))),
        (STILL._replace(scale=0.2), (6.5, 9.5), (0, 3 / 0.8 - 3)),
        (STILL._replace(shear=0.3), (10.5, 6.5), (0, 4 * 0.3)),
        (STILL._replace(bend=1.0), (6.5, 6.5), (1, 1)),
    ],
)  # fmt: skip
def test_each_warp_moves_a_spot_as_far_as_its_limit(warp, spot, most, rng):
    """And not much less far, where many are drawn; and each image in a way of its own."""
    images = blob(*spot).expand(500, 14, 14)
    moved = (middle(warped(images, warp, rng)) - torch.tensor(spot)).abs()
    farthest = moved.amax(0)
    for found, expected in zip(farthest.tolist(), most):
        assert 0.75 * expected - 0.1 <= found <= 1.1 * expected + 0.15
    assert len(moved.unique(dim=0)) > 400


def test_warping_depends_on_the_generator_alone_and_writes_to_nothing(rng):
    images = torch.rand(5, 14, 14, generator=rng)
    before = images.clone()
    one, two, other = (warped(images, Warp(), seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert torch.equal(images, before)


@pytest.fixture(scope="module")
def mnist():
    """Ten kinds of digits that a child could tell apart: a bright row each, in noise."""
    rng = seeded()
    labels = torch.arange(400) % 10
    images = torch.randint(0, 100, (400, 14, 14), generator=rng)
    images[torch.arange(400), labels + 2] = 255
    digits = Digits(images.to(torch.uint8), labels)
    return Mnist(digits, digits)


def quick(epochs=4, lr=1e-2):
    recipe = MODELS["champion"].recipe
    return recipe._replace(epochs=epochs, lr=lr, batch_size=20, warp=STILL._replace(shift=0.2))


def learnt(recipe, params, images, classes, rng):
    """The parameters after the last epoch, the norms measured."""
    for epoch in learn_digits(recipe, params, images, classes, rng):
        last = epoch
    return measured(recipe, last.params, images, rng)


def test_the_recipe_learns_and_its_answer_follows_from_the_digits(mnist, monkeypatch):
    champion = MODELS["champion"]._replace(recipe=quick())
    monkeypatch.setitem(MODELS, "champion", champion)
    with torch.no_grad():
        row = run_round("champion", 0, Settings(train_pairs=90, test_pairs=90), mnist)
    assert row.digit_error <= 0.05
    assert row.test_error <= 0.05
    assert row.epochs == 4


def test_a_champions_round_is_reproducible(mnist, monkeypatch):
    champion = MODELS["champion"]._replace(recipe=quick(1))
    monkeypatch.setitem(MODELS, "champion", champion)
    with torch.no_grad():
        one, two, other = (run_round("champion", i, QUICK, mnist) for i in (3, 3, 4))
    assert one._replace(seconds=0) == two._replace(seconds=0)
    assert other._replace(seconds=0, round=3) != one._replace(seconds=0)


def test_only_the_digits_network_is_trained_and_its_norms_are_measured(rng):
    recipe = quick(1)
    params, _ = recipe.digit.init(rng, (14, 14))
    before = tree.map(torch.Tensor.clone, params)
    images = torch.rand(40, 14, 14, generator=rng) + 3
    classes = torch.arange(40) % 10
    trained = learnt(recipe, params, images, classes, rng)
    assert all(map(torch.equal, tree.leaves(before), tree.leaves(params)))
    # With the population's moments, inference is training on the whole population.
    alone, _ = recipe.digit(trained, images)
    together, _ = recipe.digit(trained, images, rng)
    torch.testing.assert_close(alone, together, rtol=1e-3, atol=1e-3)


def test_a_committee_gives_the_mean_of_its_members(rng):
    layer = committee(serial(flatten(2), linear(10)), 3)
    params, shape = layer.init(rng, (14, 14))
    assert shape == (10,)
    x = torch.rand(2, 14, 14, generator=rng, dtype=torch.float64)
    params = tree.map(torch.Tensor.double, params)
    y, _ = layer(params, x)
    alone = [layer.layers[0](own, x)[0].log_softmax(-1) for own in tree.unstack(params)]
    torch.testing.assert_close(y, sum(alone) / 3)
    assert not torch.allclose(alone[0], alone[1])
    assert max(check(layer, params, x, rng).values()) < 1e-6


def test_each_member_of_a_committee_is_trained_in_a_way_of_its_own(rng):
    recipe = quick(1)._replace(members=2)
    params, _ = recipe.digit.init(rng, (14, 14))
    images, classes = torch.rand(40, 14, 14, generator=rng), torch.arange(40) % 10
    same = tree.stack([params, params])
    one, two = tree.unstack(learnt(recipe, same, images, classes, seeded(1)))
    alone = learnt(quick(1), params, images, classes, seeded(1))
    assert all(map(torch.equal, tree.leaves(alone), tree.leaves(one)))
    assert not any(map(torch.equal, tree.leaves(one), tree.leaves(two)))


def test_a_champion_that_is_watched_learns_the_same(mnist, monkeypatch):
    """A look draws what a network drops meanwhile, but from a copy of the round's generator."""
    champion = MODELS["champion"]
    layers = champion.recipe.digit.layers
    digit = serial(*layers[:-1], dropout(0.5), layers[-1])
    net = serial(shared(digit, axis=-3), *champion.net.layers[1:])
    dropping = champion._replace(net=net, recipe=quick(3)._replace(digit=digit))
    monkeypatch.setitem(MODELS, "champion", dropping)
    with torch.no_grad():
        trained, details = watch_round("champion", 0, QUICK, mnist)
        alone = train_round("champion", 0, QUICK, mnist)
    assert all(map(torch.equal, tree.leaves(trained.params), tree.leaves(alone.params)))
    assert len(details.losses) == 3


def test_a_committee_is_looked_at_once_and_has_no_curves(mnist, monkeypatch):
    """It is there only when its last member is trained, its norms measured."""
    four = MODELS["champion-4"]._replace(recipe=quick(2)._replace(members=4))
    monkeypatch.setitem(MODELS, "champion-4", four)
    with torch.no_grad():
        (look,) = watch(begin("champion-4", 0, QUICK, mnist))
        trained, details = watch_round("champion-4", 0, QUICK, mnist)
    assert look.epoch.number == 2
    assert all(map(torch.equal, tree.leaves(look.epoch.params), tree.leaves(trained.params)))
    assert details.losses == details.test_errors == []


def test_a_recipe_that_diverges_names_model_round_and_epoch(mnist, monkeypatch):
    champion = MODELS["champion"]._replace(recipe=quick(2, lr=1e38))
    monkeypatch.setitem(MODELS, "champion", champion)
    with (
        torch.no_grad(),
        pytest.raises(
            TrainingError, match=r"^champion, round 1: the loss is no longer finite after epoch 1$"
        ),
    ):
        run_round("champion", 1, QUICK, mnist)


def test_a_recipe_takes_any_network_of_one_digit(rng):
    plain = Recipe(serial(flatten(2), linear(10)), 30, 10, 3e-2, 0.0, 0.1, STILL)
    params, _ = plain.digit.init(rng, (14, 14))
    images, classes = torch.zeros(20, 14, 14), torch.arange(20) % 10
    images[torch.arange(20), classes] = 1
    params = learnt(plain, params, images, classes, rng)
    assert (plain.digit(params, images)[0].argmax(-1) == classes).all()


NO_PACKAGE = "models in files need the package safetensors: pip install 'safetensors[numpy]'\n"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Where the script writes the champion to, in place of the package's own."""
    monkeypatch.setattr(champion_module, "__file__", str(tmp_path / "champion.py"))
    return tmp_path / "data" / "champion.safetensors"


def test_the_packages_champion_learns_from_the_whole_training_set(mnist, monkeypatch):
    """From digits that are kept for validation too, drawn as a round's were before these were."""
    monkeypatch.setitem(MODELS, "champion", MODELS["champion"]._replace(recipe=quick(1)))
    whole = Settings(train_pairs=200, test_pairs=150)
    splits = []
    real = champion_module.train_round

    def recorded(*args, split):
        splits.append(split)
        return real(*args, split=split)

    monkeypatch.setattr(champion_module, "train_round", recorded)
    made = champion_module.train_champion(mnist, whole)
    (split,) = splits
    assert len(split.train.target) == 200  # all of the 400 digits
    rng = generator(0, "pairs", 0)
    for part, pairs in zip(mnist, split):
        order = torch.randperm(400, generator=rng)[: 2 * len(pairs.target)]
        assert torch.equal(pairs.classes, part.labels[order].view(-1, 2))
        images = part.images[order].view(-1, 2, 14, 14).float() / 255
        assert torch.equal(pairs.images, images)
    assert made.mean == pytest.approx(float(split.train.images.mean()))
    assert made.about["settings"] == whole._asdict()


def test_the_script_trains_writes_and_says_what_it_made(place, mnist, monkeypatch, capsys):
    pytest.importorskip("safetensors", reason="needs the extra compare")
    monkeypatch.setitem(MODELS, "champion", MODELS["champion"]._replace(recipe=quick(1)))
    quickly = partial(champion_module.train_champion, settings=QUICK)
    monkeypatch.setattr(champion_module, "train_champion", quickly)
    monkeypatch.setattr(champion_module, "load_digits", lambda: mnist)
    assert champion_module.main() == 0
    out, err = capsys.readouterr()
    assert err == ""
    made, size = load(place), place.stat().st_size
    assert made.about["settings"] == QUICK._asdict()
    assert size < 2.2 * tree.size(made.params)  # two bytes a number
    begun, ended = out.splitlines()
    assert begun == "training on 60,000 digits, which takes minutes"
    digit, pair = (f"{made.about[key]:.2%}" for key in ("digit_error", "test_error"))
    said = f"champion.safetensors: digit error {digit}, pair error {pair} on the test set, "
    assert re.fullmatch(re.escape(f"{said}{size:,} bytes, ") + r"\d+ s", ended)


@pytest.mark.parametrize("lacking", ["package", "folder"])
def test_the_script_refuses_before_it_trains(place, monkeypatch, capsys, lacking):
    monkeypatch.setattr(champion_module, "train_champion", None)
    monkeypatch.setattr("pairs.model_file.find_spec", lambda name: lacking != "package")
    place.parent.write_text("no folder")
    assert champion_module.main() == 2
    said = f"{place.parent}: expected a folder that can be written, got: File exists\n"
    assert capsys.readouterr() == ("", NO_PACKAGE if lacking == "package" else said)


def test_the_script_ends_with_its_status(monkeypatch, capsys):
    monkeypatch.setattr("pairs.model_file.find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "pairs.champion")
    with pytest.raises(SystemExit) as end:
        runpy.run_module("pairs.champion", run_name="__main__")
    assert end.value.code == 2
    assert capsys.readouterr() == ("", NO_PACKAGE)
