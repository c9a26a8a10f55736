"""The examples, run small: each says what it does and learns something."""

import json
import re
import runpy
import sys
from pathlib import Path

import pytest
import torch

from pairs.data import Pairs

FOLDER = Path(__file__).parent.parent / "examples"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))


def load(name):
    return runpy.run_path(str(FOLDER / f"{name}.py"))


@pytest.fixture
def said(capsys):
    """Run an example's main function and give back what it printed."""

    def run(name, **arguments):
        load(name)["main"](**{"seed": 0, **arguments})
        return capsys.readouterr().out

    return run


def number(pattern, text):
    (found,) = re.findall(pattern, text)
    return float(found)


def test_the_disc_is_learnt_and_both_styles_print_the_same(said):
    text = said("disc_functional", points=500, epochs=60)
    assert number(r"test error ([\d.]+)%", text) < 12
    losses = [float(loss) for loss in re.findall(r"loss ([\d.]+)", text)]
    assert len(losses) == 5
    assert losses[-1] < losses[0] / 1.3
    assert said("disc_modules", points=500, epochs=60) == text


def test_the_pairs_by_hand_learn_the_digits_and_the_answer(said):
    text = said("pairs_by_hand", count=500, epochs=8)
    assert number(r"1,000 test pairs: ([\d.]+)%", text) < 25
    assert number(r"for another: ([\d.]+)%", text) < 20


def test_the_swap_looks_its_answer_up_in_the_classes(rng):
    count = 400
    classes = torch.randint(10, (count, 2), generator=rng)
    images = torch.rand(count, 2, 14, 14, generator=rng)
    pairs = Pairs(images, (classes[:, 0] <= classes[:, 1]).long(), classes)
    shown = load("leaking_swap")["swapped"](pairs, rng)
    turned = (shown.images == images.flip(1)).all(-1).all(-1).all(-1)
    assert 0.4 < turned.double().mean() < 0.6
    kept = ~turned
    for one, other in zip(shown, pairs):
        assert torch.equal(one[kept], other[kept])
    assert torch.equal(shown.classes[turned], classes[turned].flip(1))
    assert torch.equal(shown.target, (shown.classes[:, 0] <= shown.classes[:, 1]).long())
    # The answer of a pair alone does not tell that of its swap.
    told = pairs.target[turned] == 1
    assert {*shown.target[turned][told].tolist()} == {0, 1}


def test_the_swap_is_measured_and_its_file_has_what_is_printed(said, tmp_path):
    path = tmp_path / "swap.json"
    arguments = {"rounds": 2, "count": 500, "epochs": 10}
    text = said("leaking_swap", **arguments, out=path)
    told = json.loads(path.read_text(encoding="utf-8"))
    assert told["settings"] == {"rounds": 2, "pairs": 500, "epochs": 10, "seed": 0}
    heads = re.findall(r"^(.+): conv-separate ([\d.]+) %, conv-shared ([\d.]+) %$", text, re.M)
    assert [head for head, *_ in heads] == ["without", "with the swap"]
    gains = re.findall(r"sharing: ([+-][\d.]+) points \[([+-][\d.]+), ([+-][\d.]+)\]", text)
    for (_, *shown), gain, kind in zip(heads, gains, ("none", "swap"), strict=True):
        errors = told[kind]["errors"]
        assert [f"{50 * sum(errors[name]):.1f}" for name in errors] == shown
        mean = sum(errors["conv-shared"]) / 2 - sum(errors["conv-separate"]) / 2
        assert told[kind]["sharing"]["mean"] == pytest.approx(mean)
        assert [f"{100 * bound:+.2f}" for bound in told[kind]["sharing"].values()] == [*gain]
        # Always to say "at most" is wrong in 45 of 100.
        assert max(max(found) for found in errors.values()) < 0.35
    assert told["none"]["errors"] != told["swap"]["errors"]


