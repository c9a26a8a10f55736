"""How pages look: in light and in dark, on a phone and on paper."""

__all__ = ["STYLE"]

STYLE = """
.funcdl {
  --quiet: color-mix(in srgb, currentColor 70%, transparent);
  --rule: color-mix(in srgb, currentColor 20%, transparent);
  --accent: currentColor; --up: 47 131 214; --down: 219 112 42;
  font: 0.9375rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere;
  & *, &::before { box-sizing: border-box; }
  &.page {
    color-scheme: light dark;
    --page: #fdfdfc; --ink: #1c2024; --quiet: #5c646c; --rule: #d9dde1; --faint: #f2f4f5;
    --accent: #0b62b0; --back: #a84a15; --wrong: #b3123a;
    margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 76rem;
    background: var(--page); color: var(--ink);
  }
  & h1, & h2, & .lead, & .prose { font-family: Charter, "Bitstream Charter", Georgia, serif; }
  & h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 0.5rem; font-weight: 600; }
  & h2 { font-size: 1.25rem; margin: 2.5rem 0 0.75rem; font-weight: 600; }
  & .lead, & .prose { font-size: 1.0625rem; max-width: 40rem; margin: 0 0 0.75rem; }
  & .prose { color: var(--quiet); font-size: 1rem; }
  & code, & .code { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 0.875em; }
  & .scroll { overflow-x: auto; max-width: 100%; }
  & .scroll:focus-visible { outline: 2px solid var(--accent); }
  & table.list {
    border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.875rem;
    border: 0; overflow-wrap: normal;
    & caption { text-align: left; color: var(--quiet); padding: 0 0 0.5rem; }
    & caption span { display: block; max-width: min(40rem, calc(100vw - 2rem)); }
    & th, & td {
      padding: 0.3rem 1.1rem 0.3rem 0; text-align: right; vertical-align: baseline;
      white-space: nowrap; background: none; border: 0;
    }
    & th { font-weight: 600; }
    & tr > :first-child { text-align: left; }
    & thead th { white-space: normal; vertical-align: bottom; }
    & tbody th { font-weight: 400; white-space: normal; min-width: 5.5rem; max-width: 24rem; }
    & tbody th, & caption { overflow-wrap: anywhere; }
    & small { color: var(--quiet); font-size: 0.8125rem; white-space: nowrap; }
    & thead th { border-bottom: 1.5px solid var(--quiet); }
    & tbody tr > * { border-bottom: 1px solid var(--rule); }
    & tbody tr:last-child > * { border-bottom: 1.5px solid var(--quiet); }
    & .words { text-align: left; white-space: normal; min-width: 12rem; }
    & td.words { color: var(--quiet); }
    & .wrong td { color: var(--wrong); font-weight: 600; }
  }
  & .value {
    min-width: 0; padding: 0.5rem 0 0.5rem 0.75rem; border-left: 2px solid var(--rule);
    & p { margin: 0 0 0.375rem; }
    & b { font-weight: 600; }
    & span, & .told { color: var(--quiet); font-size: 0.8125rem; }
    & .told { margin: 0.25rem 0 0; font-variant-numeric: tabular-nums; }
    & .alone { font-size: 1.25rem; font-variant-numeric: tabular-nums; margin: 0; }
    & img {
      display: block; image-rendering: pixelated; max-width: 100%; height: auto; margin: 0;
      outline: 1px solid var(--rule);
    }
  }
  & .value.out { border-color: var(--accent); & b { color: var(--accent); } }
  & .value.back { border-color: var(--back); & b { color: var(--back); } }
  & table.numbers {
    border-collapse: separate; border-spacing: 1px; font-variant-numeric: tabular-nums;
    font-size: 0.8125rem; line-height: 1.35; max-width: 100%; margin: 0;
    & td { padding: 0.125rem 0.3rem; text-align: right; border: 0; white-space: nowrap; }
    & .gap td { border-top: 0.5rem solid transparent; background-clip: padding-box; }
    & .p1 { background-color: rgb(var(--up) / 0.1); }
    & .p2 { background-color: rgb(var(--up) / 0.2); }
    & .p3 { background-color: rgb(var(--up) / 0.3); }
    & .p4 { background-color: rgb(var(--up) / 0.4); }
    & .m1 { background-color: rgb(var(--down) / 0.1); }
    & .m2 { background-color: rgb(var(--down) / 0.2); }
    & .m3 { background-color: rgb(var(--down) / 0.3); }
    & .m4 { background-color: rgb(var(--down) / 0.4); }
    & .nan { color: var(--wrong); font-weight: 600; }
  }
  @media screen and (prefers-color-scheme: dark) {
    &.page {
      --page: #14171a; --ink: #e6e9ec; --quiet: #a0a8b0; --rule: #343b42; --faint: #1c2024;
      --accent: #6fb7f7; --back: #f0a06a; --wrong: #ff8095;
    }
  }
  @media (max-width: 40rem) {
    & table.list { font-size: 0.8125rem; }
    & table.list :is(th, td) { padding-right: 0.5rem; }
  }
  @media print { & .scroll { overflow: visible; } }
}
"""
"""All rules are for what is inside of `.funcdl`, in the colours of the page around it where that is
not one of these: a notebook keeps its own look."""
