"""Answers from the notes, each sentence with a quote that code has found in the file."""

from graphs.ask.graph import build_ask
from graphs.ask.state import AskContext, AskInput, AskState

__all__ = ["AskContext", "AskInput", "AskState", "build_ask"]
