"""The command line, as a user meets it; in a process of its own where the process is the point."""

import json
import re
import signal
import subprocess
import sys
import time

import pytest
from command import ask

import cli
from pairs.models import MODELS

QUICK = ["--epochs", "1", "--train-pairs", "20", "--test-pairs", "20"]


def start(*args, cwd=None):
    return subprocess.Popen(
        [sys.executable, cli.__file__, *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        start_new_session=True,
        # A shell's background job ignores Ctrl-C, and hands that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def run(*args):
    process = start(*args)
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in err
    return process.returncode, out, err


def test_pairs_runs_writes_and_resumes(tmp_path):
    args = ["pairs", "--models", "fc-separate,fc-shared", *QUICK, "--out", tmp_path / "r", "--save"]
    code, out, err = run(*args, "--rounds", 2)
    assert code == 0, err
    rows = [json.loads(line) for line in (tmp_path / "r" / "rounds.jsonl").read_text().splitlines()]
    assert {(row["model"], row["round"]) for row in rows} == {
        (m, i) for m in ("fc-separate", "fc-shared") for i in range(2)
    }
    assert set(rows[0]) == {
        "model",
        "round",
        "seed",
        "parameters",
        "epochs",
        "lr",
        "train_error",
        "test_error",
        "digit_error",
        "seconds",
        "calibration",
        "device",
        "stack",
    }
    assert "fc-shared" in out
    assert "sharing" in out
    models = {path.stem for path in (tmp_path / "r" / "models").iterdir()}
    assert models == {f"{row['model']}-{row['round']}" for row in rows}
    code, out, err = run(*args, "--rounds", 3)
    assert code == 0
    assert "Resuming: 4 rounds are there already." in err
    assert len((tmp_path / "r" / "rounds.jsonl").read_text().splitlines()) == 6
    summary = json.loads((tmp_path / "r" / "summary.json").read_text())
    assert [line["rounds"] for line in summary["models"]] == [3, 3]
    assert summary["effects"][0]["name"] == "sharing, equal parameters"
    code, _, err = ask(*args, "--seed", 1)
    assert code == 2
    assert "other settings (seed 0 where this run has 1)" in err


def test_list_shows_every_model():
    code, out, _ = ask("pairs", "--list")
    assert code == 0
    cells = [re.split(r" *│ *", line)[1:-1] for line in out.splitlines() if line.startswith("│")]
    assert [row[0] for row in cells] == list(MODELS)
    for name, size, tie, answer, losses, norm, epochs in cells:
        assert re.fullmatch(r"[\d,]{6,7}", size)
        if (factors := MODELS[name].factors) is not None:
            assert (tie, answer, losses, norm) == factors[2:] + factors[1:2]
            assert epochs == ("×2" if tie == "separate-long" else "")
        else:
            assert (tie, answer, losses, norm) == ("–",) * 4
            assert epochs == str(MODELS[name].recipe.epochs)
    # A rule between families, and between them and the champions.
    assert out.count("├") == 4
    assert "serial" not in out
    for heading in ("tie", "answer", "losses", "norm", "epochs", "champion"):
        assert re.search(rf"^{heading}: ", out, re.M)


def test_list_shows_the_structure_of_models_that_are_named():
    code, out, _ = ask("pairs", "--list", "--models", "fc-bn-shared*")
    assert code == 0
    assert len(re.findall(r"^fc-bn-\S+  [\d,]+ parameters: ", out, re.M)) == 5
    assert out.count("shared axis=-3") == 5
    assert len([line for line in out.splitlines() if line.startswith("│ fc-bn-shared")]) == 5


def test_list_is_json_too():
    code, out, _ = ask("pairs", "--list", "--json", "--models", "fc-separate-long,champion")
    assert code == 0
    separate, champion = json.loads(out)["models"]
    assert separate["parameters"] == 70_670
    assert (separate["tie"], separate["longer"], separate["epochs"]) == ("separate-long", 2, None)
    assert (champion["tie"], champion["longer"], champion["epochs"]) == (None, 1, 46)


def test_framework_learns_and_writes(tmp_path):
    code, out, err = ask(
        "framework", "--points", 200, "--epochs", 60, "--rounds", 2, "--out", tmp_path, "--activation", "tanh", "--hidden", "10"
    )  # fmt: skip
    assert code == 0, err
    assert re.search(r"test\s+│\s+[\d.]+ ± [\d.]+", out)
    record = json.loads((tmp_path / "framework.json").read_text())
    assert len(record["losses"]) == 60
    assert sum(record["losses"][-1]) < sum(record["losses"][0])


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["pairs", "--models", "conv-sharedaux"], 2, "did you mean conv-shared-aux"),
        (["pairs", "--rounds", "0"], 2, "should be greater than or equal to 1"),
        (["pairs", "--epochs", "-3"], 2, "should be greater than or equal to 1"),
        (["pairs", "--train-pairs", "20001"], 2, "train_count: expected an integer from 1 to 20000, got 20001; every third digit is kept for validation"),
        (["pairs", "--data-dir", "nowhere"], 2, "expected train-images-idx3-ubyte"),
        (["pairs", "--out", "/proc/nowhere"], 2, "expected a folder that can be written"),
        (["framework", "--hidden", "25,0"], 2, "expected widths of at least 1"),
        (["framework", "--hidden", "1000000000"], 2, "expected widths of at least 1 and at most 10000"),
        (["framework", "--points", "1000000000000"], 2, "should be less than or equal to 1000000"),
        (["framework", "--lr", "nan", "--epochs", "1"], 2, "should be greater than or equal to 0"),
        (["pairs", "--rounds", "1000000000"], 2, "should be less than or equal to 100000"),
        (["pairs", "--workers", "1000000"], 2, "should be less than or equal to 1024"),
        (["pairs", "--lr", "inf"], 2, "expected a number that is finite in float32, got inf"),
        (["pairs", "--aux-weight", "1e39"], 2, "finite in float32, got 1e+39"),
        (["pairs", "--batch-size", "100000000000000000000"], 2, "should be less than or equal to"),
        (["pairs", "--out", cli.__file__], 2, "expected a folder that can be written"),
        (["framework", "--hidden", "a"], 2, "expected integers separated by commas"),
        (["framework", "--activation", "gelu"], 2, "is not one of"),
        (["framework", "--momentum", "1"], 2, "expected momentum to be at least 0 and below 1"),
        (["framework", "--out", "/proc/nowhere"], 2, "expected a folder that can be written"),
        (["framework", "--lr", "1e9", "--epochs", "2", "--points", "50", "--rounds", "1"], 1, "round 0: the loss is no longer finite in epoch"),
        (["pairs", "--models", "fc-plain", "--lr", "1e30", "--batch-size", "5", "--rounds", "1", *QUICK], 1, "fc-plain, round 0: the loss is no longer finite after epoch 1"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence(args, code, words):
    got, _, err = ask(*args)
    assert got == code, err
    assert words in re.sub(r"[│\s]+", " ", err)
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["pairs", "--models", "conv-sharedaux"], 2, "did you mean conv-shared-aux"),
        (["framework", "--lr", "1e9", "--epochs", "2", "--points", "50", "--rounds", "1"], 1, "round 0: the loss is no longer finite in epoch"),
    ],
)  # fmt: skip
def test_a_process_ends_with_the_code_and_the_sentence(args, code, words):
    got, _, err = run(*args)
    assert got == code, err
    assert words in err


