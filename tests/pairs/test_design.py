"""The design of the study: no model is given what it is said not to know, and all get the same."""

import json
import math
from itertools import count

import pytest
import torch

import funcdl as f
import pairs.rounds as rounds
import pairs.training as training
from funcdl import tree
from funcdl.ops import minimal
from pairs import study
from pairs.augment import AUGMENTS, augmented, shifted
from pairs.data import Digits, Mnist, Pairs, draw_split
from pairs.design import LONGER
from pairs.models import MODELS, STUDY, UnknownModelError, find, parts
from pairs.rates import RateError, grid, rate
from pairs.results import Results, ResultsError
from pairs.rounds import begin, finished, learn, row_of, run_round, train_round
from pairs.training import Row, Settings, settled, train
from pairs.watch import watch, watch_round

QUICK = Settings(epochs=2, batch_size=10, train_pairs=30, test_pairs=20)
DESIGN = [name for name, model in MODELS.items() if model.factors is not None]
SOME = ["fc-plain", "fc-bn-shared-aux", "conv-separate-explicit", "fc-shared-explicit-digits"]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def numbered(count, first, seed):
    """Digits that tell which they are: the first two pixels are the number."""
    images = torch.randint(0, 256, (count, 14, 14), generator=seeded(seed)).to(torch.uint8)
    index = torch.arange(first, first + count)
    images[:, 0, 0], images[:, 0, 1] = (index // 256).to(torch.uint8), (index % 256).to(torch.uint8)
    return Digits(images, torch.arange(count) % 10)


@pytest.fixture(scope="module")
def mnist():
    return Mnist(numbered(300, 0, 1), numbered(200, 300, 2))


def names_of(pairs):
    """The numbers of the digits in some pairs."""
    first, second = (255 * pairs.images[:, :, 0, :2]).round().long().unbind(-1)
    return set((256 * first + second).flatten().tolist())


class Recorder:
    """Stands in place of a function: keeps copies of what goes in and out."""

    def __init__(self, function):
        self.function, self.calls = function, []

    def __call__(self, *args):
        got = self.function(*args)
        self.calls.append((args, got))
        return got


class Batches(Recorder):
    """Stands in place of `descend`: keeps each epoch's batches."""

    def __call__(self, objective, optimiser, params, epochs, rng=None):
        return self.function(objective, optimiser, params, map(self.recorded, epochs), rng)

    def recorded(self, batches):
        epoch = list(batches)
        self.calls.append([tree.map(torch.clone, batch) for batch in epoch])
        return epoch


def seen_by(name, settings, mnist, monkeypatch):
    """Each epoch's images, answers and, if the model learns them, digits, as they were trained."""
    with monkeypatch.context() as patched:
        recorder = Batches(training.descend)
        patched.setattr(training, "descend", recorder)
        train_round(name, 1, settings, mnist)
    epochs = []
    for batches in recorder.calls:
        images = torch.cat([x for x, _ in batches])
        targets = [torch.cat(parts) for parts in zip(*(targets for _, targets in batches))]
        epochs.append((images, *targets))
    return epochs


@pytest.mark.parametrize("augment", AUGMENTS)
def test_every_model_of_a_round_sees_the_same_pairs_in_the_same_order(augment, mnist, monkeypatch):
    settings = QUICK._replace(augment=augment)
    first, *others = (seen_by(name, settings, mnist, monkeypatch) for name in SOME)
    assert len(first) == QUICK.epochs
    for epochs in others:
        for ours, theirs in zip(first, epochs, strict=True):
            assert torch.equal(ours[0], theirs[0])
            assert torch.equal(ours[1], theirs[1])
    # A model that learns the Boolean alone is handed no digit.
    assert {name: len(seen_by(name, settings, mnist, monkeypatch)[0]) for name in SOME[:2]} == {
        "fc-plain": 2,
        "fc-bn-shared-aux": 3,
    }
    # And each epoch has another order, and other images where they are augmented.
    assert not torch.equal(first[0][1], first[1][1])
    pixels = [epoch[0].flatten(1).sort(0).values for epoch in first]
    assert torch.equal(*pixels) == (augment == "none")


@pytest.mark.parametrize("augment", AUGMENTS)
def test_the_augmentation_is_the_same_whatever_the_classes_are(augment, mnist, monkeypatch):
    """Of other digits and other answers, the same images come, and the order is kept with them."""
    images, settings = torch.rand(30, 2, 14, 14, generator=seeded(3)), QUICK._replace(epochs=1)
    model, settings = MODELS["fc-plain-aux"], settings._replace(augment=augment)
    params, _ = model.net.init(seeded(), (2, 14, 14))
    found = []
    for classes in (torch.zeros(30, 2).long(), torch.arange(60).view(30, 2) * 7 % 10):
        recorder = Batches(training.descend)
        monkeypatch.setattr(training, "descend", recorder)
        pairs = Pairs(images, (classes[:, 0] <= classes[:, 1]).long(), classes)
        list(train(model, params, pairs, [settings], [seeded(4)]))
        monkeypatch.undo()
        (batches,) = recorder.calls
        found.append(torch.cat([x for x, _ in batches]))
        # Each image keeps the answer and the digits of its pair: nothing is swapped.
        told = torch.cat([targets[1] for _, targets in batches])
        order = torch.cat([targets[0] for _, targets in batches])
        assert torch.equal(order, (told[:, 0] <= told[:, 1]).long())
        if augment == "none":
            where = [(images == image).flatten(1).all(1).nonzero().item() for image in found[-1]]
            assert torch.equal(told, classes[where])
            assert sorted(where) == list(range(30))
    assert torch.equal(*found)


def test_nothing_is_given_to_the_augmentation_but_images(mnist, monkeypatch):
    recorder = Recorder(training.augmented)
    monkeypatch.setattr(training, "augmented", recorder)
    train_round("fc-shared-aux", 0, QUICK, mnist)
    assert len(recorder.calls) == QUICK.epochs
    for (images, how, (rng,)), got in recorder.calls:
        assert images.shape == got.shape == (30, 2, 14, 14)
        assert how == "shift"
        assert isinstance(rng, torch.Generator)


def test_augmenting_writes_to_nothing_and_treats_each_digit_for_itself(rng):
    images = torch.rand(1, 1, 14, 14, generator=rng).expand(200, 2, 14, 14).contiguous()
    before = images.clone()
    for how in AUGMENTS:
        one, two = (augmented(images, how, [seeded(5)]) for _ in range(2))
        assert torch.equal(one, two)
        assert torch.equal(images, before)
        assert one.shape == images.shape
        alike = (one[:, 0] == one[:, 1]).flatten(1).all(1).float().mean()
        assert {"none": alike == 1, "shift": 0.02 < alike < 0.25, "warp": alike == 0}[how]


def test_shifts_are_of_whole_pixels_each_as_often_and_edges_repeat(rng):
    count = 9000
    image = torch.arange(30.0).view(5, 6)
    wide = image[torch.arange(-1, 6).clamp(0, 4)][:, torch.arange(-1, 7).clamp(0, 5)]
    all_nine = {
        (down, right): wide[1 + down : 6 + down, 1 + right : 7 + right]
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
    }
    got = shifted(image.expand(count, 5, 6), 1, rng)
    times = {key: int((got == one).flatten(1).all(1).sum()) for key, one in all_nine.items()}
    assert sum(times.values()) == count
    # Each is binomial with p = 1/9; beyond five deviations is one case in a million.
    deviation = math.sqrt(count * (1 / 9) * (8 / 9))
    assert all(abs(number - count / 9) < 5 * deviation for number in times.values()), times
    # Down says nothing of right: the chi-squared of nine equal cells has 8 degrees of freedom.
    assert sum((number - count / 9) ** 2 / (count / 9) for number in times.values()) < 40
    assert torch.equal(shifted(image[None], 0, rng)[0], image)


@pytest.mark.parametrize("train_count", [1, 60, 100])
@pytest.mark.parametrize("seed", [0, 1])
def test_validation_and_reported_rounds_share_no_digit(seed, train_count, mnist):
    tuned, reported = set(), set()
    for i in range(20):
        for validation, found in ((True, tuned), (False, reported)):
            count = min(train_count, 40) if validation else train_count
            split = draw_split(mnist, count, 10, seeded(100 * seed + i), validation)
            digits = names_of(split.train), names_of(split.test)
            assert len(digits[0] | digits[1]) == 2 * (count + 10)
            found.update(*digits)
    assert not tuned & reported
    assert {number % 3 for number in tuned} == {2}
    assert max(tuned) < 300  # all of the training set


def test_validation_and_reported_rounds_share_no_generator(mnist, monkeypatch):
    """Nor do they differ in anything else: pairs, weights, batches, each by its labels."""
    recorder = Recorder(rounds.generator)
    monkeypatch.setattr(rounds, "generator", recorder)
    found = {}
    for validation in (False, True):
        recorder.calls.clear()
        for seed in range(3):
            for i in range(3):
                for name in SOME:
                    settings = QUICK._replace(seed=seed, validation=validation, epochs=1)
                    train_round(name, i, settings, mnist)
        found[validation] = {got.initial_seed() for _, got in recorder.calls}
        # Of each seed and round: the pairs, the batches, and the weights of each model.
        assert len(found[validation]) == 3 * 3 * (2 + len(SOME))
    assert not found[False] & found[True]


def rows(tasks, workers=1):
    with study.pool(workers, None) as processes:
        found = [done.row for _, done in study.run(tasks, processes)]
    return sorted(row._replace(seconds=0) for row in found)


def test_rounds_depend_neither_on_the_order_of_models_nor_on_the_workers(mnist):
    names = ["fc-plain", "fc-bn-separate-long", "fc-bn-shared-explicit-aux"]
    tasks = study.missing({QUICK: Results(None, QUICK, "package")}, names, 2)
    one = rows(tasks)
    assert len(one) == 6
    assert rows(tasks[::-1]) == rows(tasks, 2) == one
    # And the parameters, to the last bit, whatever was trained before.
    alone = train_round(names[2], 1, QUICK, mnist)
    for name in names[:2]:
        train_round(name, 1, QUICK, mnist)
    again = train_round(names[2], 1, QUICK, mnist)
    assert torch.equal(tree.ravel(alone.params)[0], tree.ravel(again.params)[0])


def test_a_split_can_be_handed_in(mnist):
    split = draw_split(mnist, 25, 15, seeded(8))
    trained = train_round("fc-plain", 0, QUICK, mnist, split=split)
    assert trained.split is split
    assert trained.scaling.mean == split.train.images.mean()
    drawn = train_round("fc-plain", 0, QUICK, mnist)
    assert len(drawn.split.train.target) == 30


# Names.


def test_a_name_says_the_factors_and_each_is_there_once():
    assert len(DESIGN) == len({MODELS[name].factors for name in DESIGN}) == 4 * 19
    for name in DESIGN:
        factors = MODELS[name].factors
        assert name == f"{factors.family}-{factors.kind}"
        assert parts(name) == (factors.family, factors.kind)
        learns = {"Boolean": (1, False), "both": (2, True), "digits": (2, False)}[factors.losses]
        assert (MODELS[name].outputs, MODELS[name].auxiliary) == learns
        norms = "batch_norm" in repr(layers(MODELS[name].net))
        assert norms == MODELS[name].normed == (factors.norm == "batch")
    assert sorted(find(",".join(STUDY))) == sorted(STUDY)


def layers(layer):
    return layer.name, [layers(part) for part in layer.layers]


@pytest.mark.parametrize(
    ("asked", "kinds"),
    [
        ("conv-bn-shared*", ["", "-aux", "-explicit", "-explicit-aux", "-explicit-digits"]),
        ("conv-bn-shared-explicit-*,conv-bn-shared", ["", "-explicit-aux", "-explicit-digits"]),
        (" conv-bn-shared , conv-bn-shared", [""]),
        ("conv-bn-share?-aux", ["-aux"]),
        ("conv-bn-shared-[ae]*x", ["-aux", "-explicit-aux"]),
    ],
)
def test_wildcards_find_names_once_in_the_order_of_the_table(asked, kinds):
    assert find(asked) == [f"conv-bn-shared{kind}" for kind in kinds]


def test_wildcards_of_all_and_of_each_family():
    assert find("all") == find("*") == find("fc-plain,all") == list(MODELS)
    families = [find(f"{family}-{tie}*") for family in ("fc", "conv") for tie in ("bn", "[ps]")]
    assert sorted(name for family in families for name in family) == sorted(DESIGN)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("conv-shraed", "expected the name of a model, got 'conv-shraed'; did you mean conv-shared"),
        ("conv-*-auxx", "expected the name of a model, got 'conv-*-auxx'; did you mean "),
        ("fc-plain,", "expected the name of a model, got ''; see --list"),
        ("FC-PLAIN", "expected the name of a model, got 'FC-PLAIN'; see --list"),
        ("fc-plain,[", "expected the name of a model, got '['; see --list"),
        ("conv-explicit-bool", "expected the name of a model, got 'conv-explicit-bool'; did you mean"),
    ],
)  # fmt: skip
def test_a_wrong_pattern_is_one_sentence(asked, words):
    with pytest.raises(UnknownModelError) as caught:
        find(asked)
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


