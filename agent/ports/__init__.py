"""Ports: the few Protocols through which graphs and evals reach the outside world."""

from agent.ports.chat import Chat, Prompt
from agent.ports.grader import Grader

__all__ = ["Chat", "Grader", "Prompt"]
