"""How the page looks, in light and in dark, on paper and on a phone."""

__all__ = ["STYLE"]

STYLE = """
:root {
  color-scheme: light dark;
  --page: #fdfdfc; --ink: #1c2024; --quiet: #5c646c; --rule: #d9dde1; --grid: #e9ecef;
  --accent: #0b62b0; --box: #cfe2f5; --minus: #b3541e;
  --s0: #0b62b0; --s1: #b3541e; --s2: #1d7a4f; --s3: #8a3ea0;
  --s4: #6b6100; --s5: #a3244f; --s6: #0b7285; --s7: #4a4f57;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --ink: #e6e9ec; --quiet: #a0a8b0; --rule: #3a4149; --grid: #272c32;
    --accent: #6fb7f7; --box: #1f3d5a; --minus: #f0a06a;
    --s0: #6fb7f7; --s1: #f0a06a; --s2: #63cf9a; --s3: #d59be8;
    --s4: #d8cb4e; --s5: #f78fae; --s6: #67d3e0; --s7: #c3c9d1;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1rem; max-width: 72rem;
  background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word;
}
h1 { font-size: 1.6rem; line-height: 1.2; margin: 1rem 0; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 0.5rem; }
a { color: var(--accent); }
nav ul { padding: 0; margin: 1rem 0; list-style: none; columns: 14rem; max-width: 50rem; }
nav li { padding: 0.15rem 0; break-inside: avoid; }
.here { opacity: 0; text-decoration: none; font-weight: 400; }
:is(h2, h3):hover .here, :is(h2, h3):target .here, .here:focus { opacity: 1; }
@media (hover: none) { .here { opacity: 0.6; } }
p, figcaption { max-width: 42rem; }
figure { margin: 1rem 0 2rem; max-width: 50rem; }
figcaption { margin: 0 0 0.75rem; }
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
tbody th, thead th:first-child { position: sticky; left: 0; background: var(--page); }
td { text-align: right; white-space: nowrap; }
td.words { text-align: left; white-space: normal; min-width: 13rem; }
thead th { border-bottom: 2px solid var(--rule); vertical-align: bottom; }
thead th + th { text-align: right; }
thead th.words { text-align: left; }
tbody th, tbody td { border-bottom: 1px solid var(--grid); }
tbody + tbody tr:first-child > * { border-top: 2px solid var(--rule); }
tbody:last-child tr:last-child > * { border-bottom: 1px solid var(--rule); }
tbody th { min-width: 10.5rem; max-width: 16rem; }
details tbody th, .short tbody th { min-width: 0; }
dl { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: 0.2rem 1rem; }
dt { color: var(--quiet); }
dd { margin: 0; min-width: 0; }
details { margin: 0.5rem 0; }
summary { cursor: pointer; margin: 0 0 0.5rem; }
svg { display: block; overflow: hidden; font-size: 13px; }
svg text { fill: var(--ink); }
svg text.under { fill: var(--quiet); font-size: 12px; }
svg text.group { font-weight: 600; }
svg .grid { stroke: var(--grid); }
svg .rule { stroke: var(--rule); }
svg .zero { stroke: var(--quiet); stroke-dasharray: 4 3; }
svg .box { fill: var(--box); }
svg .median, svg .bar { stroke: var(--accent); stroke-width: 2; }
svg .dot { fill: var(--accent); stroke: var(--page); }
svg .thin, svg .thick { fill: none; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
svg .thin { stroke: var(--quiet); stroke-opacity: 0.45; }
svg .thick { stroke: var(--accent); stroke-width: 2.5; }
.multiples {
  display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(max(9rem, 21%), 1fr));
}
.multiples svg { width: 100%; height: auto; }
.multiples p { margin: 0.25rem 0 0; font-size: 0.875rem; }
svg .truth {
  fill: none; stroke: var(--accent); stroke-width: 2; vector-effect: non-scaling-stroke;
}
svg .mistake { fill: var(--page); stroke: var(--accent); stroke-width: 0.4; }
pre { white-space: pre-wrap; padding: 0.75rem; background: var(--grid); }
.s0 { color: var(--s0); } .s1 { color: var(--s1); } .s2 { color: var(--s2); }
.s3 { color: var(--s3); } .s4 { color: var(--s4); } .s5 { color: var(--s5); }
.s6 { color: var(--s6); } .s7 { color: var(--s7); }
svg .curve {
  fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round;
  vector-effect: non-scaling-stroke;
}
svg .band { fill: currentColor; fill-opacity: 0.13; }
svg .whisker { stroke: currentColor; stroke-width: 1.5; }
svg .mark { fill: currentColor; stroke: currentColor; stroke-width: 1.5; }
svg .hollow { fill: var(--page); }
svg .square { transform: translate(-4px, -4px); }
svg .diamond {
  transform-box: fill-box; transform-origin: center;
  transform: translate(-4px, -4px) rotate(45deg);
}
svg.raster { shape-rendering: crispEdges; }
svg .cell { fill: var(--grid); }
svg .share { fill: var(--accent); }
.panels { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); }
.panels p { margin: 0.25rem 0 0; font-size: 0.875rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 0.5rem; }
.cards {
  display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr));
  list-style: none; padding: 0;
}
.cards p { margin: 0.25rem 0 0; font-size: 0.875rem; }
svg .ink { fill: var(--ink); }
svg .minus { fill: var(--minus); }
svg .open { fill: var(--page); stroke: var(--accent); stroke-width: 2; }
@media (min-width: 64rem) { tbody th { white-space: nowrap; max-width: none; } }
@media (max-width: 30rem) { tbody th { min-width: 7rem; } }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  .scroll { overflow: visible; }
  table { font-size: 7.5pt; }
  th, td { padding: 0.15rem 0.4rem 0.15rem 0; }
  td.words { min-width: 0; }
  nav, .here, summary { display: none; }
  h2, h3, caption { break-after: avoid; }
  tr, figcaption, .panels > div, .multiples > div, .cards > li { break-inside: avoid; }
  details::details-content { content-visibility: visible; }
}
"""