# Norms, epochs, rates.


def norms(params):
    if isinstance(params, f.BatchNorm):
        return [params]
    return [norm for part in params for norm in norms(part)] if tree.is_node(params) else []


def measured(model, params, images):
    """The norms as exactly all the images make them, in float64."""
    twice = tree.map(torch.Tensor.double, params)
    return norms(f.calibrate(model.net, twice, [images.double()], seeded()))


@pytest.mark.parametrize("kind", ["plain", "separate-aux", "shared", "shared-explicit-digits"])
def test_norms_are_measured_after_training_and_at_every_look(kind, mnist, monkeypatch):
    name, looks = f"fc-bn-{kind}", []
    start = begin(name, 0, QUICK, mnist)
    for epoch in learn(start):
        now = settled(start.model, epoch.params, start.pairs.images, *start.rngs)
        looks.append(tree.map(torch.clone, now))
    (trained,) = finished(start, epoch)
    assert len(looks) == QUICK.epochs
    images = trained.scaling(trained.split.train.images)
    for params in (*looks, trained.params):
        found = norms(params)
        assert len(found) >= 2
        for norm, exact in zip(found, measured(MODELS[name], params, images), strict=True):
            torch.testing.assert_close(norm.mean.double(), exact.mean, rtol=1e-4, atol=1e-4)
            torch.testing.assert_close(norm.var.double(), exact.var, rtol=1e-3, atol=1e-4)
            assert not torch.equal(norm.mean, torch.zeros_like(norm.mean))
    assert torch.equal(tree.ravel(looks[-1])[0], tree.ravel(trained.params)[0])
    # Looking changes nothing, and a watched round looks with norms that are measured.
    alone = train_round(name, 0, QUICK, mnist)
    assert torch.equal(tree.ravel(alone.params)[0], tree.ravel(trained.params)[0])
    recorder = Recorder(training.calibrate)
    monkeypatch.setattr(training, "calibrate", recorder)
    watched, details = watch_round(name, 0, QUICK, mnist)
    assert len(recorder.calls) == QUICK.epochs + 1
    assert torch.equal(tree.ravel(watched.params)[0], tree.ravel(trained.params)[0])
    assert len(details.losses) == QUICK.epochs


