"""How a trace looks: the network in boxes, and one step beside it."""

__all__ = ["STYLE", "lit"]

STYLE = """
.trace {
  & .both {
    display: grid; gap: 0 3rem; grid-template-columns: minmax(0, 1fr); margin-top: 2rem;
    & h2 { margin-top: 0; }
  }
  & .both > section + section { margin-top: 2rem; }
  & .picture { min-width: 0; }
  & .picture ol { list-style: none; margin: 0; padding: 0; }
  & .box {
    border: 1px solid var(--rule); border-radius: 6px; min-width: 0; flex: 1 1 auto;
    background: var(--page);
    & > label {
      display: block; padding: 0.2rem 0.55rem 0.25rem; border-radius: 5px; cursor: pointer;
    }
    & > label > span { display: block; color: var(--quiet); font-size: 0.75rem; line-height: 1.3; }
    & > label:hover { background: var(--faint); }
    & > ol { padding: 0 0.45rem 0.5rem; }
  }
  & .box.many > label { color: var(--quiet); }
  & .line { position: relative; padding-top: 14px; }
  & .line:first-child { padding-top: 0; }
  & .line + .line::before {
    content: ""; position: absolute; top: 0; left: 1.4rem; height: 13px;
    border-left: 1.5px solid var(--quiet);
  }
  & .line + .line::after {
    content: ""; position: absolute; top: 8px; left: calc(1.4rem - 2.5px);
    border: 3.5px solid transparent; border-top: 6px solid var(--quiet); border-bottom: 0;
  }
  & .line > ol { display: flex; flex-wrap: wrap; gap: 0.5rem; }
  & .line > ol > .box { flex: 1 1 6.5rem; }
  & .joined, & .more { color: var(--quiet); font-size: 0.8125rem; padding: 0.35rem 0.55rem 0; }
  & .skip { position: relative; padding-right: 1.5rem !important; }
  & .skip::after {
    content: ""; position: absolute; right: 0.4rem; top: 0.5rem; bottom: 1.2rem; width: 0.75rem;
    border: 1.5px solid var(--quiet); border-left: 0; border-radius: 0 0.7rem 0.7rem 0;
  }
  & fieldset { border: 0; margin: 0; padding: 0; min-width: 0; position: relative; }
  & legend { position: absolute; clip-path: inset(50%); }
  & fieldset > input {
    position: absolute; top: 0; left: 0; width: 1px; height: 1px; margin: 0; opacity: 0;
  }
  &:has(#all:checked) fieldset > input { top: auto; }
  & article { display: none; }
  & fieldset > input:checked + article, &:has(#all:checked) article { display: block; }
  & input:focus-visible + article h3 { outline: 2px solid var(--accent); outline-offset: 4px; }
  & nav { display: flex; gap: 0.5rem; align-items: center; margin: 0 0 1rem; }
  & nav label, & .other, & .all {
    cursor: pointer; border: 1px solid var(--rule); border-radius: 999px; padding: 0.25rem 0.9rem;
    min-height: 2.25rem; display: inline-flex; align-items: center; gap: 0.4rem; user-select: none;
  }
  & nav label:hover, & .other:hover { background: var(--faint); }
  & nav span {
    flex: 1; text-align: center; color: var(--quiet); font-variant-numeric: tabular-nums;
  }
  & nav i { visibility: hidden; }
  & article.forth nav span b { color: var(--accent); }
  & article.back nav span b { color: var(--back); }
  & h3 { font-size: 1.125rem; margin: 0; font-weight: 600; }
  & h3 small { color: var(--quiet); font-weight: 400; font-size: 0.875rem; }
  & .signature { margin: 0.15rem 0 1rem; color: var(--quiet); font-size: 0.8125rem; }
  & .values, & .pair { display: flex; flex-wrap: wrap; gap: 1rem 1.75rem; }
  & .values { margin: 1rem 0 1.25rem; }
  & .under { margin: 0.75rem 0; color: var(--quiet); font-size: 0.875rem; }
  & .all { margin-top: 1rem; color: var(--quiet); font-size: 0.875rem; }
  & .products { margin: 1rem 0; & table.list { width: auto; } }
  @media (min-width: 60rem) {
    & .both { grid-template-columns: minmax(15rem, 22rem) minmax(0, 1fr); align-items: start; }
    & .both > section + section { margin-top: 0; }
    & .picture {
      position: sticky; top: 1rem; max-height: calc(100vh - 2rem); overflow-y: auto;
      scrollbar-width: thin;
    }
    & article { border-left: 1px solid var(--rule); padding-left: 2rem; min-height: 26rem; }
  }
  @media print {
    & article { display: block; break-inside: avoid; }
    & nav, & .other, & .all { display: none; }
  }
}
"""


def lit(count: int, backward: list[int]) -> str:
    """Write the rules by which the box of the step that is shown stands out.

    Args:
        count: of the forward steps.
        backward: the box of each backward step.

    >>> lit(1, [1]).count("#b1")
    2
    """
    forth = [(f"f{i}", i) for i in range(1, count + 1)]
    back = [(f"r{i}", box) for i, box in enumerate(backward, 1)]
    return "".join(
        ",".join(f".trace:has(#{step}:checked) #b{box}" for step, box in steps)
        + f"{{border-color:var(--{colour});box-shadow:0 0 0 1px var(--{colour});"
        f"&>label{{color:var(--{colour})}}}}\n"
        for steps, colour in ((forth, "accent"), (back, "back"))
        if steps
    )
