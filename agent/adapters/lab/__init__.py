"""Labs in processes of their own: `environments` makes what they run in, `process` runs them under `supervise`."""

from agent.adapters.lab.runner import LocalRunner

__all__ = ["LocalRunner"]
