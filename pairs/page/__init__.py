"""A study's results as one HTML page that needs no network and no script."""

from pairs.page.render import render
from pairs.page.saved import Study, load
from pairs.page.write import write

__all__ = ["Study", "load", "render", "write"]
