"""Checkpoints of graph threads in SQLite."""

from agent.adapters.checkpoints.sqlite import Threads, open_threads

__all__ = ["Threads", "open_threads"]
