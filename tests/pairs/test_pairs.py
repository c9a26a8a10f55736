"""The study: models, statistics, rows and the folder that keeps them."""

import json
import math
import sys

import pytest
import torch

import funcdl as f
from funcdl import tree
from pairs import study
from pairs.at_most import at_most
from pairs.data import Digits, Mnist
from pairs.effects import effects
from pairs.models import MODELS, UnknownModelError, find
from pairs.rates import rate
from pairs.results import Results, ResultsError
from pairs.rounds import run_round
from pairs.training import Row, Settings, TrainingError
from studykit.statistics import interval, student_quantile

QUICK = Settings(epochs=1, batch_size=10, train_pairs=20, test_pairs=20)


@pytest.fixture(scope="module")
def mnist():
    """Noise in place of digits: enough to run on."""
    rng = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (200, 14, 14), generator=rng).to(torch.uint8)
    labels = torch.randint(0, 10, (200,), generator=rng)
    return Mnist(Digits(images, labels), Digits(images, labels))


@pytest.mark.parametrize("name", MODELS)
def test_models_fit_the_pairs_and_the_budget(name, rng):
    model = MODELS[name]
    params, out = model.net.init(rng, (2, 14, 14))
    if model.recipe is None:
        twice = 2 if model.factors.tie == "separate-wide" else 1
        # Where a norm stands for a bias, it has three numbers a feature more, two not trained.
        norms = sum(3 * leaf.numel() // 4 for leaf in _norms(params))
        assert 65_000 * twice <= tree.size(params) - norms <= 75_000 * twice
    assert out == ((2,), (2, 10))[: model.outputs]
    x = torch.rand(3, 2, 14, 14, generator=rng)
    y, _ = model.net(f.calibrate(model.net, params, [x], rng), x)
    assert [tuple(leaf.shape[1:]) for leaf in y] == list(out)


def _norms(params):
    """The numbers of every norm, four a feature."""
    if isinstance(params, f.BatchNorm):
        return [torch.cat(tuple(params))]
    return [norm for part in params for norm in _norms(part)] if tree.is_node(params) else []


def test_shared_models_have_the_same_answer_for_the_same_digit(rng):
    model = MODELS["conv-shared-aux"]
    params, _ = model.net.init(rng, (2, 14, 14))
    digit = torch.rand(1, 14, 14, generator=rng)
    _, digits = model.net(params, torch.stack([digit, digit], 1))[0]
    torch.testing.assert_close(digits[:, 0], digits[:, 1])


def test_at_most_is_the_sum_over_i_up_to_j(rng):
    x = torch.randn(5, 2, 10, generator=rng).double()
    p, q = x.softmax(-1).unbind(-2)
    expected = sum(p[:, i] * q[:, j] for i in range(10) for j in range(10) if i <= j)
    log_p, _ = at_most((), x)
    torch.testing.assert_close(log_p[:, 1].exp(), expected)
    torch.testing.assert_close(log_p.exp().sum(-1), torch.ones(5).double())
    with pytest.raises(f.ShapeError, match="at_most: expected logits"):
        at_most.init(rng, (3, 10))


def test_a_round_is_reproducible_and_its_pairs_are_the_models(mnist):
    with torch.no_grad():
        one, two = (run_round("fc-shared-aux", 3, QUICK, mnist) for _ in range(2))
        other = run_round("fc-shared-aux", 4, QUICK, mnist)
    assert one._replace(seconds=0) == two._replace(seconds=0)
    assert one.digit_error is not None
    assert other._replace(seconds=0, round=3) != one._replace(seconds=0)


def test_a_loss_that_diverges_names_model_round_and_epoch(mnist):
    with pytest.raises(
        TrainingError, match=r"^fc-plain, round 2: the loss is no longer finite after epoch 1$"
    ):
        run_round("fc-plain", 2, QUICK._replace(lr=1e30), mnist)


def test_workers_do_not_change_the_numbers():
    names = ["fc-plain", "fc-bn-shared-explicit-digits"]
    tasks = study.missing({QUICK: Results(None, QUICK, "package")}, names, 2)

    def found(workers):
        with study.pool(workers, None) as processes:
            rows = [done.row for _, done in study.run(tasks, processes)]
        return sorted(row._replace(seconds=0) for row in rows)

    one, two = found(1), found(2)
    assert one == two
    assert len(one) == 4


def row(model="fc-plain", round=0, error=0.25):
    return Row(model, round, 0, 70_000, 1, rate(model), 0.0, error, None, 1.5)


def test_a_folder_resumes_and_loses_half_a_row_at_most(tmp_path):
    results = Results(tmp_path / "out", QUICK, "package")
    results.add(row(round=0))
    results.add(row(round=1))
    path = tmp_path / "out" / "rounds.jsonl"
    text = path.read_text()
    assert [json.loads(line)["round"] for line in text.splitlines()] == [0, 1]
    for cut in range(len(text.splitlines(keepends=True)[0]), len(text)):
        path.write_text(text[:cut])
        again = Results(tmp_path / "out", QUICK, "package")
        assert (again.done("fc-plain", 0), again.done("fc-plain", 1)) == (True, False)
        again.add(row(round=1))
        assert path.read_text() == text


def test_other_settings_are_refused(tmp_path):
    Results(tmp_path, QUICK, "package").add(row())
    with pytest.raises(
        ResultsError, match=r"holds rounds of other settings .epochs 1 where this run has 2"
    ):
        Results(tmp_path, QUICK._replace(epochs=2), "package")
    with pytest.raises(ResultsError, match="digits package where this run has files"):
        Results(tmp_path, QUICK, "files")


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("rounds.jsonl", "{}\n", "line 1: model: expected a string, found none"),
        ("rounds.jsonl", "nonsense\n", "expected JSON, got 'nonsense'"),
        ("rounds.jsonl", b"\xff\n", r"rounds\.jsonl: expected UTF-8 text, got other bytes$"),
        ("summary.json", "[1]", "expected an object, got"),
        ("summary.json", "{}", "expected the settings of its rounds in summary.json, found none"),
        ("summary.json", b"\xff", r"summary\.json: expected UTF-8 text, got other bytes$"),
        ("summary.json", None, "expected summary.json beside rounds.jsonl, found none"),
    ],
)
def test_a_folder_that_holds_something_else_is_refused(tmp_path, file, text, words):
    Results(tmp_path, QUICK, "package").add(row())
    if text is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ResultsError, match=words):
        Results(tmp_path, QUICK, "package")


