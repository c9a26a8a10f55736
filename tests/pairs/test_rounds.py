"""What a round tells beside its row: curves, mistakes, kinds, confusions, filters; and their page."""

import json
from html.parser import HTMLParser

import pytest
import torch

from funcdl import flatten, linear, serial, tree
from pairs.augment import Warp
from pairs.data import Digits, Mnist, draw_split
from pairs.details import Details, decoded
from pairs.page import render
from pairs.recipe import Recipe, learn_digits, measured
from pairs.results import Results, ResultsError
from pairs.rounds import row_of, run_round
from pairs.saved import load
from pairs.study import Task, work
from pairs.training import Settings
from pairs.watch import watch_round
from studykit.schema import read
from studykit.seeds import generator
from studykit.svg.panel import over_rounds, panel
from studykit.svg.scale import Scale

QUICK = Settings(epochs=3, batch_size=10, train_pairs=30, test_pairs=40)
MODELS = ["conv-plain", "conv-separate-aux", "fc-shared-explicit-digits"]
HEADINGS = [
    "Learning curves",
    "By kind of pair",
    "Digits taken for others",
    "Most confident mistakes",
    "Filters",
]


@pytest.fixture(scope="module")
def mnist():
    """Noise in place of digits: enough to run on."""
    rng = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (200, 14, 14), generator=rng).to(torch.uint8)
    labels = torch.randint(0, 10, (200,), generator=rng)
    return Mnist(Digits(images, labels), Digits(images, labels))


@pytest.fixture(scope="module")
def watched(mnist):
    """Rows and details of two rounds of each model."""
    found = {}
    with torch.inference_mode():
        for name in MODELS:
            for i in range(2):
                trained, details = watch_round(name, i, QUICK, mnist)
                found[name, i] = row_of(name, i, QUICK, trained), details
    return found


def test_a_watched_round_has_the_row_of_one_that_is_not(watched, mnist):
    with torch.inference_mode():
        for name in MODELS:
            row, alone = watched[name, 1][0], run_round(name, 1, QUICK, mnist)
            assert row._replace(seconds=0) == alone._replace(seconds=0)


def test_curves_have_one_value_an_epoch_and_end_at_the_row(watched):
    for row, details in watched.values():
        assert len(details.losses) == len(details.test_errors) == QUICK.epochs
        assert details.test_errors[-1] == row.test_error
        assert all(0 < loss < 10 for loss in details.losses)
        assert len(set(details.losses)) > 1


def test_a_loss_that_only_a_look_finds_not_finite_is_kept_as_a_large_one(mnist, tmp_path):
    """After one huge step: the loss that led to it was a number, and the parameters still are."""
    once = QUICK._replace(epochs=1, batch_size=30, lr=1e30)
    trained, details = watch_round("fc-plain", 1, once, mnist)
    row = row_of("fc-plain", 1, once, trained)
    assert row._replace(seconds=0) == run_round("fc-plain", 1, once, mnist)._replace(seconds=0)
    assert details.losses == [1e6]
    assert len(details.mistakes) == round(row.test_error * once.test_pairs)
    results = Results(tmp_path, once, "package")
    results.add_details(details)
    results.add(row)
    assert load(tmp_path).details == [details]


