"""Rounds of one model in one pass: each gives what it gives alone, and none disturbs another."""

import json
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from command import ask
from helpers import rounds_are

import cli
import pairs.descent as descent
import pairs.room as room_module
import pairs.study as study
from funcdl import InputError, tree
from pairs.data import Digits, Mnist
from pairs.model_file import load
from pairs.models import MODELS
from pairs.pool import _answer
from pairs.results import Results
from pairs.room import bytes_of, fitting, most_of
from pairs.rounds import begin, finished, learn, learnt, row_of, together, train_round
from pairs.study import Task, stacks, work
from pairs.training import Row, Settings, TrainingError
from pairs.watch import watch_round, watched
from studykit import devices
from studykit.devices import DeviceError
from studykit.memory import no_memory
from studykit.schema import named, read

QUICK = Settings(epochs=2, batch_size=20, train_pairs=50, test_pairs=40)
"""The last batch is a smaller one."""

KINDS = [
    *("fc-plain", "fc-bn-plain-aux", "fc-bn-separate-long-aux", "fc-shared-explicit-digits"),
    *("conv-plain-explicit", "conv-bn-separate", "conv-bn-shared-aux", "conv-bn-separate-wide-aux"),
]
"""Each backbone, norm, tie, answer and loss is in one or another."""

CUDA = pytest.param(
    "cuda",
    marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no CUDA here"),
)


def noise(count, seed):
    rng = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 14, 14), generator=rng).to(torch.uint8)
    labels = torch.randint(0, 10, (count,), generator=rng)
    images[torch.arange(count), labels] = 255
    return Digits(images, labels)


@pytest.fixture(scope="module")
def mnist():
    return Mnist(noise(300, 1), noise(200, 2))


def stack(name, settings, mnist, device="cpu"):
    """Rounds that start together, one a setting, not from the first."""
    starts = [begin(name, 5 + i, own, mnist) for i, own in enumerate(settings)]
    return together(starts, device)


def alike(one, other, settings, name, number):
    """Assert that two rounds are the same but for rounding."""
    ours, theirs = (tree.ravel(tree.map(torch.Tensor.cpu, own.params))[0] for own in (one, other))
    torch.testing.assert_close(ours, theirs, rtol=5e-3, atol=5e-4)
    row, alone = (row_of(name, number, settings, own) for own in (one, other))
    for key in ("train_error", "test_error"):
        assert abs(getattr(row, key) - getattr(alone, key)) <= 1.5 / settings.test_pairs
    rest = {"train_error": 0, "test_error": 0, "digit_error": None, "calibration": None}
    rest |= {"seconds": 0, "device": "cpu", "stack": 1}
    assert row._replace(**rest) == alone._replace(**rest)
    assert (row.digit_error is None) == (alone.digit_error is None)


@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize("name", KINDS)
def test_each_round_of_a_stack_is_what_it_is_alone(name, device, mnist):
    augment = "warp" if name == "fc-bn-plain-aux" else "shift"
    settings = QUICK._replace(augment=augment)
    with torch.inference_mode():
        found = learnt(stack(name, [settings] * 3, mnist, device))
        assert len(found) == 3
        for i, one in enumerate(found):
            assert (one.stack, one.scaling.mean.device.type) == (3, device)
            alike(one, train_round(name, 5 + i, settings, mnist), settings, name, 5 + i)
            row = row_of(name, 5 + i, settings, one)
            assert (row.device, row.stack) == (device, 3)
    one, two, _ = (tree.ravel(own.params)[0] for own in found)
    assert (one - two).abs().max() > 0.01


@pytest.mark.parametrize("device", ["cpu", CUDA])
def test_a_round_alone_on_a_device_is_a_stack_of_one(device, mnist):
    with torch.inference_mode():
        (found,) = learnt(stack("fc-bn-shared", [QUICK], mnist, device))
        alike(found, train_round("fc-bn-shared", 5, QUICK, mnist), QUICK, "fc-bn-shared", 5)


@pytest.mark.parametrize("device", ["cpu", CUDA])
def test_rates_and_weights_may_differ_within_a_stack(device, mnist):
    """As a sweep varies them; at weight 0 a model learns no digits."""
    name = "fc-bn-shared-aux"
    varied = [(0.01, 1.0), (0.001, 0.0), (0.03, 3.0)]
    settings = [QUICK._replace(lr=lr, aux_weight=weight) for lr, weight in varied]
    with torch.inference_mode():
        found = learnt(stack(name, settings, mnist, device))
        for i, (one, own) in enumerate(zip(found, settings)):
            alike(one, train_round(name, 5 + i, own, mnist), own, name, 5 + i)


