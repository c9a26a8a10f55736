"""The page of a trace: the network, its steps, its parameters and the proof of each derivative."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from funcdl import tree
from funcdl.arguments import show
from funcdl.contract import shape_of
from funcdl.html.elements import document, element, escaped, table
from funcdl.html.values import Detail, kind, number
from funcdl.signature.pattern import Axis, Pattern
from funcdl.slope import leaves_beside
from funcdl.tensor import Tensor
from funcdl.trace.compare import Compared
from funcdl.trace.composition import composition
from funcdl.trace.seen import Applied
from funcdl.trace.step import HEADS, Step, product_cells, sentence
from funcdl.trace.style import STYLE, lit

__all__ = ["page"]

MOST = 280_000
"""Bytes of a page, where less detail brings it below."""

DETAILS = [Detail(42, True), Detail(20, True), Detail(8, True), Detail(8, False), Detail(1, False)]

Found = dict[Applied, tuple[list[Compared], str]]


def page(
    root: Applied, forward: Sequence[Applied], backward: Sequence[Applied], found: Found
) -> str:
    """Make the page, in as much detail as there is room for."""
    text = ""
    for detail in DETAILS:
        text = _page(root, forward, backward, found, detail)
        if len(text.encode()) <= MOST:
            break
    return text


def _page(
    root: Applied,
    forward: Sequence[Applied],
    backward: Sequence[Applied],
    found: Found,
    detail: Detail,
) -> str:
    name, numbers = root.layer.name, {seen: i for i, seen in enumerate(forward, 1)}
    picture = element(
        "section",
        element("h2", "The network"),
        composition(root, numbers),
        kind="picture",
        aria_label="the network",
    )
    steps = element("section", _steps(forward, backward, found, detail), aria_label="the steps")
    return document(
        f"Trace of {name}",
        element("h1", f"{escaped(name)}, forward and backward"),
        *_lead(root),
        element(
            "main", element("div", picture, steps, kind="both"), *_tables(root, forward, found)
        ),
        kind="trace",
        style=STYLE + lit(len(forward), [numbers[seen] for seen in backward]),
    )


def _lead(root: Applied) -> list[str]:
    """Say what was run, and on what."""
    text = repr(root.layer)
    text = text if len(text) <= 200 else f"{text[:199]}…"
    count = tree.size(root.params)
    how = "as in inference" if root.start is None else "as in training"
    told = (
        f"{element('code', escaped(text))} with {count:,} parameter{'s' * (count != 1)}, applied "
        f"once {how}: from x {_kind(root.x)} to y {_kind(root.y)}, and back."
    )
    use = (
        "Choose a layer in the network, or go step by step: forward through the values, then "
        "backward through the cotangents. The arrow keys do it too. Blue is above zero, orange "
        "below."
    )
    return [element("p", told, kind="lead"), element("p", use, kind="prose")]


def _kind(value: Any) -> str:
    dtypes = sorted({kind(leaf) for leaf in tree.leaves(value)})
    return escaped(f"{show(shape_of(value))} {' and '.join(dtypes)}".strip())


def _steps(
    forward: Sequence[Applied], backward: Sequence[Applied], found: Found, detail: Detail
) -> str:
    step = Step(detail, _images(forward))
    forth = {seen: f"f{i}" for i, seen in enumerate(forward, 1)}
    back = {seen: f"r{i}" for i, seen in enumerate(backward, 1)}
    names = [None, *forth.values(), *back.values(), None]
    articles = []
    for at, seen in enumerate([*forward, *backward], 1):
        if at <= len(forward):
            way, mark, count = "forward", "forth", f"{at} of {len(forward)}"
            inside = step.forward(seen)
            if seen in back:
                inside += element("label", "its backward pass", kind="other", for_=back[seen])
            else:
                inside += element("p", sentence(found[seen][1]), kind="under")
        else:
            way, mark, count = "backward", "back", f"{at - len(forward)} of {len(backward)}"
            inside = step.backward(seen, found[seen])
            inside += element("label", "its forward pass", kind="other", for_=forth[seen])
        bar = element(
            "nav",
            _go("‹ back", names[at - 1]),
            element("span", f"{element('b', way)} {count}"),
            _go("next ›", names[at + 1]),
        )
        articles.append(
            element(
                "input",
                type="radio",
                name="step",
                id=names[at],
                checked=True if at == 1 else None,
                aria_label=f"{way} {count}: {seen.place}",
            )
            + element("article", bar, inside, kind=mark)
        )
    box = element("input", type="checkbox", id="all")
    return (
        element("h2", "Step by step")
        + element("fieldset", element("legend", "step"), *articles)
        + element("label", box, "all steps below each other", kind="all")
    )


def _go(word: str, to: str | None) -> str:
    """Make a button to another step; where there is none, keep its room."""
    return element("i", word) if to is None else element("label", word, for_=to)


def _images(forward: Sequence[Applied]) -> set[tuple[int, ...]]:
    """Find the shapes of what some layer takes for an image."""
    found = set()
    for seen in forward:
        signature = seen.layer.signature
        pairs = () if signature is None else ((signature.x, seen.x), (signature.y, seen.y))
        for pattern, value in pairs:
            if isinstance(pattern, Pattern) and isinstance(value, Tensor) and value.ndim > 2:
                names = {a.factors[0] for a in pattern.axes[-3:] if isinstance(a, Axis)}
                if names >= {"height", "width"}:
                    found.add(tuple(value.shape[-3:]))
    return found


def _tables(root: Applied, forward: Sequence[Applied], found: Found) -> list[str]:
    """List the parameters, and the inner products of all layers."""
    tables = []
    leaves = tree.leaves(root.params)
    if leaves:
        back = [None] * len(leaves)
        if root.dy is not None:
            back = leaves_beside(root.layer.name, (root.params, ()), (root.dparams, ()))
        rows = []
        for path, leaf, d in zip(tree.paths(root.params), leaves, back):
            sizes = ["none" if t is None else number(_norm(t)) for t in (leaf, d)]
            rows.append([element("code", escaped(f"params{path}")), show(leaf.shape), *sizes])
        heads = ["parameter", "shape", "‖p‖", "‖dp‖"]
        caption = "Each parameter with the 2-norms of its numbers and of its gradient."
        tables += [element("h2", "Parameters and gradients"), table(caption, heads, rows)]
    rows, kinds = [], []
    for seen in forward:
        compared, note = found[seen]
        name = element("code", escaped(seen.place)) + (seen.which and f" · {seen.which}")
        for one in compared:
            said = one.note or (note if one.of == "x" else "")
            of = element("small", "along " + one.of)
            rows.append([f"{name} {of}", *product_cells(one), escaped(said)])
            kinds.append("wrong" if one.agree is False else None)
        if not compared:
            rows.append([name, "", "", "", escaped(note or "nothing to move")])
            kinds.append(None)
    caption = (
        "J is the layer's derivative where it was applied, v a direction in which its parameters "
        "or its input are moved. ⟨dy, J v⟩ comes from its values alone, by central differences, "
        "⟨Jᵀ dy, v⟩ from its vjp, both in float64: for a right derivative they are equal. "
        "Their difference is relative to their size."
    )
    heads = ["layer", *HEADS[1:], "note"]
    return [
        *tables,
        element("h2", "Each derivative beside its values"),
        table(caption, heads, rows, kinds),
    ]


def _norm(leaf: Tensor) -> float:
    return float(leaf.double().norm())
