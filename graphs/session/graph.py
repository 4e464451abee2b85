"""Wiring of a day's session. The names of the nodes are frozen: a pending interrupt of a renamed node would vanish."""

from typing import Literal

from langgraph.graph import START, StateGraph

from graphs.session import nodes
from graphs.session.state import SessionContext, SessionInput, SessionState


def route_draft(state: SessionState) -> Literal["verify", "gate", "__end__"]:
    """Ask at once about a draft that waits; end where the day has nothing new."""
    if state["draft"]:
        return "gate"
    return "verify" if state["events"] else "__end__"


def route_outcome(state: SessionState) -> Literal["draft", "__end__"]:
    """Ask again after an edit or a conflict, about the draft as it lies there then; else it is decided."""
    return "draft" if state["outcome"]["decision"] == "again" else "__end__"


def build_session() -> StateGraph[SessionState, SessionContext, SessionInput, SessionState]:
    """Build the graph, not compiled: the app adds the checkpointer."""
    graph = StateGraph(SessionState, context_schema=SessionContext, input_schema=SessionInput)
    for node in (nodes.draft, nodes.verify, nodes.gate, nodes.apply):
        graph.add_node(node.__name__, node)
    graph.add_edge(START, "draft")
    graph.add_conditional_edges("draft", route_draft)
    graph.add_edge("verify", "gate")
    graph.add_edge("gate", "apply")
    graph.add_conditional_edges("apply", route_outcome)
    return graph