def test_a_model_without_norms_measures_nothing(mnist, monkeypatch):
    monkeypatch.setattr(training, "calibrate", None)
    assert len(list(watch(begin("fc-shared", 0, QUICK, mnist)))) == QUICK.epochs
    train_round("fc-shared", 0, QUICK, mnist)


def test_a_watched_round_shows_each_epoch_and_its_time_is_the_trainings_alone(mnist, monkeypatch):
    start, seen = begin("fc-bn-shared-aux", 0, QUICK, mnist), []
    ticks = count()
    monkeypatch.setattr("pairs.descent.time.perf_counter", lambda: next(ticks))
    for look in watch(start):
        seen.append(look)
        for _ in range(1000):  # the clock goes on, the training's does not
            next(ticks)
    assert [look.epoch.number for look in seen] == [1, 2]
    assert [look.epoch.seconds for look in seen] == [1, 2]
    monkeypatch.undo()
    row = run_round("fc-bn-shared-aux", 0, QUICK, mnist)
    (trained,) = finished(start, seen[-1].epoch)
    assert seen[-1].test_errors == [row.test_error]
    assert row_of("fc-bn-shared-aux", 0, QUICK, trained)._replace(seconds=row.seconds) == row


def test_a_round_of_no_epochs_is_its_first_weights(mnist):
    none = QUICK._replace(epochs=0)
    start = begin("fc-plain", 0, none, mnist)
    assert list(learn(start)) == []
    trained = train_round("fc-plain", 0, none, mnist)
    assert torch.equal(tree.ravel(trained.params)[0], tree.ravel(start.epoch.params)[0])
    _, details = watch_round("fc-plain", 0, none, mnist)
    assert details.losses == details.test_errors == []