def test_results_without_a_folder_are_in_memory_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results = Results(None, QUICK, "package")
    results.add_details(None)
    results.add_model("fc-plain", 0, b"parameters")
    results.add(row())
    results.finish()
    assert results.rows == [row()]
    assert results.done("fc-plain", 0)
    assert results.without_model(["fc-plain"]) == 1
    assert results.summary()["models"][0]["rounds"] == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_kept_where_there_are_no_locks(tmp_path, monkeypatch):
    """As on Windows."""
    monkeypatch.setitem(sys.modules, "fcntl", None)
    Results(tmp_path, QUICK, "package").add(row())
    assert Results(tmp_path, QUICK, "package").rows == [row()]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rounds.jsonl", "summary.json"]


def test_effects_are_paired_by_round():
    rows = [row("fc-separate", i, 0.3 + 0.1 * i) for i in range(3)]
    rows += [row("fc-shared", i, 0.2 + 0.1 * i) for i in (2, 0, 1)]
    (effect,) = effects(rows)
    assert (effect.before, effect.after, effect.rounds) == ("fc-separate", "fc-shared", 3)
    assert effect.difference == pytest.approx((-0.1, -0.1, -0.1))


def test_intervals_are_students():
    # Student's own quantiles, from the tables.
    for freedom, quantile in ((1, 12.7062), (2, 4.3027), (5, 2.5706), (9, 2.2622), (30, 2.0423)):
        assert student_quantile(0.975, freedom) == pytest.approx(quantile, abs=1e-4)
    mean, low, high = interval([1.0, 2.0, 3.0, 4.0])
    assert mean == 2.5
    assert (
        high - mean
        == pytest.approx(mean - low)
        == pytest.approx(3.1824 * math.sqrt(5 / 3) / 2, rel=1e-4)
    )
    assert interval([1.0]) == (1.0, None, None)


def test_names_of_models():
    assert find("all") == list(MODELS)
    with pytest.raises(UnknownModelError, match="'conv-shard'; did you mean conv-shared"):
        find("conv-plain,conv-shard")


def test_an_interrupt_between_a_row_on_the_disk_and_in_memory_loses_none(tmp_path):
    results = Results(tmp_path, Settings(), "package")
    row = Row("conv-plain", 0, 0, 1, 1, rate("conv-plain"), 0.0, 0.5, None, 1.0)
    results.add(row)
    results.rows.clear()
    results.finish()
    assert results.rows == [row]
    assert json.loads((tmp_path / "summary.json").read_text())["models"][0]["rounds"] == 1
