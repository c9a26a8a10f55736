"""The project's chores, one command each: `nox -l` lists them, `nox -s lint types` runs some."""

import os

import nox

nox.options.sessions = ["lint", "types", "tests"]
# A Python that is not installed here is left out, in words.
nox.options.error_on_missing_interpreters = False

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]


def install(session: nox.Session, extra: str) -> None:
    """Install the project with an extra, in the versions that CI runs."""
    session.install("-c", "constraints.txt", "-e", f".[{extra}]")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run all tests, or those that are named: `nox -s tests-3.12 -- tests/losses`."""
    install(session, "test")
    session.run("pytest", "-q", "-n", "logical", *session.posargs)


@nox.session(python=PYTHONS[0])
def oldest(session: nox.Session) -> None:
    """Run all tests with the oldest versions that pyproject.toml admits."""
    session.install("-c", "constraints-oldest.txt", "-e", ".[test]")
    session.run("pytest", "-q", "-n", "logical", *session.posargs)


@nox.session(python=PYTHONS[-1])
def newest(session: nox.Session) -> None:
    """Run all tests with the newest versions that there are."""
    session.install("--upgrade", "--upgrade-strategy", "eager", "-e", ".[test]")
    session.run("pytest", "-q", "-n", "logical", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Look for slips and for what is not laid out as elsewhere."""
    session.install("-c", "constraints.txt", "ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types."""
    install(session, "dev")
    session.run("mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning is an error."""
    install(session, "docs")
    session.run("sphinx-build", "-q", "-W", "--keep-going", "-n", "docs", "build/docs")


@nox.session
def package(session: nox.Session) -> None:
    """Build the wheel and the sdist, look into both, and try the wheel in an empty environment."""
    session.install("-c", "constraints.txt", "build")
    session.run("python", "tests/packages.py")


@nox.session
def lock(session: nox.Session) -> None:
    """Write lock.txt: every package that an extra takes, with the hashes of its files on PyPI."""
    session.install("uv")
    command = "uv pip compile -q --universal --generate-hashes --python-version 3.11 --all-extras"
    session.run(
        *command.split(),
        *("--no-annotate", "--default-index", "https://pypi.org/simple"),
        *("--custom-compile-command", "nox -s lock", "-c", "constraints.txt"),
        *("pyproject.toml", "-o", "lock.txt"),
    )


@nox.session
def fuzz(session: nox.Session) -> None:
    """Draw far more arguments than every run does: 20,000 a test, or as FUZZ_EXAMPLES says."""
    install(session, "test")
    examples = os.environ.get("FUZZ_EXAMPLES") or "20000"
    session.run(
        "pytest",
        "-q",
        "tests/fuzz",
        *session.posargs,
        env={"HYPOTHESIS_PROFILE": "fuzz", "FUZZ_EXAMPLES": examples},
    )


@nox.session
def coverage(session: nox.Session) -> None:
    """Count the lines and branches that the tests of the library reach."""
    install(session, "dev")
    session.run("pytest", "-q", "--cov", "--cov-report=term-missing:skip-covered", *session.posargs)


@nox.session
def mutation(session: nox.Session) -> None:
    """Break every derivative in turn and see whether a test notices."""
    install(session, "test")
    session.run("python", "tests/mutation.py", *session.posargs)


@nox.session
def bad_days(session: nox.Session) -> None:
    """Interrupt, kill and starve the study a hundred times in each way."""
    install(session, "test")
    session.run("python", "tests/bad_days.py", *session.posargs)