def test_mistakes_kinds_and_confusions_count_what_the_row_counts(watched, mnist):
    for (name, i), (row, details) in watched.items():
        rng = generator(QUICK.seed, "pairs", i)
        test = draw_split(mnist, QUICK.train_pairs, QUICK.test_pairs, rng).test
        assert len(details.mistakes) == round(row.test_error * QUICK.test_pairs) > 0
        for pair, (first, second), guesses, p in details.mistakes:
            assert test.classes[pair].tolist() == [first, second]
            assert (p >= 0.5) != (first <= second)
            assert (guesses is None) == (name == "conv-plain")
        doubts = [0.5 - abs(mistake.p - 0.5) for mistake in details.mistakes]
        assert doubts == pytest.approx(sorted(doubts))
        apart = (test.classes[:, 0] - test.classes[:, 1]).abs().clamp(max=2)
        assert [kind[0] for kind in details.kinds] == apart.bincount(minlength=3).tolist()
        wrong = [min(abs(m.classes[0] - m.classes[1]), 2) for m in details.mistakes]
        assert [kind[1] for kind in details.kinds] == [wrong.count(k) for k in range(3)]
        if details.confusion is None:
            assert row.digit_error is None
        else:
            cells = torch.tensor(details.confusion)
            assert cells.sum(1).tolist() == test.classes.flatten().bincount(minlength=10).tolist()
            assert int(cells.sum() - cells.trace()) == round(row.digit_error * 2 * QUICK.test_pairs)
        for mistake, text in zip(details.mistakes, details.pictures):
            assert torch.equal(decoded(text), (255 * test.images[mistake.pair]).to(torch.uint8))
        assert len(details.pictures) == min(6, len(details.mistakes))


def test_filters_are_the_kernels_that_read_images_in_round_0_alone(watched):
    shapes = {
        name: [tuple(torch.tensor(network).shape) for network in watched[name, 0][1].filters]
        for name in MODELS
    }
    assert shapes == {
        "conv-plain": [(32, 2, 3, 3)],
        "conv-separate-aux": [(24, 1, 3, 3)] * 2,
        "fc-shared-explicit-digits": [],
    }
    assert not any(watched[name, 1][1].filters for name in MODELS)


def test_a_recipe_is_looked_at_after_each_epoch_and_learns_the_same(rng):
    digit = serial(flatten(2), linear(10))
    recipe = Recipe(digit, 3, 10, 1e-2, 0.0, 0.0, Warp())
    params, _ = digit.init(rng, (14, 14))
    images, classes = torch.rand(20, 14, 14, generator=rng), torch.arange(20) % 10
    seen, learnt = [], []
    for looks in (False, True):
        draws = torch.Generator().manual_seed(1)
        for epoch in learn_digits(recipe, params, images, classes, draws):
            if looks:
                copy = torch.Generator().set_state(draws.get_state())
                seen.append(tree.ravel(measured(recipe, epoch.params, images, copy))[0].clone())
        learnt.append(tree.ravel(measured(recipe, epoch.params, images, draws))[0])
    assert torch.equal(*learnt)
    assert len(seen) == 3
    assert torch.equal(seen[-1], learnt[0])


def test_details_are_json_and_back(watched):
    for _, details in watched.values():
        assert read(Details, json.loads(json.dumps(details._asdict())), "details") == details


@pytest.fixture
def folder(tmp_path, watched):
    results = Results(tmp_path / "study", QUICK, "package")
    for row, details in watched.values():
        results.add_details(details)
        results.add(row)
    results.finish()
    return tmp_path / "study"


def test_a_round_killed_before_its_row_is_done_again_and_counts_once(folder, watched):
    rows, details = folder / "rounds.jsonl", folder / "details.jsonl"
    expected = load(folder).details
    assert list(expected) == [found for _, found in watched.values()]
    # The last row is lost, and half of its details.
    rows.write_text("".join(rows.read_text().splitlines(keepends=True)[:-1]))
    details.write_text(details.read_text()[:-100])
    assert list(load(folder).details) == list(expected[:-1])
    results = Results(folder, QUICK, "package")
    row, again = watched[MODELS[-1], 1]
    assert not results.done(row.model, row.round)
    # Killed once more, after other details.
    results.add_details(again._replace(test_errors=[0.5, 0.5, 0.5]))
    assert list(load(folder).details) == list(expected[:-1])
    results.add_details(again)
    results.add(row)
    assert load(folder).details == expected


def test_a_worker_gives_details_where_they_are_asked_for(mnist, monkeypatch):
    monkeypatch.setattr("pairs.study.digits", lambda data_dir: mnist)
    task = Task("fc-shared-explicit-digits", 0, QUICK)
    (alone,), (both,) = work((task,), None), work((task,), None, watched=True)
    assert alone.details is None
    assert both.details is not None
    assert both.row._replace(seconds=0) == alone.row._replace(seconds=0)


