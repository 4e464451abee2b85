"""Ports: the few Protocols through which graphs and evals reach the outside world."""

from agent.ports.chat import Chat, Prompt
from agent.ports.grader import Grader
from agent.ports.journal import Clock, Journal, NoteGaps, Notes, Recorded, Wordings
from agent.ports.lab import LabRunner
from agent.ports.promotions import DecisionOutcome, Promotions
from agent.ports.retriever import Filters, Passage, Retriever, Sources

__all__ = [
    "Chat",
    "Clock",
    "DecisionOutcome",
    "Filters",
    "Grader",
    "Journal",
    "LabRunner",
    "NoteGaps",
    "Notes",
    "Passage",
    "Promotions",
    "Prompt",
    "Recorded",
    "Retriever",
    "Sources",
    "Wordings",
]
