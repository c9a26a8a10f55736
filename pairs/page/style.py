"""How the page looks, in light and in dark, on paper and on a phone."""

__all__ = ["STYLE"]

STYLE = """
:root {
  color-scheme: light dark;
  --page: #fdfdfc; --ink: #1c2024; --quiet: #5c646c; --rule: #d9dde1; --grid: #e9ecef;
  --accent: #0b62b0; --box: #cfe2f5; --minus: #b3541e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --ink: #e6e9ec; --quiet: #a0a8b0; --rule: #3a4149; --grid: #272c32;
    --accent: #6fb7f7; --box: #1f3d5a; --minus: #f0a06a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1rem; max-width: 64rem;
  background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word;
}
h1 { font-size: 1.6rem; line-height: 1.2; margin: 1rem 0; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 0.5rem; }
p, figcaption { max-width: 42rem; }
figure { margin: 1rem 0; max-width: 50rem; }
figcaption, caption { color: var(--quiet); font-size: 0.875rem; }
caption { text-align: left; padding: 0 0 0.5rem; }
caption span {
  display: block; position: sticky; left: 0; width: fit-content;
  max-width: min(42rem, calc(100vw - 2rem));
}
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--accent); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.875rem; }
th, td { padding: 0.3rem 0.9rem 0.3rem 0; vertical-align: top; }
th { text-align: left; font-weight: 600; }
td { text-align: right; white-space: nowrap; }
td.words { text-align: left; white-space: normal; min-width: 13rem; }
thead th { border-bottom: 2px solid var(--rule); vertical-align: bottom; }
thead th + th { text-align: right; }
thead th.words { text-align: left; }
tbody th, tbody td { border-bottom: 1px solid var(--rule); }
tbody th { min-width: 10.5rem; max-width: 16rem; }
details tbody th { min-width: 0; }
dl { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: 0.2rem 1rem; }
dt { color: var(--quiet); }
dd { margin: 0; min-width: 0; }
details { margin: 2rem 0; }
summary { cursor: pointer; margin: 0 0 0.5rem; }
svg { display: block; overflow: hidden; font-size: 13px; }
svg text { fill: var(--ink); }
svg text.under { fill: var(--quiet); font-size: 12px; }
svg .grid { stroke: var(--grid); }
svg .zero { stroke: var(--quiet); stroke-dasharray: 4 3; }
svg .box { fill: var(--box); }
svg .median, svg .bar { stroke: var(--accent); stroke-width: 2; }
svg .dot { fill: var(--accent); stroke: var(--page); }
svg.raster { shape-rendering: crispEdges; }
svg .ink { fill: var(--ink); }
svg .minus { fill: var(--minus); }
svg .open { fill: var(--page); stroke: var(--accent); stroke-width: 2; }
@media print { .scroll { overflow: visible; } }
"""