@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize("name", ["fc-bn-shared-aux", "conv-plain"])
def test_a_model_that_diverges_fails_alone(name, device, mnist):
    settings = [QUICK._replace(lr=lr) for lr in (0.001, 1e30, 0.002)]
    with torch.inference_mode():
        one, lost, two = learnt(stack(name, settings, mnist, device))
        for i, own in ((0, one), (2, two)):
            alike(own, train_round(name, 5 + i, settings[i], mnist), settings[i], name, 5 + i)
        with pytest.raises(TrainingError) as alone:
            train_round(name, 6, settings[1], mnist)
    assert isinstance(lost, TrainingError)
    assert str(lost) == str(alone.value)
    assert str(lost).startswith(f"{name}, round 6: the loss is no longer finite after epoch ")


def test_a_stack_ends_with_the_epoch_in_which_the_last_model_diverges(mnist, monkeypatch):
    ever = QUICK._replace(lr=1e30, epochs=5)
    start = stack("fc-plain", [ever, ever], mnist)
    with torch.inference_mode():
        epochs = list(learn(start))
        assert 0 < len(epochs) < 5
        assert [*epochs[-1].lost] == [0, 1]
        monkeypatch.setattr("pairs.rounds.settled", None)  # there is nothing to measure
        assert all(isinstance(one, TrainingError) for one in finished(start, epochs[-1]))
        assert all(isinstance(one, TrainingError) for one in watched(start))


def test_a_stack_that_is_watched_tells_what_each_round_tells(mnist):
    name = "conv-bn-shared-aux"
    with torch.inference_mode():
        found = watched(stack(name, [QUICK] * 2, mnist))
        plain = learnt(stack(name, [QUICK] * 2, mnist))
        for i, (trained, details) in enumerate(found):
            same = map(torch.equal, tree.leaves(trained.params), tree.leaves(plain[i].params))
            assert all(same)
            _, alone = watch_round(name, 5 + i, QUICK, mnist)
            assert (details.model, details.round) == (name, 5 + i)
            assert details.losses == pytest.approx(alone.losses, rel=1e-2)
            assert details.test_errors == pytest.approx(alone.test_errors, abs=1.5 / 40)
            assert abs(len(details.mistakes) - len(alone.mistakes)) <= 1
            assert [kind[0] for kind in details.kinds] == [kind[0] for kind in alone.kinds]


def test_the_share_of_the_time_is_each_rounds(mnist, monkeypatch):
    start = stack("fc-plain", [QUICK] * 4, mnist)
    monkeypatch.setattr("pairs.rounds.time.perf_counter", lambda: 0.0)
    epoch = start.epoch._replace(seconds=6.0)
    assert [one.seconds for one in finished(start, epoch)] == [1.5] * 4


def test_what_draws_in_its_network_is_not_stacked(mnist):
    """What dropout draws for several networks at once is not what it draws for each alone."""
    settings = Settings(train_pairs=20, test_pairs=20)
    with pytest.raises(InputError, match=r"^champion: expected one round at a time, got 2$"):
        stack("champion", [settings] * 2, mnist)
    for name, model in MODELS.items():
        assert model.stackable == (not name.startswith("champion"))


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_model_can_be_captured(name, mnist, monkeypatch):
    """A capture that only calls: no layer has to be called as it is, nothing is on two devices."""
    made = []

    def capture_on(device, *generators):
        def capture(calls):
            calls()  # as often as it likes
            return lambda: (made.append(1), calls())

        return capture

    settings = QUICK._replace(epochs=1, train_pairs=50)
    with torch.inference_mode():
        plain = learnt(stack(name, [settings] * 2, mnist))
        monkeypatch.setattr(descent, "capture_on", capture_on)
        found = learnt(stack(name, [settings] * 2, mnist))
    assert made
    for one, other in zip(found, plain):
        torch.testing.assert_close(tree.ravel(one.params)[0], tree.ravel(other.params)[0])


# Tasks.


def test_stacks_hold_each_task_once_in_the_order_of_their_first(mnist):
    names = ["fc-plain", "champion", "conv-plain"]
    other = QUICK._replace(epochs=9)
    tasks = [Task(name, i, own) for own in (QUICK, other) for i in range(5) for name in names]
    assert stacks(tasks, lambda task: 1) == [(task,) for task in tasks]
    found = stacks(tasks, lambda task: 3 if task.model == "fc-plain" else 2)
    assert sorted(task for one in found for task in one) == sorted(tasks)
    firsts = [tasks.index(one[0]) for one in found]
    assert firsts == sorted(firsts)
    sizes = {}
    for one in found:
        assert len({(task.model, task.settings) for task in one}) == 1
        sizes.setdefault((one[0].model, one[0].settings.epochs), []).append(len(one))
    assert sizes["fc-plain", 2] == sizes["fc-plain", 9] == [3, 2]
    assert sizes["conv-plain", 2] == [2, 2, 1]
    assert sizes["champion", 2] == [1] * 5


