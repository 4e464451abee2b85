"""Which topic to study next."""

from datetime import date

import pytest

from agent.domain.level import Level
from agent.domain.roadmap import FocusLine, Module, Roadmap, Topic, Track
from agent.domain.suggestion import next_topic, quarter_focus

FOCUS = (FocusLine("Q1 focus", "LangGraph and streaming", 1), FocusLine("Q4 focus", "KV caches", 2))


def topic(id: str, text: str, level: Level = Level.L0) -> Topic:
    return Topic(id=id, text=text, track="01-x", module="", level=level, evidence=(), status="", line=1)


def roadmap(*topics: Topic, focus: tuple[FocusLine, ...] = FOCUS) -> Roadmap:
    return Roadmap(tracks=(Track(1, "X", "01-x", (Module("", topics),)),), focus=focus)


ROPE, CACHE, STREAM = topic("rope", "RoPE"), topic("kv", "KV cache scaling"), topic("s", "Streaming")


@pytest.mark.parametrize(
    ("month", "expected"), [(1, "LangGraph and streaming"), (3, "LangGraph and streaming"), (4, ""), (10, "KV caches")]
)
def test_focus_of_a_quarter(month: int, expected: str) -> None:
    assert quarter_focus(roadmap(), date(2026, month, 1)) == expected


@pytest.mark.parametrize(
    ("month", "expected"),
    [(2, ("s", "it belongs to this quarter's focus")), (11, ("kv", "it belongs to this quarter's focus"))],
)
def test_the_focus_comes_first(month: int, expected: tuple[str, str]) -> None:
    found = next_topic(roadmap(ROPE, CACHE, STREAM), date(2026, month, 1), lambda _: True)
    assert found is not None
    assert (found[0].id, found[1]) == expected


def test_then_the_order_of_the_roadmap() -> None:
    found = next_topic(roadmap(ROPE, CACHE), date(2026, 5, 1), lambda _: True)
    assert found == (ROPE, "it is the first topic below L1 that has a note")


def test_topics_at_l1_or_without_a_note_are_left_out() -> None:
    reached = topic("kv", "KV cache scaling", Level.L1)
    assert next_topic(roadmap(reached, ROPE), date(2026, 11, 1), lambda _: True) == (
        ROPE,
        "it is the first topic below L1 that has a note",
    )
    assert next_topic(roadmap(ROPE, CACHE), date(2026, 11, 1), lambda t: t.id == "none") is None
