"""The quiz: plan, ask, listen, judge, follow up, close."""

from graphs.quiz.graph import build_quiz
from graphs.quiz.state import FLOW_VERSION, QuizContext, QuizInput, QuizState

__all__ = ["FLOW_VERSION", "QuizContext", "QuizInput", "QuizState", "build_quiz"]
