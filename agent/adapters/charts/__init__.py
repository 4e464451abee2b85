"""Pictures of the progress as SVG text that renders on a code host as it is, in light and dark."""

from agent.adapters.charts.history import history
from agent.adapters.charts.matrix import matrix
from agent.adapters.charts.memory import memory

__all__ = ["history", "matrix", "memory"]
