"""Adapters: one folder a technology, each implementing a port of `agent.ports`. Siblings of `graphs`."""
