"""Figures as SVG that stands in a page: strings, no script and no library."""