def test_ctrl_c_keeps_the_finished_rounds_and_says_how_to_resume(tmp_path):
    process = start("pairs", "--models", "fc-plain", "--rounds", 500, "--out", tmp_path)
    rows = tmp_path / "rounds.jsonl"
    for _ in range(600):
        if rows.exists() and rows.read_text().count("\n") >= 2:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    told, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "fc-plain" in told
    assert "same command" in err
    assert "Traceback" not in err
    kept = [json.loads(line) for line in rows.read_text().splitlines()]
    assert len(kept) >= 2
    assert json.loads((tmp_path / "summary.json").read_text())["models"][0]["rounds"] == len(kept)


def test_ctrl_c_without_a_folder_keeps_the_finished_rounds_in_one_that_it_names(tmp_path):
    args = ["pairs", "--models", "fc-plain", "--workers", 1]
    (tmp_path / "results" / "interrupted" / "1").mkdir(parents=True)  # from before
    process = start(*args, "--rounds", 500, cwd=tmp_path)
    heard = [process.stderr.readline() for _ in range(2)]
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert all("fc-plain, round" in line for line in heard)
    named = re.search(
        r"With --out (\S+), where they are kept now, the same command goes on\.", err
    )[1]
    assert named == "results/interrupted/2"
    rows = (tmp_path / named / "rounds.jsonl").read_text().splitlines()
    assert f"Interrupted: {len(rows)} rounds are finished." in err
    assert len(rows) >= 2
    out = tmp_path / named
    code, _, err = ask(*args, "--rounds", len(rows), "--out", out)
    assert (code, err) == (0, f"Resuming: {len(rows)} rounds are there already.\n")
