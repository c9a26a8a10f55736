"""Staging: a pure training step, recorded once and replayed as a flat list of in-place calls."""
