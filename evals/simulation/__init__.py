"""Simulated learners who answer through the real quiz graph."""

from evals.simulation.learners import KINDS, Learner
from evals.simulation.run import CachedGrader, Played, play
from evals.simulation.sheets import Sheet, load_sheets

__all__ = ["KINDS", "CachedGrader", "Learner", "Played", "Sheet", "load_sheets", "play"]
