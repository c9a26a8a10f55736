"""A Sphinx extension: examples are run when the pages are built, and show what they print.

    ```{ran} own_layer.py
    ```

is the output of `python examples/own_layer.py`, and its source to unfold. As many run at once as
there are cores, each on one thread. An example that fails is a warning, so that a build ends there.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.parsers.rst import Directive

if TYPE_CHECKING:
    from sphinx.application import Sphinx

FENCE = re.compile(r"^```\{ran\} (\S+)$", re.MULTILINE)
ROOT = Path(__file__).parents[1]

running: dict[str, Future[str]] = {}
"""What has begun, by the example's name."""


def output(name: str) -> str:
    """Run an example in a process of its own, and return what it prints."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "PYTHONIOENCODING": "utf-8",
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore:Failed to initialize NumPy", ROOT / "examples" / name],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
        cwd=ROOT,
    )
    if done.returncode:
        raise RuntimeError(f"{name} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout.rstrip()


def begin(app: Sphinx, env: Any, docnames: list[str]) -> None:
    """Start the examples of pages that will be read, and read these pages last."""
    asked = {name: FENCE.findall(Path(env.doc2path(name)).read_text("utf-8")) for name in docnames}
    docnames.sort(key=lambda name: bool(asked[name]))
    pool = ThreadPoolExecutor(os.cpu_count())
    for example in [example for name in docnames for example in asked[name]]:
        running[example] = pool.submit(output, example)
    pool.shutdown(wait=False)


class Ran(Directive):
    """The output of an example, and its source."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Wait for it."""
        (name,) = self.arguments
        env = self.state.document.settings.env
        env.note_dependency(str(ROOT / "examples" / name))
        try:
            text = running.pop(name).result()
        except RuntimeError as error:
            return [self.state.document.reporter.warning(str(error), line=self.lineno)]
        source = (ROOT / "examples" / name).read_text("utf-8").rstrip()
        opened = f"<details><summary>examples/{name}</summary>"
        return [
            nodes.literal_block(text, text, language="text", classes=["output"]),
            nodes.raw("", opened, format="html"),
            nodes.literal_block(source, source, language="python"),
            nodes.raw("", "</details>", format="html"),
        ]


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect."""
    app.add_directive("ran", Ran)
    app.connect("env-before-read-docs", begin)
    return {"parallel_read_safe": False}
