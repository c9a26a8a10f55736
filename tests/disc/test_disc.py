"""The disc: what an experiment gives, its file, and its page."""

import html
import json
import math
import re
import shlex

import pytest
import torch
from command import ask as command
from helpers import HOSTILE, Page

import disc
import funcdl as f
from disc.file import DIGITS, FRAMEWORK, load_disc, save_disc
from funcdl import tree
from pairs.results import ResultsError
from reports import write_page
from studykit.svg.loss_curve import loss_curve
from studykit.svg.scale import decades

SMALL = disc.Experiment(points=80, hidden=(8,), activation="tanh", epochs=9, batch_size=10)


def generators(count):
    return [torch.Generator().manual_seed(i) for i in range(count)]


@pytest.fixture(scope="module")
def outcome():
    with torch.inference_mode():
        return disc.run(SMALL, generators(3))


@pytest.fixture
def folder(tmp_path, outcome):
    save_disc(tmp_path, SMALL, 7, outcome)
    return tmp_path


def record(folder, **changes):
    """Change the file of a folder; a value of `...` takes its key away."""
    path = folder / FRAMEWORK
    fields = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({k: v for k, v in fields.items() if v is not ...}))


def made(folder):
    text = write_page(folder).read_text(encoding="utf-8")
    return Page(text), text


def test_half_of_the_points_are_inside(rng):
    points = disc.draw(20_000, rng)
    inside = points.target[:, 1] == 1
    assert (inside == ((points.x - 0.5).norm(dim=1) <= disc.RADIUS)).all()
    assert abs(inside.double().mean() - 0.5) < 0.02
    assert math.isclose(math.pi * disc.RADIUS**2, 0.5)


def test_an_activation_that_there_is_not_is_refused():
    with pytest.raises(f.InputError) as caught:
        disc.network([5], "gelu")
    assert str(caught.value) == "disc: expected the activation to be relu or tanh, got 'gelu'"


def test_a_surface_is_the_network_in_the_middle_of_each_cell(rng):
    net = disc.network([5], "relu")
    params, _ = net.init(rng, (2,))
    surface = disc.surface(net, params)
    assert surface.shape == (48, 48)
    for row, column in ((0, 0), (3, 40), (47, 11)):
        y, _ = net(params, torch.tensor([[(column + 0.5) / 48, (row + 0.5) / 48]]))
        torch.testing.assert_close(surface[row, column], y[0, 1] - y[0, 0])


def test_an_experiment_shows_how_round_0_forms(outcome):
    assert list(outcome.surfaces) == disc.moments(9) == [0, 1, 2, 3, 4, 6, 9]
    first = tree.map(lambda leaf: leaf[0], outcome.params)
    net = disc.network(SMALL.hidden, SMALL.activation)
    torch.testing.assert_close(outcome.surfaces[9], disc.surface(net, first))
    assert not torch.equal(outcome.surfaces[0], outcome.surfaces[1])
    assert len(outcome.mistakes) == round(outcome.test_errors[0] * SMALL.points) > 0
    y, _ = net(first, outcome.mistakes)
    inside = (outcome.mistakes - 0.5).norm(dim=1) <= disc.RADIUS
    assert (y.argmax(-1).bool() != inside).all()


def test_a_round_does_not_depend_on_the_others(outcome):
    alone = disc.run(SMALL, generators(1))
    assert alone.test_errors == outcome.test_errors[:1]
    for epoch, surface in alone.surfaces.items():
        torch.testing.assert_close(surface, outcome.surfaces[epoch], atol=1e-5, rtol=1e-4)


def test_a_loop_over_the_epochs_gives_what_run_does(outcome):
    start = disc.begin(SMALL, generators(3))
    epochs = []
    with torch.inference_mode():
        for epoch in disc.learn(start):
            epochs.append(epoch)
            assert epoch.losses == outcome.losses[epoch.number - 1]
        found = disc.outcome(start, epochs)
    assert [epoch.number for epoch in epochs] == list(range(1, SMALL.epochs + 1))
    assert found[:4] == outcome[:4]
    for ours, theirs in zip(found[4:], outcome[4:], strict=True):
        assert all(map(torch.equal, tree.leaves(ours), tree.leaves(theirs)))
    shown = [epoch.number for epoch in epochs if epoch.surface is not None]
    assert [0, *shown] == disc.moments(SMALL.epochs)


