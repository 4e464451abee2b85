"""Wiring of `ask`. One run is one question; a thread keeps earlier ones for follow-ups."""

from typing import Literal

from langgraph.graph import END, START, StateGraph

from agent.domain.answering import has_evidence
from graphs.ask import nodes
from graphs.ask.state import AskContext, AskInput, AskState


def route_evidence(state: AskState) -> Literal["answer", "quote"]:
    """Ask no model where the passages are too far from the question to hold an answer."""
    scores = [(place["lexical"], place["cosine"]) for place in state["places"]]
    return "answer" if has_evidence(scores) else "quote"


def route_answer(state: AskState) -> Literal["quote", "__end__"]:
    """Let the notes speak for themselves when no sentence of the model held."""
    return "quote" if state["outcome"] == "abstained" else "__end__"


def route_quote(state: AskState) -> Literal["abstain", "__end__"]:
    """Abstain when no line is likely enough to answer."""
    return "abstain" if state["outcome"] == "abstained" else "__end__"


def build_ask() -> StateGraph[AskState, AskContext, AskInput, AskState]:
    """Build the graph, not compiled: the app adds the checkpointer."""
    graph = StateGraph(AskState, context_schema=AskContext, input_schema=AskInput)
    for node in (nodes.condense, nodes.retrieve, nodes.answer, nodes.quote, nodes.abstain):
        graph.add_node(node.__name__, node)
    graph.add_edge(START, "condense")
    graph.add_edge("condense", "retrieve")
    graph.add_conditional_edges("retrieve", route_evidence)
    graph.add_conditional_edges("answer", route_answer)
    graph.add_conditional_edges("quote", route_quote)
    graph.add_edge("abstain", END)
    return graph
