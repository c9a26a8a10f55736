"""What a model's probabilities are worth, and where it contradicts itself."""

import copy
import json
import math
from statistics import fmean

import pytest
import torch
from command import ask
from hypothesis import given
from hypothesis import strategies as st

from funcdl import tree
from pairs import models
from pairs.at_most import at_most
from pairs.calibration import BINS, MOST, Calibration, measured
from pairs.data import Digits, Mnist, Pairs
from pairs.lines import lines
from pairs.page import render
from pairs.reliability import by_chance, expected_error, reliability
from pairs.results import Results, ResultsError, summarise
from pairs.rounds import row_of, train_round
from pairs.saved import load
from pairs.training import Row, Settings, errors
from pairs.training import ask as outputs_of
from studykit.schema import named, read
from studykit.svg.reliability import lowest
from studykit.svg.reliability import reliability as diagram

QUICK = Settings(epochs=2, batch_size=10, train_pairs=40, test_pairs=130)
MODELS = ["fc-plain", "fc-shared-aux", "fc-shared-explicit", "fc-bn-shared-explicit-digits"]
HOSTILE = "</title><script>alert(1)</script>"


def drawn(rng, count):
    """Two digits a pair, and what is asked of them."""
    classes = torch.randint(0, 10, (count, 2), generator=rng)
    return (classes[:, 0] <= classes[:, 1]).long(), classes


def logits_of(confidence, answer):
    """Logits of a model that answers so, with such a confidence."""
    other = (confidence / (1 - confidence)).log() * (2 * answer - 1)
    return torch.stack([-other / 2, other / 2], -1)


@pytest.fixture(scope="module")
def mnist():
    """Digits of a kind: an image has the brightness of its label, with noise."""
    rng = torch.Generator().manual_seed(0)
    labels = torch.arange(400) % 10
    noise = torch.randint(0, 80, (400, 14, 14), generator=rng)
    images = (noise + 17 * labels[:, None, None]).to(torch.uint8)
    return Mnist(Digits(images, labels), Digits(images, labels))


@pytest.fixture(scope="module")
def trained(mnist):
    """A round of each model, trained, and its row."""
    with torch.inference_mode():
        found = {name: train_round(name, 1, QUICK, mnist) for name in MODELS}
        return {name: (one, row_of(name, 1, QUICK, one)) for name, one in found.items()}


def test_a_case_by_hand():
    """3 and 8, 8 and 3, 4 and 4, 0 and 9: sure and right, in doubt and wrong, right, and wrong."""
    target, classes = torch.tensor([1, 0, 1, 1]), torch.tensor([[3, 8], [8, 3], [4, 4], [0, 9]])
    confidence = torch.tensor([0.97, 0.56, 0.72, 0.88], dtype=torch.float64)
    logits = logits_of(confidence, torch.tensor([1, 1, 1, 0]))
    # The pairs 8 and 3, 3 and 8, 9 and 0: "≤" again, then a change of mind, then ">" again.
    swapped = torch.tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    read = torch.nn.functional.one_hot(torch.tensor([[3, 8], [8, 3], [5, 4], [9, 0]]), 10).float()
    found = measured(logits, read, swapped, target, classes)
    assert found.nll == pytest.approx(-math.log(0.97 * 0.44 * 0.72 * 0.12) / 4, rel=1e-5)
    bins = {1: [1, 0.56, 0], 4: [1, 0.72, 1], 7: [1, 0.88, 0], 9: [1, 0.97, 1]}
    assert found.bins == [bins.get(k, [0, 0, 0]) for k in range(10)]
    assert found.orders == [3, 1, 1]
    # "≤" though it reads 8 and 3, and though it reads 5 and 4.
    assert found.own_digits == [4, 2]
    counts = {3: [2, 1], 8: [2, 1], 4: [1, 0], 0: [1, 1], 9: [1, 1]}
    assert found.digits == [counts.get(digit, [0, 0]) for digit in range(10)]
    assert expected_error(found.bins) == pytest.approx((0.56 + 0.28 + 0.88 + 0.03) / 4)