def test_separate_long_is_separate_for_twice_the_epochs(mnist, monkeypatch):
    assert LONGER == 2
    settings = QUICK._replace(epochs=3, lr=1e-3)
    found = {}
    for name in ("fc-bn-separate-aux", "fc-bn-separate-long-aux", "fc-bn-shared-aux"):
        recorder = Batches(training.descend)
        monkeypatch.setattr(training, "descend", recorder)
        row = run_round(name, 0, settings, mnist)
        monkeypatch.undo()
        assert row.epochs == len(recorder.calls)
        found[name] = row
    separate, long, shared = found.values()
    assert (separate.epochs, long.epochs, shared.epochs) == (3, 6, 3)
    assert separate.parameters == long.parameters
    assert (separate.lr, long.lr) == (1e-3, 1e-3)
    net, same = (MODELS[name].net for name in list(found)[:2])
    assert layers(net) == layers(same)


@pytest.mark.parametrize("family", ["fc", "fc-bn", "conv", "conv-bn"])
def test_the_controls_of_sharing_are_equal_in_what_they_control(family, monkeypatch):
    """Parameters but for a tenth; the width to a number; products of two narrow ones, twice."""
    # The products that are defined, whichever of them a convolution saves.
    monkeypatch.setattr(minimal, "best_tile", lambda *sizes: 0)
    found = {
        tie: f.summary(MODELS[f"{family}-{tie}-aux"].net, (2, 14, 14), seeded())
        for tie in ("separate", "separate-wide", "separate-long", "shared")
    }
    sizes = {
        tie: tree.size(MODELS[f"{family}-{tie}-aux"].net.init(seeded(), (2, 14, 14))[0])
        for tie in found
    }
    assert abs(sizes["separate"] / sizes["shared"] - 1) < 0.03
    assert sizes["separate-long"] == sizes["separate"]
    flops = {tie: table.rows[0].flops for tie, table in found.items()}
    assert flops["separate-wide"] == pytest.approx(flops["shared"], rel=0.01)
    assert LONGER * flops["separate"] == pytest.approx(flops["shared"], rel=0.15)