def test_a_loop_that_is_left_gives_what_there_is_by_then(outcome):
    start = disc.begin(SMALL, generators(3))
    epochs = []
    for epoch in disc.learn(start):
        epochs.append(epoch)
        if epoch.number == 4:
            break
    found = disc.outcome(start, epochs)
    assert found.losses == outcome.losses[:4]
    assert list(found.surfaces) == [0, 1, 2, 3, 4]
    assert found.diverged == {}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no CUDA here")
def test_on_cuda_a_round_is_drawn_the_same_numbers(outcome):
    found = disc.run(SMALL, generators(3), "cuda")
    for ours, theirs in zip(found.losses, outcome.losses, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-2, abs=1e-3)
    assert found.test_errors == pytest.approx(outcome.test_errors, abs=0.05)


def test_a_step_of_the_disc_can_be_captured(outcome, monkeypatch):
    """A capture that only calls; the numbers are the same."""
    made, asked = [], []

    def capture_on(device):
        asked.append(device.type)

        def capture(calls):
            calls()  # as often as it likes
            return lambda: (made.append(1), calls())

        return capture

    monkeypatch.setattr("disc.experiment.capture_on", capture_on)
    found = disc.run(SMALL, generators(3))
    assert asked == ["cpu"]
    assert made
    assert found.losses == outcome.losses


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")
@pytest.mark.parametrize(
    ("device", "said"),
    [("cuda", "Error: cuda: expected a "), ("gpu", "expected the device cpu, cuda or one such as")],
)
def test_a_device_that_is_not_there_is_one_sentence(tmp_path, device, said):
    code, out, err = command(
        "framework", "--device", device, "--out", tmp_path / "out", COLUMNS="80"
    )
    assert (code, out) == (2, "")
    assert said in " ".join(err.replace("│", " ").split())
    assert not (tmp_path / "out").exists()


def test_the_file_says_the_device_and_one_from_before_is_read(outcome, tmp_path):
    save_disc(tmp_path, SMALL, 7, outcome)
    assert load_disc(tmp_path / FRAMEWORK).device == "cpu"
    found = json.loads((tmp_path / FRAMEWORK).read_text())
    assert found.pop("device") == "cpu"
    (tmp_path / FRAMEWORK).write_text(json.dumps(found))
    assert load_disc(tmp_path / FRAMEWORK).device == "cpu"


def test_training_ends_when_every_round_has_diverged_and_not_before():
    lost = disc.run(SMALL._replace(lr=1e9), generators(2))
    assert set(lost.diverged) == {0, 1}
    assert len(lost.losses) == max(lost.diverged.values()) < SMALL.epochs
    start = disc.begin(SMALL, generators(3))
    for leaf in tree.leaves(start.params):
        leaf[1] = math.nan
    found = disc.outcome(start, list(disc.learn(start)))
    assert found.diverged == {1: 1}
    assert len(found.losses) == SMALL.epochs


@pytest.mark.parametrize("epochs", [1, 2, 7, 300, 10**6])
def test_moments_go_from_0_to_the_last_epoch(epochs):
    found = disc.moments(epochs)
    assert found == sorted(set(found))
    assert (found[:2], found[-1]) == ([0, 1], epochs)
    assert len(found) <= 8


def test_the_file_holds_what_the_experiment_gave(folder, outcome):
    found = load_disc(folder / FRAMEWORK)
    assert found.settings == {**SMALL._asdict(), "hidden": [8], "rounds": 3, "seed": 7}
    assert set(found.versions) == {"python", "torch", "cpu capability"}
    assert found.parameters == 2 * 8 + 8 + 8 * 2 + 2
    for key in ("train_errors", "test_errors", "losses", "diverged"):
        assert getattr(found, key) == getattr(outcome, key)
    assert list(found.surfaces) == list(outcome.surfaces)
    for epoch, surface in found.surfaces.items():
        assert (surface - outcome.surfaces[epoch].clamp(-1, 1)).abs().max() <= 1 / 30 + 1e-6
    torch.testing.assert_close(torch.tensor(found.mistakes), outcome.mistakes, atol=1e-4, rtol=0)


