"""Wiring of the quiz. One run is one message of the learner: it is routed from START, and ends with a question."""

from typing import Literal

from langgraph.graph import END, START, StateGraph

from graphs.quiz import nodes
from graphs.quiz.message import MessageKind, kind_of
from graphs.quiz.state import QuizContext, QuizInput, QuizState

Entry = Literal["open_quiz", "judge", "give_hint", "skip", "explain", "appeal", "note_gap", "stop", "refuse", "__end__"]


def route_message(state: QuizState) -> Entry:
    """Choose the node for a message; a closed quiz and an empty message change nothing."""
    if "phase" not in state:
        return "open_quiz"
    if state["phase"] == "closed" or not state.get("question"):
        return "__end__"
    routes: dict[MessageKind, Entry] = {
        "answer": "judge",
        "hint": "give_hint",
        "skip": "skip",
        "explain": "explain",
        "appeal": "appeal",
        "note": "note_gap",
        "quit": "stop",
        "unknown": "refuse",
    }
    return routes.get(kind_of(state.get("message", "")), "__end__")


def route_question(state: QuizState) -> Literal["close", "__end__"]:
    """Close when there is nothing left to ask, else wait for the learner."""
    return "__end__" if state.get("question") else "close"


def build_quiz() -> StateGraph[QuizState, QuizContext, QuizInput, QuizState]:
    """Build the graph, not compiled: the app adds the checkpointer."""
    graph = StateGraph(QuizState, context_schema=QuizContext, input_schema=QuizInput)
    for node in (nodes.judge, nodes.give_hint, nodes.skip, nodes.explain, nodes.appeal, nodes.ask, nodes.close):
        graph.add_node(node.__name__, node)
    graph.add_node("open_quiz", nodes.open_quiz)
    graph.add_node("note_gap", nodes.note_gap)
    graph.add_node("stop", nodes.stop)
    graph.add_node("refuse", nodes.refuse)
    graph.add_conditional_edges(START, route_message)
    for name in ("open_quiz", "judge", "give_hint", "skip", "explain", "appeal", "note_gap"):
        graph.add_edge(name, "ask")
    graph.add_conditional_edges("ask", route_question)
    graph.add_edge("stop", "close")
    graph.add_edge("refuse", END)
    graph.add_edge("close", END)
    return graph