def test_every_model_of_the_design_has_a_rate_and_no_other():
    assert sorted(grid()) == sorted(DESIGN)
    assert all(0 < rate(name) < 1 for name in DESIGN)
    with pytest.raises(RateError, match=r"^theirs: expected a learning rate for it in rates\.json"):
        rate("theirs")


def test_a_row_has_the_rate_that_its_model_was_trained_with(mnist, monkeypatch):
    asked = []
    monkeypatch.setattr(training, "cosine", lambda peak, steps: asked.append(peak) or peak)
    monkeypatch.setattr(training, "rate", lambda name: {"fc-plain": 0.003}[name])
    assert run_round("fc-plain", 0, QUICK, mnist).lr == 0.003
    assert run_round("fc-plain", 0, QUICK._replace(lr=0.25), mnist).lr == 0.25
    assert asked == [0.003, 0.25]


# Folders.


def row(model="fc-plain", round=0, lr=None):
    return Row(model, round, 0, 70_000, 25, rate(model) if lr is None else lr, 0.0, 0.25, None, 1.5)


def test_rows_of_another_design_are_refused(tmp_path):
    Results(tmp_path, Settings(), "package").add(row())
    path = tmp_path / "summary.json"
    summary = json.loads(path.read_text())
    assert summary["settings"]["design"] == 2
    for old in ({"design": 1}, {}):
        theirs = {**summary["settings"], **old}
        if not old:  # as the folders of design 1 are
            del theirs["design"]
        path.write_text(json.dumps({**summary, "settings": theirs}))
        with pytest.raises(ResultsError) as caught:
            Results(tmp_path, Settings(), "package")
        said = "holds rounds of another design of the study; choose another folder"
        assert str(caught.value) == f"{tmp_path}: {said}"


