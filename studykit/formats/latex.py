"""Tables for LaTeX with booktabs, and figures beside them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import groupby

from studykit.content import Figure, Sheet

__all__ = ["figures", "latex", "tables"]

SPECIAL = {
    **{char: f"\\{char}" for char in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "\0": "{}",
    # Ligatures, and the brackets that a command would take for its option.
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",
    "]": "{]}",
    "±": r"$\pm$",
    "−": "$-$",
    "×": r"$\times$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "→": r"$\to$",
    "√": r"$\surd$",
    "π": r"$\pi$",
    "–": "--",
    "’": "'",
    "…": r"\dots{}",
}
"""What stands for a character in any engine and any font."""

TABLES = r"""% Tables of results. In the preamble: \usepackage{booktabs}
% A table that is too wide for a page: put \small or \footnotesize after its \centering, or leave
% columns out.
"""

FIGURES = r"""% Figures of results. In the preamble: \usepackage{svg}
% It needs Inkscape and latex --shell-escape. Without them convert figures/*.svg to PDF and write
% \includegraphics (of graphicx) for \includesvg.
"""


def latex(text: str) -> str:
    r"""Write words so that LaTeX prints them, whatever they are.

    >>> latex("50 % of a_b"), latex("1.20 ± 0.10"), latex("a → b")
    ('50 \\% of a\\_b', '1.20 $\\pm$ 0.10', 'a $\\to$ b')
    >>> latex("conv-shared"), latex("é"), latex("数")
    ('conv-shared', 'e', '(U+6570)')
    """
    text = re.sub(r"\s+", " ", text)
    # Two hyphens in a row would be printed as a dash.
    return "".join(map(_char, text.replace("--", "-\0-").replace("--", "-\0-")))


def _char(char: str) -> str:
    if char in SPECIAL:
        return SPECIAL[char]
    if char.isascii():
        return char if char.isprintable() else " "
    parts = [part for part in unicodedata.normalize("NFKD", char) if part.isascii()]
    return "".join(map(_char, parts)) or f"(U+{ord(char):04X})"


def tables(title: str, sheets: Sequence[Sheet]) -> str:
    r"""Write tables as a file for \input."""
    return TABLES + f"% {_comment(title)}\n" + "".join(map(_table, sheets))


def figures(title: str, found: Sequence[Figure]) -> str:
    r"""Write figures as a file for \input."""
    return FIGURES + f"% {_comment(title)}\n" + "".join(map(_figure, found))


def _table(sheet: Sheet) -> str:
    # Words that are long get a column that breaks them.
    wide = [
        heading in sheet.words and max((len(row[k]) for row in sheet.body), default=0) > 40
        for k, heading in enumerate(sheet.headings)
    ]
    kinds = "".join(
        r"p{0.35\linewidth}" if broad else "l" if k == 0 or heading in sheet.words else "r"
        for k, (heading, broad) in enumerate(zip(sheet.headings, wide))
    )
    return "\n".join(
        [
            "",
            r"\begin{table}",
            r"  \centering",
            f"  \\caption{{{latex(sheet.caption)}}}",
            f"  \\label{{tab:{_label(sheet.name)}}}",
            f"  \\begin{{tabular}}{{{kinds}}}",
            r"    \toprule",
            f"    {_row(sheet.headings)}",
            r"    \midrule",
            *_body(sheet),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _body(sheet: Sheet) -> Iterator[str]:
    groups = sheet.groups or [""] * len(sheet.body)
    for k, (_, together) in enumerate(groupby(zip(groups, sheet.body), key=lambda row: row[0])):
        if k:
            yield r"    \addlinespace"
        for _, row in together:
            yield f"    {_row(row)}"


def _row(cells: Sequence[str]) -> str:
    return " & ".join(map(latex, cells)) + r" \\"


def _figure(figure: Figure) -> str:
    return "\n".join(
        [
            "",
            r"\begin{figure}",
            r"  \centering",
            f"  \\includesvg[width=\\linewidth]{{figures/{figure.name}}}",
            f"  \\caption{{{latex(figure.caption)}}}",
            f"  \\label{{fig:{_label(figure.name)}}}",
            r"\end{figure}",
            "",
        ]
    )


def _label(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "-", name)


def _comment(text: str) -> str:
    return re.sub(r"[^ -~]+", " ", text)