@given(seed=st.integers(0, 2**32), count=st.integers(1, 60), scale=st.sampled_from([0.1, 1, 9]))
def test_counts_are_those_of_a_loop(seed, count, scale):
    rng = torch.Generator().manual_seed(seed)
    target, classes = drawn(rng, count)
    logits, swapped = (scale * torch.randn(count, 2, generator=rng) for _ in range(2))
    read = torch.randn(count, 2, 10, generator=rng)
    unequal = classes[:, 0] != classes[:, 1]
    bins, orders, own = [[0, 0.0, 0] for _ in range(10)], [0, 0, 0], 0
    digits, loss = [[0, 0] for _ in range(10)], 0.0
    for i in range(count):
        a, b = logits[i].tolist()
        p, answer = 1 / (1 + math.exp(a - b)), int(b > a)
        loss += math.log1p(math.exp(a - b if target[i] == 1 else b - a))
        right, sure = answer == int(target[i]), max(p, 1 - p)
        into = bins[min(int((sure - 0.5) * 20), 9)]
        into[:] = [into[0] + 1, into[1] + sure, into[2] + right]
        if unequal[i]:
            orders[0] += 1
            if answer == int(swapped[i, 1] > swapped[i, 0]):
                orders[2 - answer] += 1
        first, second = read[i].argmax(-1).tolist()
        own += answer != (first <= second)
        for digit in set(classes[i].tolist()):
            digits[digit] = [digits[digit][0] + 1, digits[digit][1] + (not right)]
    found = measured(logits, read, swapped[unequal], target, classes)
    assert found.nll == pytest.approx(loss / count, rel=1e-4)
    assert [[n, right] for n, _, right in found.bins] == [[n, right] for n, _, right in bins]
    assert [s for _, s, _ in found.bins] == pytest.approx([s for _, s, _ in bins], abs=1e-3)
    assert found[2:] == (orders, [count, own], digits)
    assert checked(json.loads(json.dumps(named(found)))) == found


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 3e38])
def test_logits_that_are_no_numbers_are_counted(value, rng):
    """Those of a model that diverged: the row is kept, its pairs are all there."""
    target, classes = drawn(rng, 50)
    logits = torch.full((50, 2), value)
    logits[::2, 0] = 0
    unequal = classes[:, 0] != classes[:, 1]
    read = torch.full((50, 2, 10), value)
    found = measured(logits, read, logits[unequal], target, classes)
    assert found.nll == MOST
    assert sum(n for n, _, _ in found.bins) == 50
    assert checked(json.loads(json.dumps(named(found), allow_nan=False))) == found


def sampled(rng, count, sharper=1.0):
    """The bins of a model whose probabilities, raised to a power, are the true ones."""
    p = torch.rand(count, generator=rng, dtype=torch.float64)
    target = (torch.rand(count, generator=rng, dtype=torch.float64) < p).long()
    logits = sharper * torch.stack([(1 - p).log(), p.log()], -1)
    classes = torch.stack([1 - target, torch.ones_like(target)], -1) * 2
    return measured(logits, None, logits[classes[:, 0] != classes[:, 1]], target, classes)


@pytest.mark.parametrize("count", [100, 1000, 10_000])
def test_a_calibrated_models_error_is_that_of_chance_and_goes_to_0(count, rng):
    found = [sampled(rng, count).bins for _ in range(60)]
    mean, chance = fmean(map(expected_error, found)), fmean(map(by_chance, found))
    assert mean == pytest.approx(chance, rel=0.1)
    # √(2/π · 10/N · mean of c (1 − c)), the latter being 1/6 over all confidences.
    assert chance == pytest.approx(math.sqrt(2 / math.pi * BINS / 6 / count), rel=0.05)


def test_a_model_that_is_too_sure_has_an_error_and_a_loss_of_it(rng):
    true, sharp = sampled(rng, 10_000), sampled(rng, 10_000, 3.0)
    assert true.nll == pytest.approx(0.5, abs=0.02)  # the mean entropy of p that are uniform
    assert sharp.nll > true.nll + 0.1
    assert expected_error(sharp.bins) > 0.1 > 5 * expected_error(true.bins)