def test_values_of_a_sweep_share_a_stack_where_shapes_allow():
    for change, one_pass in [
        ({"lr": 0.5}, True),
        ({"aux_weight": 3.0}, True),
        ({"train_pairs": 10}, False),
        ({"batch_size": 10}, False),
        ({"epochs": 7}, False),
        ({"augment": "warp"}, False),
    ]:
        tasks = [Task("fc-plain-aux", 0, QUICK), Task("fc-plain-aux", 0, QUICK._replace(**change))]
        assert len(stacks(tasks, lambda task: 9)) == (1 if one_pass else 2), change


def in_turn(function, tasks, stop):
    """Workers that work here, one after the other."""
    for task in tasks:
        try:
            yield task, function(task)
        except Exception as error:
            yield task, error


@pytest.fixture
def small(monkeypatch, mnist):
    """A device that has no room for more than two rounds; the stacks that were tried."""
    tried, real = [], study.together

    def crowded(starts, device):
        tried.append(len(starts))
        if len(starts) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return real(starts, device)

    monkeypatch.setattr(study, "together", crowded)
    monkeypatch.setattr(study, "digits", lambda data_dir: mnist)
    return tried


def test_out_of_memory_halves_the_stack_and_goes_on(small):
    tasks = study.missing({QUICK: Results(None, QUICK, "package")}, ["fc-plain"], 7)
    found = dict(study.run(tasks, in_turn, most=lambda task: 5))
    assert small == [5, 2, 3, 2, 2, 1]  # the others first, then the halves, and half of these
    assert sorted(found) == tasks
    assert sorted(done.row.stack for done in found.values()) == [1, 2, 2, 2, 2, 2, 2]


def test_one_round_that_has_no_room_is_the_end(small, monkeypatch):
    def none(starts, device):
        small.append(len(starts))
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(study, "together", none)
    with pytest.raises(torch.OutOfMemoryError):
        list(study.run([Task("fc-plain", i, QUICK) for i in range(2)], in_turn, most=lambda t: 2))
    assert small == [2, 1]


def test_another_error_is_not_tried_again(small, monkeypatch):
    def wrong(starts, device):
        small.append(len(starts))
        raise ValueError("wrong")

    monkeypatch.setattr(study, "together", wrong)
    with pytest.raises(ValueError, match="wrong"):
        list(study.run([Task("fc-plain", i, QUICK) for i in range(2)], in_turn, most=lambda t: 2))
    assert small == [2]


def test_out_of_memory_is_known_when_it_comes_from_a_worker():
    def full(task):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    assert no_memory(pickle.loads(_answer(full, ())))
    assert not no_memory(pickle.loads(_answer(lambda task: 1 / 0, ())))


def test_a_stack_gives_the_error_of_the_round_that_failed_and_the_others(mnist, monkeypatch):
    monkeypatch.setattr(study, "digits", lambda data_dir: mnist)
    settings = [QUICK, QUICK._replace(lr=1e30), QUICK]
    tasks = tuple(Task("fc-shared-aux", i, own) for i, own in enumerate(settings))
    for watching in (False, True):
        one, lost, two = work(tasks, None, watched=watching)
        assert isinstance(lost, TrainingError)
        assert "fc-shared-aux, round 1: " in str(lost)
        assert [done.row.round for done in (one, two)] == [0, 2]
        assert (one.details is not None) == watching


def test_the_models_of_a_stack_are_kept_each_for_itself(mnist, tmp_path, monkeypatch):
    pytest.importorskip("safetensors", reason="needs the extra compare")
    monkeypatch.setattr(study, "digits", lambda data_dir: mnist)
    for name in ("fc-shared", "fc-bn-shared-aux"):
        found = work(tuple(Task(name, i, QUICK) for i in range(2)), None, saved=True)
        for i, done in enumerate(found):
            path = tmp_path / f"{name}-{i}.safetensors"
            path.write_bytes(done.model)
            kept, alone = load(path), train_round(name, i, QUICK, mnist)
            assert kept.about["round"] == i
            assert kept.mean == pytest.approx(float(alone.scaling.mean))
            ours, theirs = (tree.ravel(own.params)[0] for own in (kept, alone))
            torch.testing.assert_close(ours, theirs, rtol=5e-3, atol=5e-4)


