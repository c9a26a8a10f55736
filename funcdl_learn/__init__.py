"""Exercises that grade themselves: from the vjp of a square to shared weights and a framework."""
