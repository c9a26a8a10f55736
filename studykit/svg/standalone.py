"""A figure of a page as a file of its own."""

from __future__ import annotations

import re

from studykit.page.style import STYLE

__all__ = ["alone"]

WIDTH = 720
"""Units of a file's width, of which its places are parts."""

VARIABLE = re.compile(r"(--[\w-]+): ([^;]+);")


def alone(drawn: str) -> str:
    """Make a file of a figure: its size in numbers, its style inside, in the colours of paper.

    Programs that draw SVG know less of CSS than browsers: each colour stands where it is used.
    """
    found = re.match(r'<svg role="img" width="100%" height="([\d.]+)"', drawn)
    assert found is not None
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{WIDTH}" height="{found[1]}" '
        f'viewBox="0 0 {WIDTH} {found[1]}"'
    )
    style = f"<style>svg {{ font: 13px sans-serif; }}{_style()}</style>"
    rest = drawn[found.end() :]
    end = rest.index(">") + 1
    return f"{opening}{rest[:end]}\n{style}{rest[end:]}\n"


def _style() -> str:
    """Return the rules of figures, in the colours of a light page."""
    light = STYLE[: STYLE.index("@media")]
    colours = dict(VARIABLE.findall(light))
    rules = re.findall(r"^(?:svg [^{}]*|\.s\d [^{}]*)\{[^{}]*\}.*$", STYLE, re.MULTILINE)
    text = "\n".join(rules)
    return re.sub(r"var\((--[\w-]+)\)", lambda name: colours[name[1]], text)