def test_to_be_sure_by_chance_has_an_error_of_a_half(rng):
    target, classes = torch.arange(100) % 2, torch.tensor([[2, 1], [1, 2]] * 50)
    logits = torch.tensor([[0.0, 50.0]]).expand(100, 2)
    found = measured(logits, None, logits, target, classes)
    assert expected_error(found.bins) == pytest.approx(0.5)
    assert found.orders == [100, 100, 0]  # a constant answer


@given(seed=st.integers(0, 2**32), scale=st.sampled_from([0.3, 1, 3, 10]))
def test_laws_of_the_explicit_comparison_of_one_network(seed, scale):
    """It never says ">" in both orders, and agrees with digits that are more likely than not."""
    rng = torch.Generator().manual_seed(seed)
    target, classes = drawn(rng, 40)
    read = (scale * torch.randn(40, 2, 10, generator=rng)).double()
    unequal = classes[:, 0] != classes[:, 1]
    logits, _ = at_most((), read)
    swapped, _ = at_most((), read[unequal].flip(-2))
    assert measured(logits, read, swapped, target, classes).orders[2] == 0
    likely = read.softmax(-1).amax(-1).prod(-1) > 0.5
    found = measured(
        logits[likely], read[likely], swapped[likely[unequal]], target[likely], classes[likely]
    )
    assert found.own_digits == [int(likely.sum()), 0]
    # The likeliest digits alone: never against themselves, and the same twice where they are one.
    first, second = read.argmax(-1).unbind(-1)
    alone = logits_of(torch.full((40,), 0.9), (first <= second).long())
    turned = logits_of(torch.full((40,), 0.9), (second <= first).long())[unequal]
    found = measured(alone, read, turned, target, classes)
    assert found.own_digits == [40, 0]
    assert found.orders == [int(unequal.sum()), int((first == second)[unequal].sum()), 0]


def test_an_explicit_comparison_in_doubt_may_contradict_its_digits():
    """P(first = 5) = 0.4 and P(second = 4) = 1: it reads 5 and 4, and 0.6 say the first is less."""
    p = torch.full((1, 2, 10), 1e-9).double()
    p[0, 0, [1, 2, 5]] = torch.tensor([0.3, 0.3, 0.4]).double()
    p[0, 1, 4] = 1.0
    logits, _ = at_most((), p.log())
    target, classes = torch.tensor([1]), torch.tensor([[1, 4]])
    assert measured(logits, p.log(), logits, target, classes).own_digits == [1, 1]


@pytest.mark.parametrize("name", MODELS)
def test_a_row_has_what_its_model_says(trained, name):
    one, row = trained[name]
    found = row.calibration
    pairs = sum(n for n, _, _ in found.bins)
    wrong = pairs - sum(right for _, _, right in found.bins)
    assert pairs == QUICK.test_pairs
    assert wrong / pairs == row.test_error == errors(*arguments(name, one))[0]
    assert (found.own_digits is None) == (row.digit_error is None)
    logits = outputs_of(*arguments(name, one)[:3], one.split.test.images)[0].log_softmax(-1)
    loss = -logits.gather(-1, one.split.test.target[:, None]).mean()
    assert found.nll == pytest.approx(float(loss), rel=1e-4)
    assert 0 < wrong < pairs
    if "shared-explicit" in name:
        assert found.orders[2] == 0


def arguments(name, one):
    return models.MODELS[name], one.params, one.scaling, one.split.test


@pytest.mark.parametrize("name", MODELS)
def test_swapped_pairs_contradict_as_often_and_twice_swapped_are_the_pairs(trained, name):
    """For an unequal pair the two orders are the same two, whichever comes first."""
    one, row = trained[name]

    def turned(pairs):
        classes = pairs.classes.flip(1)
        return Pairs(pairs.images.flip(1), (classes[:, 0] <= classes[:, 1]).long(), classes)

    def row_on(test):
        return row_of(name, 1, QUICK, one._replace(split=one.split._replace(test=test)))

    once = turned(one.split.test)
    with torch.inference_mode():
        there, back = row_on(once), row_on(turned(once))
    assert there.calibration.orders == row.calibration.orders
    assert there.calibration != row.calibration
    assert back == row


