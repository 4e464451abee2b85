"""Composition root: the only place that reads settings and wires ports to adapters."""

from agent.app.container import App

__all__ = ["App"]
