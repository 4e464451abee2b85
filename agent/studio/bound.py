"""A compiled graph that brings its own context: a server knows nothing of ports, and a client must not choose them."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph


class BoundGraph(CompiledStateGraph[Any, Any, Any, Any]):
    """Runs with the context that `bound_context` gives, whatever context a request carries."""

    def __init__(self, *, bound_context: Callable[[], Any], **attributes: Any) -> None:
        """`bound_context` is called once a run; the server copies a graph by its attributes, so they come in here."""
        super().__init__(**attributes)
        self.bound_context = bound_context

    def astream(self, *args: Any, context: object = None, **options: Any) -> AsyncIterator[Any]:
        """See `Pregel.astream`; `context` is replaced."""
        return super().astream(*args, context=self.bound_context(), **options)


def bound(graph: StateGraph[Any, Any, Any, Any], name: str, context: Callable[[], Any]) -> BoundGraph:
    """Compile a graph without a checkpointer, which the server adds, and bind its context."""
    return BoundGraph(bound_context=context, **graph.compile(name=name).__dict__)