def test_a_loss_that_is_not_finite_makes_valid_json_and_a_page(tmp_path):
    wild = SMALL._replace(lr=1e9, epochs=3)
    with torch.inference_mode():
        save_disc(tmp_path, wild, 0, disc.run(wild, generators(2)))

    def refuse(constant):
        raise AssertionError(constant)

    fields = json.loads((tmp_path / FRAMEWORK).read_text(), parse_constant=refuse)
    assert set(fields["diverged"]) == {"0", "1"}
    found, text = made(tmp_path)
    assert "In 2 rounds the loss became NaN or infinite" in text
    assert "mean ± standard deviation over the rounds" not in text
    assert len(found.all("figure")) == 1


def test_one_lost_round_is_left_out_of_the_means(folder, outcome):
    losses = [[None if i == 1 else x for i, x in enumerate(row)] for row in outcome.losses]
    record(folder, losses=losses, diverged={"1": 1})
    found, text = made(folder)
    assert "In one round the loss became NaN or infinite" in text
    assert "over 2 rounds" in text
    assert len([attrs for attrs in found.all("path") if attrs["class"] == "thin"]) == 2
    assert any(row[0] == "1" and row[3] == "not finite" for row in found.rows)


def test_the_page_is_alone_and_has_its_sections(folder, outcome):
    found, text = made(folder)
    assert found.text("title")[0] == found.text("h1")[0] == "Learning a disc"
    assert [words.strip() for words in found.text("h2")] == [
        "Errors",
        "The loss as it falls",
        "The boundary as it forms",
        "How the rounds differ",
        "Every round in numbers",
        "How it was made",
    ]
    assert "default-src 'none'" in text
    assert "script" not in {tag for tag, _ in found.tags}
    assert all(value[0] == "#" for key, value in found.attributes if key == "href")
    assert not {"src", "style"} & {key for key, _ in found.attributes}
    assert not [word for word in ("://", "url(", "@import") if word in text]
    identifiers = [value for key, value in found.attributes if key == "id"]
    assert len(identifiers) == len(set(identifiers))
    named = {attrs["id"]: tag for tag, attrs in found.tags if "id" in attrs}
    pictures = [attrs for attrs in found.all("svg") if "role" in attrs]
    assert len(pictures) == 2 + len(outcome.surfaces)
    for attrs in pictures:
        assert [named[name] for name in attrs["aria-labelledby"].split()] == ["title", "desc"]
    circles = [attrs["class"] for attrs in found.all("circle")]
    assert circles.count("truth") == len(outcome.surfaces)
    assert circles.count("mistake") == len(outcome.mistakes)
    said = dict(zip(found.text("dt"), found.text("dd")))
    assert (said["seed"], said["hidden"], said["torch"]) == ("7", "[8]", torch.__version__)


def test_what_is_said_of_a_surface_is_counted(folder):
    half = [DIGITS[-1] * 24 + DIGITS[0] * 24] * 48  # the left half is taken for inside
    record(folder, surfaces={"9": half}, mistakes=[[0.25, 0.75]])
    found, text = made(folder)
    wrong = (
        sum(
            ((x - 23.5) ** 2 + (y - 23.5) ** 2 <= (48 * disc.RADIUS) ** 2) != (x < 24)
            for x in range(48)
            for y in range(48)
        )
        / 48**2
    )
    assert f"50.0% of the square is taken for inside; {wrong:.1%} of it wrongly decided." in text
    assert 'class="ink" fill-opacity="1" d="M0 0h24v1' in text
    assert [a["cx"] for a in found.all("circle") if a["class"] == "mistake"] == ["12.00"]


