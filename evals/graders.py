"""The grader as the quiz has it, for the evals that measure the quiz."""

from agent.adapters.grading import load_grader
from agent.domain.quiz import QUIZ_BANDS
from agent.ports import Grader


def quiz_grader(kind: str = "local", *, threads: int = 1) -> Grader:
    """Load a grader with the bands on which a quiz acts; the one by words keeps its own."""
    return load_grader(kind, threads=threads, bands=None if kind == "lexical" else QUIZ_BANDS)
