"""LangGraph graphs, one folder each: `state`, `nodes`, `prompts/`, `graph` (wiring and routers only)."""
