"""The errors of the studies and of the command line have the library's base."""

import ast
import importlib
import inspect
import pickle
import pkgutil

import pytest

import disc
import funcdl_cli
import pairs
import reports
import studykit
from funcdl import FuncdlError
from funcdl_cli import main as command_line

PACKAGES = (pairs, disc, studykit, reports, funcdl_cli)


def modules():
    for package in PACKAGES:
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield importlib.import_module(found.name)


def own_errors():
    """Every exception that a study, the kit or the command line defines."""
    return sorted(
        {
            value
            for module in modules()
            for value in vars(module).values()
            if inspect.isclass(value)
            and issubclass(value, BaseException)
            and value.__module__.partition(".")[0] in {p.__name__ for p in PACKAGES}
        },
        key=lambda error: error.__name__,
    )


def test_there_are_errors_to_look_at():
    names = {error.__name__ for error in own_errors()}
    assert {"ResultsError", "TrainingError", "WorkerLostError", "ClusterLostError"} <= names
    assert {"DataError", "DrawnError", "PictureError", "ConfigError", "SweepError"} <= names


@pytest.mark.parametrize("error", own_errors(), ids=lambda error: error.__name__)
def test_an_error_of_a_study_is_the_librarys_and_a_built_in_one(error):
    assert issubclass(error, FuncdlError)
    built_in = {base for base in error.__mro__ if base.__module__ == "builtins"}
    assert built_in & {ValueError, RuntimeError, LookupError, TypeError}
    one = pickle.loads(pickle.dumps(error("file: expected a number,\n got 'x'")))
    assert (type(one), str(one)) == (error, "file: expected a number, got 'x'")


def test_the_command_line_catches_the_base_alone():
    """Beside it the built-in ones: of the system, and the interrupt."""
    tree = ast.parse(inspect.getsource(command_line))
    caught = [node.type.id for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)]
    assert sorted(caught) == ["Exception", "KeyboardInterrupt"]


@pytest.mark.parametrize("error", own_errors(), ids=lambda error: error.__name__)
def test_the_command_line_says_an_error_in_one_sentence(error):
    """What failed has code 1, what a user can mend 2."""
    sentence, code = command_line._told(error("what was expected, what came"))
    failed = {"TrainingError", "WorkerLostError", "ClusterLostError"}
    assert code == (1 if error.__name__ in failed else 2)
    assert sentence.startswith("what was expected, what came")
    assert ("the finished rounds are kept" in sentence) == (code == 1)
