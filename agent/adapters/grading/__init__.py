"""Claim graders: lexical, local cross-encoder, endpoint; `load_grader` picks one."""

from agent.adapters.grading.factory import load_grader

__all__ = ["load_grader"]
