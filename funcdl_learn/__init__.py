"""Exercises that grade themselves: from the vjp of a square to a framework and to shared weights."""