def test_the_ensemble_agrees_where_it_has_seen_points_alone(said):
    text = said("ensemble", networks=4, steps=500)
    rows = [line.split() for line in text.splitlines()[1:18]]
    assert [float(row[0]) for row in rows] == [i / 2 - 4 for i in range(17)]
    seen = [row for row in rows if "seen" in row]
    assert len(seen) == 10
    assert max(abs(float(row[1]) - float(row[2])) for row in seen) < 0.3
    assert max(float(row[3]) for row in seen) < float(rows[8][3])
    assert number(r"magnifies to (\S+)\.", text) < 1e-2


def test_the_best_of_many_rates_is_as_good_alone(said, tmp_path):
    path = tmp_path / "rates.svg"
    text = said("rates", rates=12, epochs=30, out=path)
    best, alone = re.search(r"test error ([\d.]+)%; alone it has ([\d.]+)%", text).groups()
    assert abs(float(best) - float(alone)) < 2
    assert float(best) < 12
    errors = [float(error) for error in re.findall(r"test error +([\d.]+)%$", text, re.M)]
    assert len(errors) == 12
    # Too small a rate has learnt nothing yet, too large a one nothing at all.
    assert min(errors[0], errors[-1]) > 25
    drawn = path.read_text(encoding="utf-8")
    assert drawn.startswith("<svg ")
    assert "Test error by learning rate" in drawn


def test_the_grammar_knows_its_own_entropy(rng):
    example = load("characters")
    texts, surprises = zip(*(example["write"]("text", rng) for _ in range(500)))
    nats, length = example["entropy"]("text")
    assert sum(surprises) / 500 == pytest.approx(nats, rel=0.05)
    assert sum(map(len, texts)) / 500 == pytest.approx(length, rel=0.05)
    assert all(re.fullmatch(example["pattern"]("text"), text) for text in texts)
    assert not re.fullmatch(example["pattern"]("text"), "the cats sleeps\n")


def test_characters_are_learnt_and_no_better_than_the_grammar_allows(said):
    text = said("characters", steps=120, hidden=32)
    loss, least = re.search(r"loss ([\d.]+), where the grammar itself has ([\d.]+)", text).groups()
    assert float(least) < float(loss) < 0.5
    right, written = re.search(r"after: (\d+) of (\d+) sentences", text).groups()
    assert int(right) > int(written) / 4


def test_a_layer_of_ones_own_is_checked_and_finds_what_the_usual_one_does_not(said):
    text = said("own_layer", steps=150)
    own, usual = re.findall(r"parameters, ([\d.]+)% of 2,000", text)
    assert float(own) < 10
    assert float(usual) > 30
    assert "check(wrong): wrong: expected the derivative at x to fit the values" in text


def test_the_circular_convolution_is_the_sum_that_it_says(rng):
    w, x = torch.randn(2, 5, generator=rng), torch.randn(3, 5, generator=rng)
    y, _ = load("own_layer")["circular"](2)(w, x)
    i = torch.arange(5)
    expected = torch.einsum("fj,bij->bfi", w, x[:, (i.unsqueeze(-1) - i) % 5])
    torch.testing.assert_close(y, expected)


def test_mnist_is_learnt_wherever_it_runs(said):
    text = said("on_cuda", epochs=1, digits=2000)
    first = text.splitlines()[0]
    assert first.startswith("Running on" if torch.cuda.is_available() else "PyTorch finds no CUDA")
    assert number(r"10,000 test digits: ([\d.]+)%", text) < 45


def test_an_example_is_a_script_that_refuses_nonsense(monkeypatch, capsys):
    script = str(FOLDER / "own_layer.py")
    monkeypatch.setattr(sys, "argv", [script, "--steps", "0"])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(script, run_name="__main__")
    assert end.value.code == 2
    err = capsys.readouterr().err
    assert "greater than or equal to 1" in re.sub(r"[│\s]+", " ", err)
    assert "Traceback" not in err


def test_the_readme_lists_every_example():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert sorted(set(re.findall(r"`(\w+)\.py`", text))) == NAMES
