"""What models there are: the design as a table, and the structure of some of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import indent
from typing import Any

import torch
from rich.markup import escape

from funcdl import Layer, tree
from pairs.design import TIES
from pairs.models import MODELS, Model, parts
from studykit.terminal import FittedTable

__all__ = ["described", "legend", "structures", "table"]

WORDS = {
    "tie": "; ".join(f"{tie}, {about}" for tie, about in TIES.items()),
    "answer": "learnt, by a last network; explicit, the sum of p_i q_j over i ≤ j",
    "losses": "the Boolean’s, those of both, or the digits’ alone",
    "norm": "none, or batch norm before each ReLU",
    "epochs": "×2, twice those of the others; a champion has its own",
}
"""What the headings mean."""


def described(name: str) -> dict[str, Any]:
    """Tell of a model what the table and the JSON document do: factors are None for a champion."""
    model = MODELS[name]
    factors = {} if model.factors is None else model.factors._asdict()
    return {
        "model": name,
        "parameters": _size(model),
        **{key: factors.get(key) for key in ("backbone", "norm", "tie", "answer", "losses")},
        "epochs": None if model.recipe is None else model.recipe.epochs,
        "longer": model.longer,
        "about": model.about,
    }


def table(names: Sequence[str]) -> FittedTable:
    """Make the table of models, by families."""
    headings = ("tie", "answer", "losses", "norm", "epochs")
    made = FittedTable("The models, by families", least=[*reversed(headings), "params"])
    made.add_column("model", no_wrap=True)
    made.add_column("params", justify="right", no_wrap=True)
    for heading in headings:
        made.add_column(heading, no_wrap=True)
    for name, after in zip(names, [*names[1:], None]):
        told = described(name)
        usual = "" if told["longer"] == 1 else f"×{told['longer']:g}"
        epochs = usual if told["epochs"] is None else str(told["epochs"])
        cells = (str(told[heading] or "–") for heading in headings[:-1])
        apart = after is not None and _family(name) != _family(after)
        made.add_row(name, f"{told['parameters']:,}", *cells, epochs, end_section=apart)
    return made


def legend(names: Sequence[str]) -> Iterator[str]:
    """Say what the headings mean, and what stands outside of the design; as markup."""
    if any(MODELS[name].factors is not None for name in names):
        for heading, words in WORDS.items():
            yield f"[bold]{heading}[/bold]: {words}"
    for name in names:
        if MODELS[name].factors is None:
            yield f"[bold]{name}[/bold]: {escape(MODELS[name].about)}"


def structures(names: Sequence[str]) -> Iterator[str]:
    """Describe models: name, number of parameters, what it is, its structure; as markup."""
    for name in names:
        model = MODELS[name]
        about = f"{_size(model):,} parameters: {model.about}"
        yield f"[bold]{name}[/bold]  {about}\n" + escape(indent(structure(model.net), "  "))


def structure(layer: Layer, inside: str = "") -> str:
    """Write a layer as a tree: a part a line, the parts of a part further in.

    A serial in a serial is a matter of how the model was written, not of what it does.
    """
    if not layer.layers:
        return repr(layer)
    below = "\n".join(structure(part, layer.name) for part in layer.layers)
    if layer.name == inside == "serial":
        return below
    settings = f" {layer.args}" if layer.args else ""
    return f"{layer.name}{settings}\n{indent(below, '  ')}"


def _size(model: Model) -> int:
    params, _ = model.net.init(torch.Generator(), (2, 14, 14))
    return tree.size(params)


def _family(name: str) -> str:
    """Name the family of a model; the champions are one."""
    family, kind = parts(name)
    return family if kind else ""
