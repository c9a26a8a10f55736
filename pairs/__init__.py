"""Comparing pairs of digits: data, models, training, study and report."""
