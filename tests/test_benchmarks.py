"""The peers of the benchmarks are the studies that they stand for; what they measure is elsewhere."""

import pytest
import torch

from benchmarks import eager_study
from funcdl import tree
from pairs.data import load_digits
from pairs.models import MODELS
from pairs.training import Settings
from studykit.seeds import generator


def small_round(monkeypatch: pytest.MonkeyPatch, name: str, epochs: int) -> tuple[float, float]:
    few = Settings(train_pairs=60, test_pairs=50, epochs=epochs, batch_size=10)
    monkeypatch.setattr(eager_study, "SETTINGS", few)
    with torch.enable_grad():
        return eager_study.run_round(name, 0, load_digits())


@pytest.mark.parametrize("name", eager_study.MODELS)
def test_a_round_of_the_eager_study_runs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trained, tested = small_round(monkeypatch, name, 1)
    assert 0 < trained < 1
    assert 0 < tested < 1


def test_the_eager_study_learns_its_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert small_round(monkeypatch, "conv-shared-explicit-digits", 25)[0] < 0.1


@pytest.mark.parametrize("name", eager_study.MODELS)
def test_its_models_have_as_many_parameters_as_ours(name: str) -> None:
    params, _ = MODELS[name].net.init(generator(0), (2, 14, 14))
    theirs = sum(weight.numel() for weight in eager_study.build(name).parameters())
    assert tree.size(params) == theirs
