"""The choice of learning rates: gathered from sweeps in validation, and the least mean taken."""

import json

import pytest
from command import ask

from pairs import tuning
from pairs.models import MODELS
from pairs.rates import best, grid, rate
from pairs.training import Settings, lr_of
from pairs.tuning import gathered, text
from studykit.files import ResultsError

QUICK = ["--epochs", "1", "--train-pairs", "20", "--test-pairs", "30", "--workers", "1", "--quiet"]


def swept(folder, *args):
    said = ask("sweep", "lr", *QUICK, "--rounds", "2", "--out", folder, *args)
    assert said.code == 0, said.err
    return folder


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuning") / "lr"
    return swept(folder, "--validation", "--values", "0.01,0.001", "--models", "fc-shared,fc-plain")


def rows(sweep, value):
    lines = (sweep / f"lr-{value}" / "rounds.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_every_model_of_the_design_has_the_same_grid_and_takes_the_best_of_it():
    found = grid()
    assert list(found) == [name for name, model in MODELS.items() if model.factors is not None]
    assert len({tuple(errors) for errors in found.values()}) == 1
    for name, errors in found.items():
        assert {len(own) for own in errors.values()} == {3}
        means = {float(key): sum(own) / len(own) for key, own in errors.items()}
        assert means[rate(name)] == min(means.values())
        assert lr_of(MODELS[name], Settings()) == rate(name)
        assert lr_of(MODELS[name], Settings(lr=0.5)) == 0.5


def test_of_equal_rates_the_least_is_taken():
    assert best({"0.004": [0.1, 0.3], "0.002": [0.2, 0.2], "0.008": [0.2, 0.3]}) == 0.002


def test_the_errors_of_a_sweep_are_gathered_in_the_order_of_rounds(sweep):
    found = gathered([sweep])
    assert list(found["errors"]) == ["fc-plain", "fc-shared"]
    for name, errors in found["errors"].items():
        for value in ("0.001", "0.01"):
            mine = sorted((row["round"], row["test_error"]) for row in rows(sweep, value) if row["model"] == name)  # fmt: skip
            assert errors[value] == [error for _, error in mine]
    (made,) = found["made"]
    assert made["models"] == ["fc-plain", "fc-shared"]
    assert made["settings"]["validation"] is True
    assert "lr" not in made["settings"]
    assert json.loads(text(found)) == found


def test_the_command_writes_the_file(sweep, tmp_path, monkeypatch, capsys):
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(tuning, "__file__", str(tmp_path / "tuning.py"))
    assert tuning.main([str(sweep)]) == 0
    assert json.loads((tmp_path / "data" / "rates.json").read_text()) == gathered([sweep])
    assert tuning.main([]) == 2
    assert tuning.main([str(tmp_path)]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "expected the folders of sweeps of lr, got none",
        f"{tmp_path}: expected a sweep of lr, found none",
    ]


def test_what_is_no_finished_sweep_in_validation_is_refused(sweep, tmp_path):
    reported = swept(tmp_path / "reported", "--values", "0.01", "--models", "fc-plain")
    with pytest.raises(ResultsError, match="expected rounds for validation, found others"):
        gathered([reported])
    cut = tmp_path / "cut"
    for value in ("0.001", "0.01"):
        (cut / f"lr-{value}").mkdir(parents=True)
        for name in ("rounds.jsonl", "summary.json"):
            content = (sweep / f"lr-{value}" / name).read_bytes()
            (cut / f"lr-{value}" / name).write_bytes(content)
    lines = (cut / "lr-0.01" / "rounds.jsonl").read_text().splitlines(keepends=True)
    (cut / "lr-0.01" / "rounds.jsonl").write_text("".join(lines[:-1]))
    with pytest.raises(ResultsError, match=r"cut: expected the same rounds of \S+ at each rate"):
        gathered([cut])
    (cut / "lr-0.01" / "rounds.jsonl").unlink()
    with pytest.raises(ResultsError, match=r"lr-0\.01: expected finished rounds, found none"):
        gathered([cut])
