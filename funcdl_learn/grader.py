"""The grading of one file, in whatever process: what comes out, and in words."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import NamedTuple

import torch

from funcdl_learn.course import teacher
from funcdl_learn.given import Given, MissingError, WrongError, told, unwritten

__all__ = ["FAILED", "PASSED", "TODO", "Outcome", "grade"]

PASSED, FAILED, TODO = "pass", "FAIL", "to do"


class Outcome(NamedTuple):
    """What became of an exercise.

    Attributes:
        state: PASSED, FAILED or TODO.
        sentence: what is wrong, or still to be done; empty where it passed.
        seconds: that the grading took.
        printed: the end of what the student's file printed.
    """

    state: str
    sentence: str = ""
    seconds: float = 0.0
    printed: str = ""


def grade(place: Path, source: str, file: str) -> Outcome:
    """Grade a student's file in this process: `funcdl_learn.server` gives it one of its own.

    Args:
        place: the exercise.
        source: the student's file.
        file: its name, for the sentence.
    """
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    torch.manual_seed(0)
    grader = teacher(place).grade  # what fails here is no fault of the student's
    try:
        grader(Given(source, file))
    except WrongError as error:
        return Outcome(FAILED, str(error))
    except MissingError as error:
        return Outcome(TODO, str(error))
    except NotImplementedError as error:
        return Outcome(TODO, unwritten(error, source, file))
    except BaseException as error:  # a student's exit too
        return Outcome(FAILED, told(error, source, file))
    return Outcome(PASSED)
