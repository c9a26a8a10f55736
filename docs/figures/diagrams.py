"""Diagrams of the tutorial: the forward pass in one colour, the backward pass in the other."""

from __future__ import annotations

from studykit.svg.diagram import arrow, box, diagram, words

__all__ = ["composition", "pairs", "sharing"]


def composition() -> str:
    """Draw two functions one after the other, and their vjps in the opposite order."""
    parts = [
        words(24, 34, "forward", "quiet", "start"),
        words(24, 212, "backward", "quiet", "start"),
    ]
    for x, f, p in ((240, "f", "p"), (480, "g", "q")):
        parts += [
            words(x, 34, p),
            arrow(x, 42, x, 70),
            box(x, 90, f),
            arrow(x, 108, x, 180, "kept"),
            box(x, 200, f"{f}_vjp", "back"),
            arrow(x, 218, x, 246, "back"),
            words(x, 264, f"d{p}", "back"),
        ]
    for x, value in ((120, "x"), (360, "y"), (600, "z")):
        parts += [words(x, 95, value), words(x, 205, f"d{value}", "back")]
    for x in (120, 240, 360, 480):
        end = 86 if x in (120, 360) else 102
        start = 18 if x in (120, 360) else 34
        parts.append(arrow(x + start, 90, x + end, 90))
        parts.append(arrow(x + 120 - (120 - end), 200, x + start, 200, "back"))
    parts += [
        words(250, 149, "a closure keeps what f saw", "quiet", "start"),
        words(490, 149, "… and what g saw", "quiet", "start"),
    ]
    title = (
        "f takes x and its parameters p to y, g takes y and q to z. In the backward pass, the "
        "vjp of g takes dz to dq and dy, and then that of f takes dy to dp and dx."
    )
    return diagram(720, 284, title, parts)


def sharing() -> str:
    """Draw one set of parameters that goes to two applications, and cotangents that add up."""
    parts = [
        words(24, 34, "forward: p is copied", "quiet", "start"),
        words(384, 34, "backward: its cotangents are added", "quiet", "start"),
        words(56, 135, "p"),
        arrow(70, 122, 146, 78),
        arrow(70, 138, 146, 182),
    ]
    for i, y in (("₁", 70), ("₂", 190)):
        parts += [
            words(110, y + 5, f"x{i}"),
            arrow(126, y, 146, y),
            box(180, y, "f"),
            arrow(214, y, 268, y),
            words(286, y + 5, f"y{i}"),
            words(690, y + 5, f"dy{i}", "back"),
            arrow(670, y, 618, y, "back"),
            box(584, y, "f_vjp", "back"),
            arrow(550, y, 530, y, "back"),
            words(510, y + 5, f"dx{i}", "back"),
        ]
    parts += [
        arrow(550, 82, 432, 124, "back"),
        arrow(550, 178, 432, 136, "back"),
        words(478, 130, "dp₁ + dp₂", "back", "start"),
        words(412, 135, "dp", "back"),
    ]
    title = (
        "In the forward pass, the same parameters p go to two applications of f, one on each "
        "input. In the backward pass, each vjp gives a cotangent of p, and the cotangent of p is "
        "their sum."
    )
    return diagram(720, 236, title, parts)


def pairs() -> str:
    """Draw the network of the pairs: a shared network, a tap, and two losses that are added."""
    parts = [
        words(24, 34, "forward", "quiet", "start"),
        words(24, 262, "backward", "quiet", "start"),
    ]
    for top, kind in ((0, "forward"), (228, "back")):
        parts += _pairs(top, kind)
    title = (
        "Each of the two digits goes through the same network to ten logits. These go to the "
        "network of the answer and, tapped, straight to a loss of their own; both losses are "
        "added. In the backward pass, the cotangents of the logits from both losses are added."
    )
    return diagram(760, 470, title, parts)


def _pairs(top: int, kind: str) -> list[str]:
    back = kind == "back"
    d, mark = ("d", "_vjp") if back else ("", "")
    style = kind if back else ""

    def go(x1: float, y1: float, x2: float, y2: float) -> str:
        return arrow(*((x2, y2, x1, y1) if back else (x1, y1, x2, y2)), kind)

    upper, lower = top + 80, top + 170
    middle = (upper + lower) / 2
    parts = [
        *(words(52, upper + 5, f"{d}x₁", style), words(52, lower + 5, f"{d}x₂", style)),
        *(go(72, upper, 104, upper), go(72, lower, 104, lower)),
        *(box(150, upper, f"digit{mark}", style, 88), box(150, lower, f"digit{mark}", style, 88)),
        words(150, middle + 5, "one p" if not back else "dp = dp₁ + dp₂", style),
        *(go(198, upper, 274, middle - 8), go(198, lower, 274, middle + 8)),
        words(310, middle + 5, f"{d}logits", style),
        go(340, middle - 8, 386, upper),
        box(436, upper, f"answer{mark}", style, 96),
        go(488, upper, 522, upper),
        box(600, upper, f"cross_entropy{mark}", style, 148),
        go(340, middle + 8, 522, lower),
        box(600, lower, f"cross_entropy{mark}", style, 148),
        *(go(678, upper, 712, middle - 8), go(678, lower, 712, middle + 8)),
        words(728, middle + 5, f"{d}l", style),
        words(600, upper - 28, "is the first ≤ the second?", "quiet"),
        words(600, lower + 36, "which digits are they?", "quiet"),
    ]
    return [*parts, words(310, middle + 34, "added", "quiet")] if back else parts