def test_an_earlier_file_makes_a_page_without_the_boundary(folder):
    record(folder, surfaces=..., mistakes=..., versions=..., parameters=...)
    found, text = made(folder)
    assert "The boundary as it forms" not in text
    assert "The loss as it falls" in text
    assert len(found.all("figure")) == 2


def test_the_command_on_the_page_gives_the_same_numbers(tmp_path):
    args = "framework --points 40 --hidden 6,5 --activation tanh --epochs 3 --lr 0.25 --rounds 2 --seed 3"
    first, again = tmp_path / "first", tmp_path / "again"
    assert command(*args.split(), "--out", str(first)).code == 0
    assert command("report", str(first)).code == 0
    text = (first / "report.html").read_text(encoding="utf-8")
    said = shlex.split(html.unescape(re.search("<code>(.*)</code>", text)[1]))
    assert said[0] == "funcdl-cli"
    assert command(*said[1:], "--out", str(again)).code == 0
    assert (first / FRAMEWORK).read_bytes() == (again / FRAMEWORK).read_bytes()


def test_hostile_settings_are_only_words(folder):
    record(
        folder,
        settings={
            HOSTILE: [HOSTILE],
            "activation": "x; rm -r .",
            "hidden": HOSTILE,
            "seed": "\ud800",
        },
        versions={"torch": HOSTILE},
    )
    found, text = made(folder)
    assert not {"script", "img"} & {tag for tag, _ in found.tags}
    assert not [key for key, _ in found.attributes if key.startswith("on")]
    assert HOSTILE in found.text("dd")
    assert "--activation &#x27;x; rm -r .&#x27;" in text


DEEP = "[" * 99_999


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"settings": []}, "settings: expected an object, got []"),
        ({"settings": ...}, "settings: expected an object, found none"),
        ({"losses": ...}, "losses: expected a list, found none"),
        ({"train_errors": [0.1]}, "expected train and test errors of at least one round"),
        ({"train_errors": [], "test_errors": []}, "expected train and test errors of at least one"),
        ({"test_errors": [0.1, 0.2, 1.5]}, "test_errors[2]: expected a number from 0 to 1, got 1.5"),
        ({"test_errors": [0.1, 0.2, True]}, "test_errors[2]: expected a number from 0 to 1, got True"),
        ({"test_errors": [0.1, 0.2, math.nan]}, "test_errors[2]: expected a number from 0 to 1, got nan"),
        ({"test_errors": "abc"}, "test_errors: expected a list, got 'abc'"),
        ({"losses": []}, "losses: expected those of at least one epoch, found none"),
        ({"losses": [[0.1, 0.2]]}, "expected a loss of each round an epoch"),
        ({"losses": [0.1]}, "losses[0]: expected a list, got 0.1"),
        ({"losses": [[0.1, 0.2, -1]]}, "losses[0][2]: expected a loss of at least 0, or null where it is not finite, got -1"),
        ({"losses": [[0.1, 0.2, {}]]}, "losses[0][2]: expected a loss of at least 0"),
        ({"losses": [[0.1, 0.2, 10**400]]}, "losses[0][2]: expected a loss of at least 0"),
        ({"losses": "000"}, "losses: expected a list, got '000'"),
        ({"diverged": {"3": 1}}, "expected a round or an epoch up to 2"),
        ({"diverged": {"-1": 1}}, "diverged.-1: expected an integer of at least 0, got '-1'"),
        ({"diverged": {"0": "²"}}, "diverged.0: expected an integer of at least 0, got '²'"),
        ({"diverged": [1]}, "diverged: expected an object, got [1]"),
        ({"surfaces": []}, "surfaces: expected an object, got []"),
        ({"surfaces": {"10": ["f"]}}, "expected a round or an epoch up to 9"),
        ({"surfaces": {"1": ["ff"]}}, "expected a surface as a square of characters from 0 to u"),
        ({"surfaces": {"1": ["v"]}}, "expected a surface as a square"),
        ({"surfaces": {"1": []}}, "expected a surface as a square"),
        ({"surfaces": {"1": ["f" * 300] * 300}}, "expected a surface as a square"),
        ({"surfaces": {"1": 5}}, "expected a surface as a square"),
        ({"mistakes": [[0.5]]}, "mistakes[0]: expected a list of 2, got [0.5]"),
        ({"mistakes": [[0.5, "<b>"]]}, "mistakes[0][1]: expected a number from 0 to 1, got '<b>'"),
        ({"parameters": -1}, "parameters: expected an integer of at least 0, got -1"),
        ({"parameters": "<b>"}, "parameters: expected an integer of at least 0, got '<b>'"),
        ({"mistake": []}, "mistake: expected one of the keys settings, train_errors, test_errors, losses, versions, parameters, diverged, surfaces, mistakes, device; did you mean mistakes?"),
    ],
)  # fmt: skip
def test_a_foreign_value_is_one_sentence(folder, changes, words):
    record(folder, **changes)
    refused(folder, words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "expected JSON, got ''"),
        (b'{"settings": {', "expected JSON, got '{\"settings\": {'"),
        (b"\xff\xfe", "expected UTF-8 text, got other bytes"),
        (DEEP.encode(), "expected JSON, got '[[["),
        (b"9" * 9999, "expected JSON, got '999"),
        (b"[1, 2]", "expected an object, got '[1, 2]'"),
        (b"null", "expected an object, got 'null'"),
    ],
    ids=["empty", "half", "bytes", "deep", "long", "list", "null"],
)
def test_a_foreign_file_is_one_sentence(folder, text, words):
    (folder / FRAMEWORK).write_bytes(text)
    refused(folder, words)