def test_a_worker_without_the_device_does_the_rounds_one_by_one(mnist, monkeypatch):
    """As that of a cluster may be."""
    monkeypatch.setattr(study, "digits", lambda data_dir: mnist)
    monkeypatch.setattr(study, "here", lambda device: "cpu")
    found = work((Task("fc-plain", 0, QUICK), Task("fc-plain", 1, QUICK)), None, device="cuda")
    assert [(done.row.round, done.row.device, done.row.stack) for done in found] == [
        (0, "cpu", 1),
        (1, "cpu", 1),
    ]


def test_those_who_work_on_cuda_are_not_forked():
    """It does not bear it; and the numbers are the same."""
    tasks = [Task("fc-plain", i, QUICK) for i in range(2)]
    found = []
    for device in ("cpu", "cuda"):
        with study.pool(1, None, device) as workers:
            found.append([done.row for _, done in study.run(tasks, workers, most=lambda t: 2)])
    one, two = ([row._replace(seconds=0) for row in rows] for rows in found)
    assert one == two
    assert [row.stack for row in one] == [2, 2]


# Room.


def test_a_processor_has_rounds_alone_and_a_cluster_some(monkeypatch):
    monkeypatch.setattr(room_module, "free", None)
    task = Task("conv-shared", 0, Settings())
    assert most_of("cpu")(task) == most_of("cpu", remote=True)(task) == 1
    assert most_of("cpu", 7)(task) == most_of("cuda", 7, remote=True)(task) == 7
    assert most_of("cuda", remote=True)(task) == 100


def test_a_device_gets_as_many_rounds_as_fit(monkeypatch):
    task, gib = Task("conv-bn-shared", 0, Settings()), 1 << 30
    monkeypatch.setattr(room_module, "free", lambda device: 4 * gib)
    needed = bytes_of("conv-bn-shared", Settings())
    assert most_of("cuda")(task) == int(0.8 * 4 * gib) // needed > 10
    assert most_of("cuda", workers=2)(task) == int(0.4 * 4 * gib) // needed
    assert most_of("cuda", 3)(task) == 3
    assert most_of("cuda")(task._replace(model="champion")) == 1
    assert most_of("cuda")(task._replace(settings=Settings(batch_size=200))) < most_of("cuda")(task)
    assert fitting("cuda", "fc-plain", Settings(), 10**15) == 1000
    monkeypatch.setattr(room_module, "free", lambda device: 10_000_000)
    for asked in (None, 1):
        with pytest.raises(DeviceError, match=r"^cuda: expected \d+ MB for a round of conv-bn-"):
            most_of("cuda", asked)(task)


@pytest.mark.parametrize(
    ("device", "built", "count", "said"),
    [
        ("cuda", None, 0, "cuda: expected a PyTorch with CUDA, got "),
        ("cuda", "13.0", 0, "cuda: expected a CUDA device, PyTorch finds none"),
        ("cuda:1", "13.0", 1, "cuda:1: expected a CUDA device that is there, cuda:0"),
        ("cuda:4", "13.0", 4, "cuda:4: expected a CUDA device that is there, cuda:0 to cuda:3"),
    ],
)
def test_a_device_that_is_not_there_is_one_sentence(device, built, count, said, monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", built)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    with pytest.raises(DeviceError) as caught:
        devices.check(device)
    assert str(caught.value).startswith(said)
    assert devices.here(device) == "cpu"
    if count:
        devices.check("cuda")
        assert devices.here(f"cuda:{count - 1}") == f"cuda:{count - 1}"


def test_a_device_that_cannot_be_used_is_one_sentence(monkeypatch):
    def broken(device):
        raise RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported")

    monkeypatch.setattr(torch.cuda, "mem_get_info", broken)
    said = "^cuda: expected a device that can be used, got: CUDA error: out of memory$"
    with pytest.raises(DeviceError, match=said):
        devices.free("cuda")


# On the command line.

ARGS = ["--epochs", "1", "--train-pairs", "50", "--test-pairs", "50", "--workers", "1"]


def rows(folder):
    path = Path(folder) / "rounds.jsonl"
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.split("\n")[:-1]]


def run(*args):
    code, out, err = ask(*args, COLUMNS="80")
    return code, out + err


