"""Figures as SVG: their parts, and the kinds of figures that are made of them."""