@pytest.mark.parametrize("classes", [[3, 3], [3, 4]])
@pytest.mark.parametrize("name", MODELS)
def test_a_single_pair_has_a_row(trained, name, classes):
    one, _ = trained[name]
    test = Pairs(one.split.test.images[:1], torch.tensor([1]), torch.tensor([classes]))
    row = row_of(name, 1, QUICK, one._replace(split=one.split._replace(test=test)))
    assert row.calibration.orders[0] == len(set(classes)) - 1
    assert read(Row, json.loads(json.dumps(named(row))), "row") == row
    if row.calibration.orders[0] == 0:
        assert reliability([row.calibration]).same_twice is None


@pytest.mark.parametrize("factor", [math.nan, 1e30])
@pytest.mark.parametrize("name", MODELS)
def test_a_diverged_model_has_a_row_that_can_be_kept(trained, name, factor):
    one, _ = trained[name]
    one = one._replace(params=tree.map(lambda leaf: leaf * factor, one.params))
    row = row_of(name, 1, QUICK, one)
    assert read(Row, json.loads(json.dumps(named(row), allow_nan=False)), "row") == row


@pytest.fixture
def folder(tmp_path, trained):
    results = Results(tmp_path / "study", QUICK, "package")
    for i in range(2):
        for _, row in trained.values():
            results.add(row._replace(round=i))
    results.finish()
    return tmp_path / "study"


def test_rows_are_the_same_on_the_disk(folder, trained):
    assert load(folder).rows[: len(trained)] == [
        row._replace(round=0) for _, row in trained.values()
    ]
    first = json.loads((folder / "rounds.jsonl").read_text().splitlines()[0])
    assert list(first["calibration"]) == list(Calibration._fields)


def test_rows_from_before_have_none_and_are_read(folder):
    path = folder / "rounds.jsonl"
    kept = [json.loads(line) for line in path.read_text().splitlines()]
    for fields in kept:
        del fields["calibration"]
    path.write_text("".join(json.dumps(fields) + "\n" for fields in kept))
    rows = Results(folder, QUICK, "package").rows
    assert [row.calibration for row in rows] == [None] * len(kept)
    assert [line["calibration"] for line in summarise(rows)["models"]] == [None] * len(MODELS)
    assert "probabilities are worth" not in render(load(folder))


def test_the_summary_adds_up_the_rounds(folder, trained):
    for line in json.loads((folder / "summary.json").read_text())["models"]:
        one = trained[line["model"]][1].calibration
        found = line["calibration"]
        assert found["rounds"] == 2
        assert found["nll"] == {"mean": pytest.approx(one.nll), "deviation": 0.0}
        assert [[n, right] for n, _, right in found["bins"]] == [
            [2 * n, 2 * right] for n, _, right in one.bins
        ]
        assert found["ece"] == pytest.approx(expected_error(one.bins))
        assert found["ece_by_chance"] == pytest.approx(by_chance(one.bins) / math.sqrt(2))
        assert found["same_twice"] == sum(one.orders[1:]) / one.orders[0]
        own = one.own_digits
        assert found["against_digits"] == (None if own is None else own[1] / own[0])
        assert found["digits"] == [[2 * n, 2 * wrong] for n, wrong in one.digits]
        assert found["digit_errors"] == [n and wrong / n for n, wrong in one.digits]


def test_the_order_of_rounds_changes_nothing(folder):
    """They come as the workers finish them."""
    rows = load(folder).rows
    one, other = rows[:2]
    mixed = [one, one._replace(round=1, calibration=other.calibration), one._replace(round=2)]
    assert lines(mixed) == lines([mixed[1], mixed[2], mixed[0]]) == lines(mixed[::-1])


def test_workers_and_a_resumed_run_give_the_same_rows(tmp_path):
    args = ["pairs", "--models", "fc-shared*aux", "--epochs", 1, "--train-pairs", 20]
    args += ["--test-pairs", 10, "--quiet", "--json"]
    alone = ask(*args, "--rounds", 2, "--workers", 1, "--out", tmp_path / "alone")
    ask(*args, "--rounds", 1, "--workers", 2, "--out", tmp_path / "again")
    again = ask(*args, "--rounds", 2, "--workers", 2, "--out", tmp_path / "again")
    assert (alone.code, again.code) == (0, 0)
    rows = [load(tmp_path / name).rows for name in ("alone", "again")]
    assert len(rows[0]) == 4
    assert all(row.calibration is not None for row in rows[0])
    alike = [{(row.model, row.round): row._replace(seconds=0) for row in one} for one in rows]
    assert alike[0] == alike[1]
    said = [json.loads(one.out)["models"] for one in (alone, again)]
    assert [line["calibration"] for line in said[0]] == [line["calibration"] for line in said[1]]


