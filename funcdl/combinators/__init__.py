"""Combinators: they take layers and give a layer, one idea a file."""
