"""The exercises: stubs fail, model solutions pass, wrong ones are caught; and nothing harms the grading."""

import json
import re
from pathlib import Path

import pytest
from command import ask as run

from funcdl_learn import mutants
from funcdl_learn.course import CourseError, course, find, teacher
from funcdl_learn.folder import KEPT, NEW, SAME, start, states
from funcdl_learn.grader import FAILED, PASSED, TODO
from funcdl_learn.prove import broken, prove
from funcdl_learn.run import graders

EXERCISES = {exercise.key: exercise for exercise in course()}
QUICK = [key for key, exercise in EXERCISES.items() if not teacher(exercise.place).untried]
TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"


@pytest.fixture(scope="module")
def ask():
    with graders() as asked:
        yield asked


@pytest.mark.parametrize("key", EXERCISES)
def test_the_stub_is_to_do_and_the_model_solution_passes(key, ask):
    exercise = EXERCISES[key]
    assert ask(exercise, exercise.stub).state == TODO
    solved = ask(exercise, exercise.solution)
    assert solved.state == PASSED, solved.sentence


@pytest.mark.parametrize("key", QUICK)
def test_every_wrong_solution_is_caught_in_one_sentence(key, ask):
    exercise = EXERCISES[key]
    wrong = teacher(exercise.place).wrong
    assert len(wrong) >= 8
    for about, changed in wrong.items():
        outcome = ask(exercise, broken(exercise, about, *changed))
        assert outcome.state != PASSED, about
        assert outcome.sentence, about
        assert "\n" not in outcome.sentence, about
        assert not re.search("SyntaxError|NameError|IndentationError", outcome.sentence), about


def test_what_is_said_to_change_no_answer_is_a_mutant():
    for exercise in EXERCISES.values():
        told = teacher(exercise.place)
        lines = {mutant.line for mutant in mutants.mutants(exercise.solution)}
        assert set(told.equivalent) <= lines, exercise.key


def test_the_sections_of_the_tutorial_are_there():
    sections = set(re.findall(r"^## (.+)$", TUTORIAL.read_text(encoding="utf-8"), re.M))
    for exercise in EXERCISES.values():
        (line,) = re.findall(r"^Tutorial: (.+)\.$", exercise.text, re.M)
        assert set(re.findall('"(.+?)"', line)) <= sections, exercise.key


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("while True: pass", "expected it to end within 2 s, but it was still running"),
        (
            "import os; os._exit(3)",
            "expected it to run to its end, but its process ended with code",
        ),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "was ended by SIGSEGV"),
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("input()", "EOFError"),
        ("1 / 0", "line 1, `1 / 0`: ZeroDivisionError: division by zero"),
        ("def square(:", "line 1: SyntaxError"),
    ],
)
def test_nothing_that_a_file_does_harms_the_grading(source, sentence, ask):
    exercise = EXERCISES["e01_square"]
    outcome = ask(exercise, source, 2.0)
    assert outcome.state == FAILED
    assert sentence in outcome.sentence
    assert ask(exercise, exercise.solution).state == PASSED


def test_what_is_printed_is_put_aside(ask):
    exercise = EXERCISES["e01_square"]
    outcome = ask(exercise, "print('here')\n" + exercise.solution)
    assert (outcome.state, outcome.printed) == (PASSED, "here\n")


def test_a_grader_that_lets_all_pass_is_found_out(tmp_path, ask):
    text = EXERCISES["e01_square"].place.read_text(encoding="utf-8")
    (tmp_path / "e01_mine.py").write_text(
        text.partition("def grade")[0] + "def grade(given): pass\n"
    )
    (mine,) = course(tmp_path)
    proof = prove(mine, ask)
    assert proof.caught == 0
    assert len(proof.faults) == proof.wrong + 1


def test_a_file_that_is_there_stays_as_it_is(tmp_path):
    chosen = find(list(EXERCISES.values()), ["square", "sum"])
    assert set(start(chosen, tmp_path).values()) == {NEW}
    (tmp_path / "e01_square.py").write_text("mine")
    again = start(chosen, tmp_path)
    assert (again["e01_square.py"], again["e02_sum.py"]) == (KEPT, SAME)
    assert (tmp_path / "e01_square.py").read_text() == "mine"
    (tmp_path / ".progress.json").write_text("[broken")
    assert list(states(chosen, tmp_path).values()) == ["not graded", TODO]


def test_names_are_found_and_others_refused():
    assert len(find(list(EXERCISES.values()), ["f"])) == 8
    with pytest.raises(CourseError, match="expected the name of an exercise, got 'squares'"):
        find(list(EXERCISES.values()), ["squares"])


def test_the_command_writes_grades_and_lists(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run("learn")
    assert (code, "e22_pairs.py" in out) == (0, True)
    assert "--start" in err
    assert run("learn", "--start", "exercises", "--quiet").code == 0
    solution = EXERCISES["e01_square"].solution
    Path("exercises/e01_square.py").write_text(solution, encoding="utf-8")
    code, out, _ = run("learn", "exercises", "square")
    assert (code, "1 of 1 pass" in out) == (0, True)
    Path("exercises/e02_sum.py").write_text("def total(params, x):\n    return x\n")
    code, out, _ = run("learn", "exercises", "square", "sum")
    assert code == 1
    assert "sum (exercises/e02_sum.py): total: expected a pair, y and vjp, got Tensor" in out
    code, out, _ = run("learn", "exercises", "e01", "e02", "--json")
    found = json.loads(out)
    assert (code, found["passed"]) == (1, 1)
    assert [each["state"] for each in found["exercises"]] == [PASSED, FAILED]
    listed = json.loads(run("learn", "--json").out)["exercises"]
    assert [each["state"] for each in listed[:3]] == [PASSED, FAILED, TODO]


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["nowhere"], "nowhere: expected a folder of exercises, got none"),
        ([".", "square"], "expected exercises such as e01_square.py, got none"),
        ([".", "squares"], "expected the name of an exercise, got 'squares'"),
        (["--start"], "expected a folder"),
        ([".", "--start", "--solutions"], "expected one of --start and --solutions, got both"),
        (["--course", "."], "expected exercises such as e01_square.py, got none"),
    ],
)
def test_bad_input_is_one_sentence(args, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run("learn", *args)
    assert (code, out) == (2, "")
    assert sentence in re.sub(r"[│\s]+", " ", err)