GOOD = {
    "nll": 0.5,
    "bins": [[2, 1.04, 1], *([0, 0.0, 0] for _ in range(8)), [2, 1.95, 2]],
    "orders": [3, 1, 0],
    "own_digits": [4, 1],
    "digits": [[3, 1], [2, 1], [2, 0], *([0, 0] for _ in range(7))],
}


def checked(fields):
    return read(Calibration, fields, "calibration")


def test_the_good_one_is_good():
    assert checked(GOOD) == Calibration(**GOOD)
    assert checked({**GOOD, "own_digits": None}).own_digits is None


@pytest.mark.parametrize(
    "change",
    [
        {"nll": -0.1},
        {"nll": math.nan},
        {"nll": 2 * MOST},
        {"nll": "0.5"},
        {"nll": True},
        {"nll": None},
        {"bins": GOOD["bins"][:9]},
        {"bins": [[2, 0.9, 1], *GOOD["bins"][1:]]},  # with a confidence of 0.45
        {"bins": [[2, 1.2, 1], *GOOD["bins"][1:]]},  # of 0.6, beyond the bin
        {"bins": [[2, math.nan, 1], *GOOD["bins"][1:]]},
        {"bins": [[2, 1.04, 3], *GOOD["bins"][1:9], [2, 1.95, 0]]},
        {"bins": [[2.0, 1.04, 1], *GOOD["bins"][1:]]},
        {"bins": [[-2, 1.04, 1], *GOOD["bins"][1:]]},
        {"bins": [[0, 0.0, 0] for _ in range(10)]},
        {"bins": [[2, 1.04, 2], *GOOD["bins"][1:]]},  # no wrong answer, and digits with one
        {"bins": [[2, 1.04], *GOOD["bins"][1:]]},
        {"bins": {}},
        {"orders": [3, 2, 2]},
        {"orders": [5, 1, 0]},
        {"orders": [2, 1, 0]},  # and digits of three unequal pairs
        {"orders": [3, 1]},
        {"orders": [3, True, 0]},
        {"orders": None},
        {"own_digits": [3, 1]},
        {"own_digits": [4, 5]},
        {"own_digits": []},
        {"digits": GOOD["digits"][:9]},
        {"digits": [[3, 4], *GOOD["digits"][1:]]},
        {"digits": [[3, 2], [2, 0], *GOOD["digits"][2:]]},  # of the one wrong answer
        {"digits": [[3, 0], [2, 0], *GOOD["digits"][2:]]},  # the wrong answer has no digits
        {"digits": [[3, 1], [2, 1], [2, 1], *GOOD["digits"][3:]]},  # and three of them
        {"digits": [[5, 1], [0, 0], *GOOD["digits"][2:]]},  # a digit in 5 of 4 pairs
        {"digits": [[10**400, 1], *GOOD["digits"][1:]]},
        {"colour": "blue"},
    ],
)
def test_what_no_round_can_have_is_refused(change):
    with pytest.raises(ValueError, match=r"."):
        checked({**GOOD, **change})


@pytest.mark.parametrize("fields", [None, 3, [], "x", {}, [0.5, [], [], None, []]])
def test_what_is_none_at_all_is_refused(fields):
    with pytest.raises(ValueError, match=r"."):
        checked(fields)


@given(
    key=st.sampled_from(sorted(GOOD)),
    path=st.lists(st.integers(0, 9), max_size=2),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=10) | st.dictionaries(st.text(), inner, max_size=2),
    ),
)
def test_whatever_a_file_has_is_kept_or_refused(key, path, value):
    fields = copy.deepcopy(GOOD)
    place, last = fields, key
    for k in path:
        if isinstance(place[last], list) and k < len(place[last]):
            place, last = place[last], k
    place[last] = value
    try:
        found = checked(fields)
    except ValueError:
        return
    assert named(found) == fields
    assert reliability([found]).ece >= 0
    assert "nan" not in "".join(diagram("a", "b", found.bins, lowest([found.bins])))


