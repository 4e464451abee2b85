"""Wiring of an approval. The names of the nodes are frozen: a pending interrupt of a renamed node would vanish."""

from typing import Literal

from langgraph.graph import START, StateGraph

from graphs.promotion import nodes
from graphs.promotion.state import PromotionContext, PromotionInput, PromotionState


def route_proposal(state: PromotionState) -> Literal["gate", "__end__"]:
    """Ask the human, unless there is nothing to ask."""
    outcome = state.get("outcome", {})
    return "__end__" if outcome.get("decision") == "conflict" else "gate"


def route_outcome(state: PromotionState) -> Literal["propose", "__end__"]:
    """Ask again after an edit or a conflict, with the proposal as it is then; else it is decided."""
    return "propose" if state["outcome"]["decision"] == "again" else "__end__"


def build_promotion() -> StateGraph[PromotionState, PromotionContext, PromotionInput, PromotionState]:
    """Build the graph, not compiled: the app adds the checkpointer."""
    graph = StateGraph(PromotionState, context_schema=PromotionContext, input_schema=PromotionInput)
    graph.add_node("propose", nodes.propose)
    graph.add_node("gate", nodes.gate)
    graph.add_node("apply", nodes.apply)
    graph.add_edge(START, "propose")
    graph.add_conditional_edges("propose", route_proposal)
    graph.add_edge("gate", "apply")
    graph.add_conditional_edges("apply", route_outcome)
    return graph