def refused(folder, words):
    with pytest.raises(ResultsError) as caught:
        write_page(folder)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (folder / "report.html").exists()


def test_settings_however_deep_are_a_page_or_one_sentence(folder):
    text = (folder / FRAMEWORK).read_text()
    for depth in (100, 500, 900, 980, 1500):
        inside = "[" * depth + "]" * depth
        (folder / FRAMEWORK).write_text(text.replace('"seed": 7', f'"seed": {inside}'))
        said = ""
        try:
            write_page(folder)
        except ResultsError as error:
            said = str(error)
        assert "\n" not in said


def test_two_studies_in_one_folder_are_one_sentence(folder):
    (folder / "rounds.jsonl").write_text("")
    refused(folder, "expected the results of one study, found rounds.jsonl beside framework.json")


def test_a_file_that_is_a_folder_is_one_sentence(tmp_path):
    (tmp_path / FRAMEWORK).mkdir()
    refused(tmp_path, "expected a file that can be read, got: Is a directory")


def test_the_curve_is_logarithmic():
    text = loss_curve("a", "t", "mse", [[1.0, 0.01], [0.1, 0.1], [0.01, 0.0]])
    lines = [attrs["d"] for attrs in Page(text).all("path")]
    heights = [[float(place.split()[1]) for place in d[1:].split("L")] for d in lines]
    assert heights[0][1] - heights[0][0] == pytest.approx(heights[0][2] - heights[0][1], abs=0.2)
    assert heights[1][0] > heights[1][1]
    assert all(0 <= y <= 1000 for line in heights for y in line)
    assert [attrs["class"] for attrs in Page(text).all("path")] == ["thin", "thin", "thick"]


def test_a_long_curve_is_thinned_but_keeps_its_ends():
    text = loss_curve("a", "t", "mse", [[0.5 / k] for k in range(1, 5001)])
    places = Page(text).all("path")[0]["d"][1:].split("L")
    assert len(places) == 200
    assert [place.split()[0] for place in (places[0], places[-1])] == ["0.2", "1000.0"]


@pytest.mark.parametrize(
    ("low", "high"), [(1e-12, 1e38), (0.25, 0.26), (0.1, 0.1), (1, 1000), (0.009, 0.011), (1e-12, 1e-12)]
)  # fmt: skip
def test_decades_reach_both_ends(low, high):
    marks = decades(low, high)
    assert 2 <= len(marks) <= 12
    assert marks == sorted(set(marks))
    assert marks[0] <= low <= high <= marks[-1]