@pytest.mark.parametrize(
    "change",
    [
        {"test_error": 0.0},
        {"digit_error": None},
        {"lr": math.nan},
        {"lr": "0.1"},
        {"calibration": 0},
        {"calibration": {}},
        {"calibration": {**GOOD, "nll": math.inf}},
        {"calibration": {**GOOD, "own_digits": None}},
    ],
)
def test_a_row_that_its_calibration_contradicts_is_one_sentence(folder, change):
    path = folder / "rounds.jsonl"
    first, second, *others = path.read_text().splitlines()
    good = {**json.loads(second), "test_error": 0.25, "digit_error": 0.5, "calibration": GOOD}
    path.write_text("\n".join([first, json.dumps(good), *others]) + "\n")
    assert len(load(folder).rows) == 2 * len(MODELS)
    path.write_text("\n".join([first, json.dumps({**good, **change}), *others]) + "\n")
    with pytest.raises(ResultsError) as caught:
        load(folder)
    (key,) = change
    assert str(caught.value).startswith(f"{path}: line 2: ")
    assert key in str(caught.value)
    assert ": expected " in str(caught.value)


def test_the_page_has_every_model_that_tells_of_it(folder):
    study = load(folder)
    rows = [
        *study.rows,
        study.rows[0]._replace(model=HOSTILE),
        study.rows[0]._replace(model="fc-separate", calibration=None),
    ]
    text = render(study._replace(rows=rows))
    section = text.split(">What its probabilities are worth <a")[1].split("</section>")[0]
    assert section.index("<p>") < section.index("<figure>") < section.index("<table>")
    assert section.count("<svg") == len(MODELS) + 1
    assert "Left out, since their rounds were kept without it: fc-separate." in section
    assert "<script" not in text
    for line in lines(study.rows):
        one = line.calibration
        row, errors_row = (
            part.split("</tr>")[0]
            for part in section.split(f'<tr><th scope="row">{line.model}</th>')[1:]
        )
        cells = [cell.split("</td>")[0] for cell in row.split("<td>")[1:]]
        assert cells == [
            f"{one.nll.mean:.3f} ± 0.000",
            f"{100 * one.ece:.2f}",
            f"{100 * one.ece_by_chance:.2f}",
            *(f"{100 * same / one.orders[0]:.2f}" for same in one.orders[1:]),
            "–" if one.against_digits is None else f"{100 * one.against_digits:.2f}",
        ]
        cells = [cell.split("</td>")[0] for cell in errors_row.split("<td>")[1:]]
        assert cells == [f"{100 * error:.1f}" for error in one.digit_errors]


def test_a_diagram_has_a_dot_a_bin_that_has_pairs_in_its_place():
    bins = [[0, 0.0, 0]] * 4 + [[100, 75.0, 75]] + [[0, 0.0, 0]] * 4 + [[300, 300.0, 150]]
    few = diagram("b", "title", [[4, 3.6, 4]], 0.5)
    assert 'y1="8.0"' in few.split('class="whisker"')[1]  # nothing is right more often than always
    text = diagram("a", "title", bins, lowest([bins]))
    dots = [part.split("/>")[0] for part in text.split("<circle")[1:]]
    bars = [part.split("/>")[0] for part in text.split('<line class="whisker"')[1:]]
    assert len(dots) == len(bars) == 2
    # Halfway between 50 and 100 % across and up; then at the right, at the bottom.
    assert 'cx="54.00%" cy="83.0" r="5.0"' in dots[0]
    assert 'cx="94.00%" cy="158.0"' in dots[1]
    assert f'y1="{83 - 300 * 1.96 * math.sqrt(0.75 * 0.25 / 100):.1f}"' in bars[0]
    assert 'y1="8.0" y2="8.0"' in bars[1]
    assert "75.0 % sure, 75.0 % right of 100; 100.0 % sure, 50.0 % right of 300." in text