def test_rows_at_other_rates_than_the_models_own_are_refused(tmp_path, monkeypatch):
    Results(tmp_path, Settings(), "package").add(row())
    Results(tmp_path, Settings(), "package").add(row("fc-shared"))
    with (tmp_path / "rounds.jsonl").open("a") as file:  # a model that there is no more
        file.write(json.dumps({**row()._asdict(), "model": "conv-explicit"}) + "\n")
    assert len(Results(tmp_path, Settings(), "package").rows) == 3
    monkeypatch.setattr(training, "rate", lambda name: 0.5 if name == "fc-shared" else rate(name))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ResultsError) as caught:
        Results(tmp_path, Settings(), "package")
    assert str(caught.value) == (
        f"{tmp_path}: holds rounds of fc-shared at the learning rate {rate('fc-shared'):g} where "
        "this run has 0.5; choose another folder"
    )
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_rows_at_the_one_rate_of_a_study_go_on_whatever_the_models_own(tmp_path, monkeypatch):
    settings = Settings(lr=0.25)
    Results(tmp_path, settings, "package").add(row(lr=0.25))
    monkeypatch.setattr(training, "rate", lambda name: 0.5)
    assert Results(tmp_path, settings, "package").done("fc-plain", 0)
    with pytest.raises(ResultsError, match=r"other settings .lr 0\.25 where this run has None"):
        Results(tmp_path, Settings(), "package")


def test_a_champions_rows_go_on_at_its_recipes_rate(tmp_path):
    lr = MODELS["champion"].recipe.lr
    Results(tmp_path, Settings(), "package").add(row("champion", lr=lr))
    assert Results(tmp_path, Settings(), "package").done("champion", 0)


# A model that is no part of the design.


def test_a_model_of_ones_own_is_trained_at_a_rate_that_is_given(rng):
    """Its norms are measured too; without a rate there is one sentence."""
    digit = f.serial(f.flatten(2), f.linear(12), f.batch_norm(), f.relu, f.linear(10))
    net = f.serial(f.shared(digit, axis=-3), f.fan_out(f.serial(f.flatten(2), f.linear(2))))
    model = MODELS["fc-plain"]._replace(name="theirs", net=net, factors=None)
    params, _ = net.init(rng, (2, 14, 14))
    images, classes = torch.rand(30, 2, 14, 14, generator=rng), torch.arange(60).view(30, 2) % 10
    pairs = Pairs(images, (classes[:, 0] <= classes[:, 1]).long(), classes)
    for epoch in train(model, params, pairs, [QUICK._replace(lr=1e-3)], [rng]):
        last = epoch
    (norm,) = norms(settled(model, last.params, pairs.images, rng))
    assert not torch.equal(norm.mean, torch.zeros_like(norm.mean))
    with pytest.raises(RateError, match=r"^theirs: expected a learning rate"):
        next(train(model, params, pairs, [QUICK], [rng]))
