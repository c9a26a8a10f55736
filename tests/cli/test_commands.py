"""What all commands have in common: help, options from a file, JSON, quiet, colours, progress."""

import json
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import termios
from fcntl import ioctl
from functools import partial

import pytest
import torch
import typer
from command import ask as run
from typer.testing import CliRunner

import cli
import funcdl
from funcdl import cases
from funcdl_cli import bench, check, console, main, options
from pairs.models import MODELS
from pairs.study import run as do_rounds

COMMANDS = ["pairs", "sweep", "framework", "report", "compare", "draw", "check", "learn", "bench"]
QUICK = ["--models", "fc-plain", "--rounds", "1", "--epochs", "1", "--train-pairs", "20", "--test-pairs", "20", "--workers", "1"]  # fmt: skip
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9\d|10\d)(?:;\d+)*m")


def on_terminal(columns, *args, **environment):
    """Run the command line on a terminal of so many columns: its exit code, and all it writes."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    names = {"COLUMNS", "NO_COLOR", "FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS"}
    kept = {key: value for key, value in os.environ.items() if key not in names}
    process = subprocess.Popen(
        [sys.executable, cli.__file__, *args],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**kept, "TERM": "xterm-256color", **environment},
    )
    os.close(theirs)
    parts = []
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        parts.append(part)
    os.close(ours)
    return process.wait(timeout=120), b"".join(parts).decode()


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_and_its_examples_are_whole_lines(command, columns):
    shown = CliRunner().invoke(cli.app, [command, "--help"], env={"COLUMNS": str(columns)})
    assert shown.exit_code == 0
    lines = shown.output.splitlines()
    assert max(map(len, lines)) <= columns
    examples = [line.strip() for line in lines if line.strip().startswith("funcdl-cli ")]
    assert len(examples) >= 2
    assert not COLOUR.search(shown.output)
    for word in ("\\[", "[bold]"):
        assert word not in shown.output


def test_every_option_of_an_example_is_one_of_its_command():
    group = typer.main.get_command(cli.app)
    modules = [getattr(main, name) for name in COMMANDS]
    lines = [line for module in modules for line in module.EXAMPLES]
    for line in lines:
        for part in line.split(" && "):
            _, name, *words = shlex.split(part.partition(" >")[0])
            known = {opt for param in group.commands[name].params for opt in param.opts}
            assert {word for word in words if word.startswith("--")} <= known, line


def test_options_are_in_panels():
    shown = CliRunner().invoke(cli.app, ["pairs", "--help"], env={"COLUMNS": "80"}).output
    panels = (options.RUN, options.TRAINING, options.DATA, options.WHERE, options.RESULTS)
    places = [shown.index(f"─ {panel} ─") for panel in panels]
    assert places == sorted(places)


def test_the_help_ends_with_the_exit_codes():
    shown = CliRunner().invoke(cli.app, ["--help"], env={"COLUMNS": "80"}).output
    said = shown[shown.index("Exit codes") :].splitlines()[1:]
    assert [line.split()[0] for line in said if line.strip()] == ["0", "1", "2", "130"]


def test_version_names_all_three():
    code, out, _ = run("--version")
    assert code == 0
    assert re.fullmatch(rf"funcdl .+, torch {re.escape(torch.__version__)}, python 3\.\S+\n", out)


def test_names_of_models_are_completed():
    kinds = ["aux", "explicit", "explicit-aux", "explicit-digits"]
    assert options.complete_models("fc-plain,conv-shared-") == [
        f"fc-plain,conv-shared-{kind}" for kind in kinds
    ]
    assert options.complete_models("") == [*MODELS, "all"]
    assert options.complete_models("fc-plain,a") == []


def refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


def test_json_of_pairs_is_the_summary_and_alone(tmp_path):
    code, out, err = run("pairs", *QUICK, "--json", "--out", tmp_path)
    assert code == 0, err
    document = json.loads(out, parse_constant=refuse)
    assert document == json.loads((tmp_path / "summary.json").read_text())
    assert out.isascii()
    assert "fc-plain, round 0: test error" in err


def test_json_of_a_sweep_has_a_study_for_each_value(tmp_path):
    few = [*QUICK[:4], *QUICK[6:]]
    code, out, err = run("sweep", "epochs", "--values", "2,1", *few, "--json", "--out", tmp_path)
    assert code == 0, err
    document = json.loads(out, parse_constant=refuse)
    assert document["setting"] == "epochs"
    assert [(study.pop("value"), study["settings"]["epochs"]) for study in document["studies"]] == [
        (1, 1),
        (2, 2),
    ]
    for value, study in zip((1, 2), document["studies"]):
        summary = tmp_path / f"epochs-{value}" / "summary.json"
        assert study == json.loads(summary.read_text())


def test_json_of_the_disc_is_its_file_even_where_a_loss_is_no_number(tmp_path):
    args = ["framework", "--points", 20, "--epochs", 3, "--rounds", 2, "--hidden", 4, "--json"]
    code, out, _ = run(*args, "--out", tmp_path)
    assert code == 0
    document = json.loads(out, parse_constant=refuse)
    assert document == json.loads((tmp_path / "framework.json").read_text())
    code, out, err = run(*args, "--lr", "1e30")
    assert code == 1
    assert json.loads(out, parse_constant=refuse)["diverged"]
    assert "Error: round 0" in err


def test_json_of_a_comparison(tmp_path):
    image = pytest.importorskip("PIL.Image")
    picture = image.new("L", (20, 20), 255)
    picture.paste(0, (9, 3, 12, 17))
    picture.save(tmp_path / "1.png")
    code, out, err = run("compare", tmp_path / "1.png", tmp_path / "1.png", "--json")
    assert code == 0, err
    document = json.loads(out, parse_constant=refuse)
    assert 0.5 < document["at_most"] <= 1
    assert len(document["left"]["digits"]) == 10
    assert all(
        digits[1] == max(digits)
        for digits in (document[side]["digits"] for side in ("left", "right"))
    )


def test_quiet_leaves_the_result_and_the_errors():
    code, out, err = run("framework", "--points", 20, "--epochs", 2, "--rounds", 1, "--quiet")
    assert (code, err) == (0, "")
    assert "error %" in out
    code, _, err = run("framework", "--points", 20, "--epochs", 2, "--rounds", 1)
    assert "epoch 1: loss" in err
    code, out, err = run("framework", "--points", 20, "--epochs", 2, "--lr", "1e30", "-q")
    assert code == 1
    assert err.startswith("Error: round 0")


def test_a_terminal_of_40_columns_has_progress_that_fits_and_a_table_that_is_whole():
    code, out = on_terminal(40, "check", "--only", "linear,global_max_pool2d")
    assert code == 0
    bars = [re.sub(r"\x1b\[[\d;?]*\w", "", line) for line in out.split("\x1b[2K")[1:-1]]
    assert any("1/2" in bar or "2/2" in bar for bar in bars)
    assert max(len(bar.splitlines()[0]) for bar in bars) <= 40
    assert COLOUR.search(out)
    assert "global_max_pool2d" in out
    assert "…" not in out


@pytest.fixture
def terminal(monkeypatch):
    """Run the command line on a terminal, as far as this process can tell."""
    monkeypatch.setattr(console.notes, "is_interactive", True)
    return partial(run, terminal=True, TERM="xterm-256color", COLUMNS="80")


def test_a_terminal_has_a_bar_in_place_of_a_line_a_round(terminal):
    code, _, err = terminal("pairs", *QUICK)
    assert code == 0
    assert re.search(r"fc-plain: \d+\.\d% wrong", err)
    assert "1/1" in err
    assert "test error" not in err


@pytest.mark.parametrize(
    "environment", [{"NO_COLOR": "1"}, {"TERM": "dumb", "PYTHONIOENCODING": "ascii"}]
)
def test_no_colour_where_none_is_wanted(environment):
    code, out = on_terminal(80, "check", "--only", "linear", **environment)
    assert code == 0
    assert "pass" in out
    assert not COLOUR.search(out)
    if environment.get("TERM") == "dumb":
        assert "\x1b" not in out
        assert out.isascii()


@pytest.mark.parametrize("take", [lambda: torch.empty(1 << 60), lambda: bytearray(1 << 60)])
def test_what_no_memory_holds_is_one_sentence_and_keeps_the_rounds(tmp_path, monkeypatch, take):
    def cut(tasks, *rest, **options):
        yield from do_rounds(tasks[:1], *rest, **options)
        take()

    monkeypatch.setattr("pairs.study.run", cut)
    code, out, err = run("pairs", *QUICK[:2], *QUICK[4:], "--rounds", 2, "--out", tmp_path)
    assert (code, "fc-plain" in out) == (1, True)
    said = "Error: there is not enough memory for this; the finished rounds are kept."
    assert err.splitlines()[1:] == [said]
    assert len((tmp_path / "rounds.jsonl").read_text().splitlines()) == 1
    assert json.loads((tmp_path / "summary.json").read_text())["models"][0]["rounds"] == 1


def test_a_mistake_of_ours_is_not_put_in_a_sentence(monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("a bug")

    monkeypatch.setattr("pairs.study.run", fail)
    monkeypatch.setattr(sys, "argv", ["funcdl-cli", "pairs", *QUICK])
    with pytest.raises(RuntimeError, match=r"^a bug$"):
        cli.main()


def config(folder, text):
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_gives_options_and_flags_go_before(tmp_path):
    path = config(
        tmp_path,
        """
        [framework]
        points = 30
        hidden = [4, 3]
        activation = "tanh"
        epochs = 2
        lr = 1
        rounds = 3
        json = true
        [pairs]
        save = false
        """,
    )
    code, out, err = run("framework", "--config", path, "--epochs", 1)
    assert code == 0, err
    settings = json.loads(out)["settings"]
    assert settings["points"] == 30
    assert settings["hidden"] == [4, 3]
    assert settings["activation"] == "tanh"
    assert (settings["epochs"], settings["lr"], settings["rounds"]) == (1, 1, 3)


def test_a_file_gives_what_a_command_cannot_do_without(tmp_path):
    text = f"""
        [sweep]
        out = "{tmp_path / "s"}"
        values = [1, 2]
        models = ["fc-plain"]
        rounds = 1
        train-pairs = 20
        test-pairs = 20
        workers = 1
    """
    code, _, err = run("sweep", "epochs", "--config", config(tmp_path, text))
    assert code == 0, err
    assert (tmp_path / "s" / "epochs-2" / "rounds.jsonl").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[pairs]\nrounds = 'ten'", "pairs.rounds: expected an integer, got 'ten'"),
        ("[pairs]\nrounds = true", "pairs.rounds: expected an integer, got True"),
        ("[pairs]\nrounds = 1.0", "pairs.rounds: expected an integer, got 1.0"),
        ("[pairs]\nrounds = 0", "pairs.rounds: "),
        ("[pairs]\nlr = 'x'", "pairs.lr: expected a finite number, got 'x'"),
        ("[pairs]\nlr = inf", "pairs.lr: expected a finite number, got inf"),
        ("[pairs]\nlr = nan", "pairs.lr: expected a finite number, got nan"),
        ("[pairs]\nsave = 1", "pairs.save: expected true or false, got 1"),
        ("[pairs]\nout = 3", "pairs.out: expected a string, got 3"),
        ("[pairs]\nmodels = [1979-05-27]", "pairs.models: expected a string, got ["),
        ("[pairs]\nround = 1", "pairs.round: expected one of the options augment, aux-weight, "),
        ("[pairs]\nconfig = 'a'", "pairs.config: expected one of the options"),
        ("[pear]", "pear: expected a table of bench, check, compare, draw"),
        ("pairs = 1", "pairs: expected a table, got 1"),
        ("[pairs", "expected TOML in UTF-8, got: "),
        ("x = " + "[" * 5000, "expected TOML in UTF-8, got: "),
        ("[pairs]\nrounds = " + "9" * 6000, "expected TOML in UTF-8, got: "),
    ],
)
def test_a_file_that_is_wrong_is_one_sentence_with_file_and_key(tmp_path, text, words):
    path = config(tmp_path, text)
    code, out, err = run("pairs", "--config", path)
    assert (code, out) == (2, "")
    assert err.startswith(f"Error: {path}: {words}")
    assert err.count("\n") == 1


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path):
    (tmp_path / "bytes.toml").write_bytes(b"\xff")
    for path in (tmp_path / "none.toml", tmp_path, tmp_path / "bytes.toml"):
        code, out, err = run("check", "--config", path)
        assert (code, out) == (2, "")
        assert err.startswith(f"Error: {path}: expected ")
        assert err.count("\n") == 1


def test_check_passes():
    code, out, err = run("check", "--json", "--seed", 3)
    assert code == 0, err
    found = json.loads(out, parse_constant=refuse)["checks"]
    names = [case.name for case in cases.CASES]
    assert [one["name"] for one in found] == list(dict.fromkeys(names))
    assert [one["cases"] for one in found] == [names.count(one["name"]) for one in found]
    assert all(one["failure"] is None and 0 <= one["error"] < 1e-6 for one in found)


def test_check_tells_of_a_wrong_derivative(monkeypatch):
    wrong = funcdl.layer(lambda p, x: (x**3, lambda dy: ((), dy * 2 * x**2)), None, "wrong")
    wrong = funcdl.serial(wrong)
    rows = [cases.Case(net, (4, 3)) for net in (funcdl.serial(), wrong, funcdl.linear(2))]
    monkeypatch.setattr(check, "CASES", [cases.Case(funcdl.relu, (4, 3)), *rows])
    code, out, err = run("check")
    assert code == 1
    assert "2 of 3 fit" in out
    assert out.count("FAIL") == 1  # of two rows of serial, one
    assert re.search(r"^Error: .*expected the derivative at x to fit the values", err, re.M)
    code, out, _ = run("check", "--json")
    assert code == 1
    assert [one["error"] is None for one in json.loads(out)["checks"]] == [False, True, False]


def test_check_refuses_a_name_that_it_does_not_have():
    code, _, err = run("check", "--only", "linear,convolution")
    assert code == 2
    assert "got 'convolution'" in re.sub(r"[│\s]+", " ", err)


def test_bench_measures_every_way_at_every_size(monkeypatch):
    monkeypatch.setattr(bench, "REPEATS", 1)
    monkeypatch.setattr(bench, "SECONDS", 1e-6)
    code, out, err = run("bench", "--json")
    assert code == 0, err
    document = json.loads(out, parse_constant=refuse)
    sizes = [row["name"].rpartition(" ")[2] for row in document["steps"]]
    assert sizes == ["10", "100", "1000", "100"]
    for row in document["steps"]:
        assert row["eager"]["ratio"] == 1
        assert all(row[way]["seconds"] > 0 for way in ("plain", "staged", "eager"))
    assert document["machine"]["threads"] == 1
    code, out, err = run("bench")
    *table, told = out.splitlines()
    assert max(map(len, table)) <= 80
    assert told == ", ".join(
        f"{key} {value}" for key, value in {**document["versions"], **document["machine"]}.items()
    )
    assert err.splitlines() == [f"measuring {row['name']}" for row in document["steps"]]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_bench_refuses_a_device_that_there_is_not():
    code, out, err = run("bench", "--device", "cuda")
    assert (code, out) == (2, "")
    assert "cuda: expected a " in err
    assert "Traceback" not in err


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_bench_measures_a_captured_step_on_cuda(monkeypatch):
    monkeypatch.setattr(bench, "REPEATS", 1)
    monkeypatch.setattr(bench, "SECONDS", 1e-6)
    code, out, err = run("bench", "--json", "--device", "cuda")
    assert code == 0, err
    for row in json.loads(out)["steps"]:
        assert all(row[way]["seconds"] > 0 for way in ("plain", "staged", "captured", "eager"))


def test_bench_on_a_terminal_names_what_it_measures_on_the_bar(monkeypatch, terminal):
    monkeypatch.setattr(bench, "REPEATS", 1)
    monkeypatch.setattr(bench, "SECONDS", 1e-6)
    first = bench.workloads()[:1]
    monkeypatch.setattr(bench, "workloads", lambda: first)
    code, out, err = terminal("bench")
    assert code == 0
    assert "2-25-25-25-2, batch 10 " in out
    assert "2-25-25-25-2, batch 10 " in err
    assert "1/1" in err
    assert "measuring" not in err


def test_bench_compares_the_same_networks():
    for load in bench.workloads():
        params, out_shape = load.net.init(torch.Generator().manual_seed(0), load.in_shape)
        theirs = sum(p.numel() for p in load.theirs.parameters())
        assert funcdl.tree.size(params) == theirs
        (shape,) = out_shape if load.wrapped else (out_shape,)
        assert load.theirs(load.x).shape == (len(load.x), *shape)
    load = bench.workloads()[1]
    like, _ = load.net.init(torch.Generator(), load.in_shape)
    params = funcdl.from_torch(load.theirs, like)
    value, _ = funcdl.supervised(load.net, load.loss)(params, (load.x, load.target))
    torch.testing.assert_close(value, load.criterion(load.theirs(load.x), load.target))
    with torch.enable_grad():
        step = bench.eager(load)
        first, second = float(step()), float(step())
    assert second < first
    ours = bench.ours(load, "staged")
    assert float(ours().clone()) > float(ours())
