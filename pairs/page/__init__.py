"""A study's results as one HTML page that needs no network and no script."""

from pairs.page.render import render
from pairs.page.sweep import render_sweep

__all__ = ["render", "render_sweep"]