def test_rows_say_device_and_stack_and_those_from_before_are_read(tmp_path):
    args = ["pairs", "--models", "fc-plain,fc-bn-shared-aux", *ARGS, "--out", tmp_path]
    code, output = run(*args, "--rounds", 3, "--stack", 2)
    assert code == 0, output
    found = rows(tmp_path)
    assert [(row["round"], row["stack"]) for row in found if row["model"] == "fc-plain"] == [
        (0, 2),
        (1, 2),
        (2, 1),
    ]
    assert {row["device"] for row in found} == {"cpu"}
    # Half of them as an earlier version wrote them: the same command goes on, stacked otherwise.
    old = [{key: row[key] for key in row if key not in ("device", "stack")} for row in found[:3]]
    lines = "".join(json.dumps(row) + "\n" for row in old)
    (tmp_path / "rounds.jsonl").write_text(lines)
    assert read(Row, old[0], "row")[-2:] == ("cpu", 1)
    code, output = run(*args, "--rounds", 3, "--stack", 3)
    assert code == 0, output
    again = {(row["model"], row["round"]): row for row in rows(tmp_path)}
    assert len(rows(tmp_path)) == len(again) == 6
    for row in found:
        other = again[row["model"], row["round"]]
        assert other["test_error"] == pytest.approx(row["test_error"], abs=0.03)


def test_a_sweep_of_the_rate_is_one_stack(tmp_path):
    args = ["sweep", "lr", "--values", "0.001,0.01", "--models", "fc-plain", "--rounds", 2]
    args += ["--epochs", 1, "--train-pairs", 50, "--test-pairs", 50, "--workers", 1]
    for name, count in (("one", 4), ("each", 1)):
        code, output = run(*args, "--stack", count, "--out", tmp_path / name)
        assert code == 0, output
    for value in ("0.001", "0.01"):
        one, each = (rows(tmp_path / name / f"lr-{value}") for name in ("one", "each"))
        assert [row["stack"] for row in one] == [4, 4]
        for row, alone in zip(one, each, strict=True):
            assert (row["round"], row["lr"]) == (alone["round"], alone["lr"])
            assert row["test_error"] == pytest.approx(alone["test_error"], abs=0.03)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--device", "gpu"], "expected the device cpu, cuda or one such as cuda:1, got 'gpu'"),
        (["--device", "cuda:-1"], "expected the device cpu, cuda or one such as"),
        (["--device", ""], "expected the device cpu, cuda or one such as"),
        (["--stack", "0"], "--stack"),
        (["--stack", "many"], "--stack"),
    ],
)
def test_bad_input_is_one_sentence_before_any_work(tmp_path, args, said):
    for command in (["pairs"], ["sweep", "epochs"]):
        code, output = run(*command, *args, "--out", tmp_path / "out")
        assert code == 2
        assert said in " ".join(output.replace("│", " ").split())
        assert not (tmp_path / "out").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")
@pytest.mark.parametrize("command", [["pairs"], ["sweep", "epochs"]])
def test_cuda_where_there_is_none_is_one_sentence_and_code_2(tmp_path, command):
    code, out, err = ask(*command, "--device", "cuda", "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert err.startswith("Error: cuda: expected a ")
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_an_end_in_the_middle_loses_at_most_the_stack_under_way(tmp_path, end):
    args = [cli.__file__, "pairs", "--models", "fc-plain", *ARGS, "--stack", "3"]
    args += ["--out", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, *args, "--rounds", "999"], stderr=subprocess.PIPE, text=True
    )
    late = time.monotonic() + 300
    while len(rows(tmp_path)) < 4 and time.monotonic() < late:
        time.sleep(0.05)
    process.send_signal(end)
    _, err = process.communicate(timeout=300)
    kept = len(rows(tmp_path))
    assert kept >= 4
    if end == signal.SIGINT:
        assert process.returncode == 130
        assert kept % 3 == 0
        assert f"Interrupted: {rounds_are(kept)} finished." in " ".join(err.split())
    more = kept + 2
    ended = subprocess.run(
        [sys.executable, *args, "--rounds", str(more)], capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    assert sorted(row["round"] for row in rows(tmp_path)) == list(range(more))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no CUDA here")
def test_the_study_on_cuda(tmp_path):
    args = ["pairs", "--models", "conv-bn-shared-aux", "--rounds", 3, *ARGS, "--out", tmp_path]
    code, output = run(*args, "--device", "cuda")
    assert code == 0, output
    assert {(row["device"], row["stack"]) for row in rows(tmp_path)} == {("cuda", 3)}


def test_a_row_of_a_stack_goes_out_and_in(mnist):
    with torch.inference_mode():
        (trained, _) = learnt(stack("fc-plain", [QUICK] * 2, mnist))
    row = row_of("fc-plain", 5, QUICK, trained)
    assert read(Row, json.loads(json.dumps(named(row))), "row") == row
