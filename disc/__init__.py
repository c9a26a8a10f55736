"""The customary test of a small framework: learn to tell the inside of a disc from its outside.

Points are drawn uniformly in [0, 1]²; the disc has its centre at (0.5, 0.5) and the radius
1/√(2π), so that half of the square is inside. All rounds train in one pass, on a leading model
axis, each with points and weights of its own.
"""

from disc.experiment import Epoch, Experiment, Start, begin, learn, moments
from disc.network import ACTIVATIONS, network, surface
from disc.outcomes import Outcome, outcome, run
from disc.points import RADIUS, Points, draw

__all__ = [
    "ACTIVATIONS",
    "RADIUS",
    "Epoch",
    "Experiment",
    "Outcome",
    "Points",
    "Start",
    "begin",
    "draw",
    "learn",
    "moments",
    "network",
    "outcome",
    "run",
    "surface",
]
