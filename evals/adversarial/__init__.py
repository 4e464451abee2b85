"""The adversarial set: hand-written and generated answers to pinned claims, and how the grader takes them."""

from evals.adversarial.cases import Case, load_cases, load_seen, stale_pins
from evals.adversarial.report import Outcome, judge_cases, table

__all__ = ["Case", "Outcome", "judge_cases", "load_cases", "load_seen", "stale_pins", "table"]
