"""The page itself: what is in it, put together in one file."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from string import Template

from pairs.drawn.doubt import least
from pairs.models import SURER
from studykit.files import ResultsError, replace, text_of
from studykit.page.style import STYLE

__all__ = ["draw_page", "write_draw_page"]

SCRIPTS = (
    *("parameters.js", "network.js", "ink.js", "parts.js", "find.js", "digit.js", "ask.js"),
    *("pen.js", "show.js", "page.js"),
)
"""In this order one script: each uses only those before it, but for functions called later."""

GENERATOR = "funcdl-cli draw"


def draw_page() -> str:
    """Make the page on which one draws two digits, and is told what `compare` would say.

    The parameters of the champion, and of the network that doubts, are in it as their files are.
    It loads nothing: a policy in its head forbids all but its own style and script.
    """
    here, data = files("pairs.canvas"), files("pairs.data")
    script = "\n".join((here / name).read_text(encoding="utf-8") for name in SCRIPTS)
    digest = b64encode(sha256(script.encode()).digest()).decode()
    return Template((here / "draw.html").read_text(encoding="utf-8")).substitute(
        hash=f"sha256-{digest}",
        generator=GENERATOR,
        style=STYLE + (here / "draw.css").read_text(encoding="utf-8"),
        settings=json.dumps({"surer": SURER, "least": least()._asdict()}),
        champion=b64encode((data / "champion.safetensors").read_bytes()).decode(),
        knower=b64encode((data / "knower.safetensors").read_bytes()).decode(),
        script=script,
    )


def write_draw_page(path: Path) -> bool:
    """Write the page, as a whole or not at all; tell whether an earlier one was there.

    Raises:
        ResultsError: the file cannot be written, or is there already and something else.
    """
    try:
        earlier = path.exists()
        if earlier and f'content="{GENERATOR}"' not in text_of(path)[:2000]:
            raise ResultsError(
                f"{path}: expected no file, or an earlier page of this command; got something else"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, draw_page())
    except OSError as error:
        raise ResultsError(
            f"{path}: expected a file that can be written, got: {error.strerror}"
        ) from None
    return earlier