class Page(HTMLParser):
    """The texts of a page by tag, its pictures and the names in it."""

    def __init__(self, text):
        super().__init__()
        self.open, self.texts, self.figures, self.names, self.tags = "", [], [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.open = tag
        self.tags.add(tag)
        self.names += [value for key, value in attrs if key == "id"]
        if tag == "svg":
            self.figures.append(dict(attrs))

    def handle_data(self, data):
        self.texts.append((self.open, data))

    def all(self, tag):
        return [data.strip() for name, data in self.texts if name == tag and data.strip()]


def test_the_page_holds_every_section(folder, watched):
    found = Page(render(load(folder)))
    assert [text for text in found.all("h2") if text in HEADINGS] == HEADINGS
    assert len(found.names) == len(set(found.names))
    for attrs in found.figures:
        # A box within a figure has no name of its own.
        if "preserveaspectratio" not in attrs:
            assert attrs["role"] == "img"
            assert set(attrs["aria-labelledby"].split()) <= set(found.names)
    titles = found.all("title")
    assert sum(title.endswith("test error in % after each epoch") for title in titles) == 3
    assert sum(title.endswith("training loss after each epoch") for title in titles) == 3
    assert sum(title.startswith("The digits ") for title in titles) == sum(
        min(6, sum(len(watched[name, i][1].pictures) for i in range(2))) for name in MODELS
    )
    assert [title for title in titles if "filters of" in title] == [
        "conv-plain: 32 filters of 3×3 weights",
        "conv-separate-aux, first digit: 24 filters of 3×3 weights",
        "conv-separate-aux, second digit: 24 filters of 3×3 weights",
    ]


def test_a_folder_from_before_makes_the_page_without_these_sections(folder):
    (folder / "details.jsonl").unlink()
    assert Results(folder, QUICK, "package").done("conv-plain", 1)
    headings = Page(render(load(folder))).all("h2")
    assert not {*HEADINGS} & {*headings}
    assert "Models" in headings


def made(folder, found):
    """The page of some rows and their details."""
    results = Results(folder, QUICK, "package")
    for row, details in found:
        results.add_details(details)
        results.add(row)
    return Page(render(load(folder)))


def test_a_model_without_a_mistake_has_a_sentence_and_no_pictures(tmp_path, watched):
    (plain, of_plain), (row, details) = (
        watched["conv-plain", 0],
        watched["fc-shared-explicit-digits", 0],
    )
    diagonal = [[8 * (i == j) for j in range(10)] for i in range(10)]
    kinds = [[of_kind, 0] for of_kind, _ in details.kinds]
    right = details._replace(mistakes=[], pictures=[], kinds=kinds, confusion=diagonal)
    rights = row.calibration._replace(
        bins=[[pairs, confidences, pairs] for pairs, confidences, _ in row.calibration.bins],
        digits=[[pairs, 0] for pairs, _ in row.calibration.digits],
    )
    row = row._replace(test_error=0.0, digit_error=0.0, calibration=rights)
    found = made(tmp_path, [(plain, of_plain), (row, right)])
    assert ": 0 of 80 digits are wrong." in [text for _, text in found.texts]
    assert found.all("desc").count("0 of 80 digits are wrong.") == 1
    assert "conv-plain" in found.all("h3")
    assert "fc-shared-explicit-digits" not in found.all("h3")


def test_a_model_without_curves_is_left_out_of_theirs(tmp_path, watched):
    """As a committee, which is there only when its last member is trained."""
    (plain, of_plain), (row, details) = (
        watched["conv-plain", 0],
        watched["fc-shared-explicit-digits", 0],
    )
    bare = details._replace(losses=[], test_errors=[])
    both = made(tmp_path / "both", [(plain, of_plain), *((row._replace(round=i), bare._replace(round=i)) for i in range(2))])  # fmt: skip
    assert any("the mean over the rounds (up to one round)" in text for _, text in both.texts)
    titles = both.all("title")
    assert [title for title in titles if title.endswith("after each epoch")] == [
        "conv-plain: test error in % after each epoch",
        "conv-plain: training loss after each epoch",
    ]
    assert "Learning curves" not in made(tmp_path / "one", [(row, bare)]).all("h2")


@pytest.mark.parametrize("validation", [False, True])
def test_the_page_says_what_it_was_tested_on(tmp_path, watched, validation):
    Results(tmp_path, QUICK._replace(validation=validation), "package").add(
        watched["conv-plain", 0][0]
    )
    text = render(load(tmp_path))
    assert ("and this is such a run (--validation)" in text) == validation
    assert ("test pairs of this run are of MNIST’s test set" in text) == (not validation)


HOSTILE = "</title><script>alert(1)</script>"


def test_a_hostile_name_is_only_words(folder, watched):
    row, details = watched["conv-separate-aux", 0]
    results = Results(folder, QUICK, "package")
    results.add_details(details._replace(model=HOSTILE))
    results.add(row._replace(model=HOSTILE))
    text = render(load(folder))
    found = Page(text)
    assert "script" not in found.tags
    assert f"{HOSTILE}, first digit: 24 filters of 3×3 weights" in found.all("title")


@pytest.mark.parametrize(
    "change",
    [
        {"losses": [0.1]},
        {"losses": [0.1, float("nan"), 0.1]},
        {"losses": [0.1, 1e300, 0.1]},
        {"losses": [True, True, True]},
        {"test_errors": [0.1, 0.1, 1.5]},
        {"test_errors": "abc"},
        {"losses": {}, "test_errors": {}},
        {"round": -1},
        {"round": 10**400},
        {"round": "0"},
        {"model": 3},
        {"mistakes": []},
        {"mistakes": [[0, [0, 10], None, 0.5]]},
        {"mistakes": [[0, [0], None, 0.5]]},
        {"mistakes": [[0, [HOSTILE, 1], None, 0.5]]},
        {"mistakes": [[0, [1, 1], None, 10**400]]},
        {"mistakes": [7]},
        {"mistakes": None},
        {"pictures": [HOSTILE]},
        {"pictures": ["AAAA"]},
        {"pictures": [None]},
        {"pictures": ["A" * 524] * 7},
        {"kinds": [[1, 2], [0, 0], [0, 0]]},
        {"kinds": [[1, 0]]},
        {"kinds": "abc"},
        {"confusion": [[0] * 10] * 9},
        {"confusion": [[-1] * 10] * 10},
        {"confusion": [[0.5] * 10] * 10},
        {"confusion": [[10**400] * 10] * 10},
        {"filters": [[[[[1.0, 2.0], [3.0]]]]]},
        {"filters": [[[[["x"]]]]]},
        {"filters": [[[[[float("inf")]]]]]},
        {"filters": [[[[[10**400]]]]]},
        {"filters": [[[]]]},
        {"filters": [[1.0]]},
        {"filters": [[[[[None]]]]]},
        {"filters": [[[[[1.0]]]]] * 3},
        {"filters": None},
        {"other": 1},
    ],
)
def test_hostile_details_are_one_sentence(folder, change):
    path = folder / "details.jsonl"
    first, *others = path.read_text().splitlines()
    lines = [json.dumps({**json.loads(first), **change}), *others]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(ResultsError) as caught:
        load(folder)
    said = str(caught.value)
    key = "pictures" if change == {"mistakes": []} else next(iter(change))
    assert said.startswith(f"{path}: line 1: {key}")
    assert ": expected " in said
    assert "\n" not in said


def test_a_panel_keeps_its_band_within_its_box():
    curve = over_rounds([[0.9, 0.1], [0.1, 0.1], [0.2]])
    assert [value.mean for value in curve] == pytest.approx([0.4, 0.1])
    text = panel("a", "title", "label", curve, Scale([0.0, 0.25, 0.5]))
    band = text.split('class="band" d="M')[1].split("Z")[0].split("L")
    places = [tuple(map(float, point.split())) for point in band]
    assert [x for x, _ in places] == [0, 1000, 1000, 0]
    assert all(0 <= y <= 1000 for _, y in places)
    assert "lowest after epoch 2: 0.1" in text
