"""The week: what comes first, why, and what fits."""

import pytest

from agent.domain.dashboard import NextGate
from agent.domain.level import Level
from agent.domain.milestone import bullet_states
from agent.domain.plan import HalfDone, Plan, Situation, plan
from agent.domain.roadmap import Roadmap
from agent.workspace.roadmap_file import parse_roadmap

TEXT = """\
## Focus
- **Q1 focus:** serving + fine-tuning

## Track 01 — T

| Module | Topic | Level | Evidence | Status |
|---|---|---|---|---|
| **Basics** | Attention | L0 | - | Planned |
|  | Cache | L0 | - | Planned |
|  | Top-k tuning | L0 | - | Planned |
| **Serving** | Batching | L0 | - | Planned |
|  | Paging | L1 | - | Verified |
| **Other** | Rope | L1 | - | Verified |
|  | Tokens | L0 | - | Planned |

## Milestones

### Milestone 1
- [ ] Tokens reaches L1
"""
ROADMAP = parse_roadmap(TEXT)
REQUIRES = {"attention": (), "cache": ("attention",), "batching": ("cache",), "tokens": (), "top-k-tuning": ()}
FOCUS = "serving + fine-tuning"


def situation(roadmap: Roadmap = ROADMAP, **values: object) -> Situation:
    return Situation(**{"roadmap": roadmap, "requires": REQUIRES, **values})  # type: ignore[arg-type]


def shown(made: Plan) -> list[tuple[str, str]]:
    return [(item.kind, item.topic) for item in made.items]


def gate(topic: str, level: Level, *missing: str) -> NextGate:
    found = ROADMAP.topic(topic)
    assert found is not None
    return NextGate(found, level, missing, 4)


def test_what_waits_and_what_is_due_come_first() -> None:
    made = plan(situation(pending=["A: L0 → L1"], due={"rope": "It is forgotten."}, focus=FOCUS), 10)
    assert shown(made)[:2] == [("decide", ""), ("re-check", "rope")]
    assert made.items[1].reason == "It is forgotten."
    assert made.items[1].command == "study due rope --start"


def test_the_focus_with_what_it_builds_on_before_it() -> None:
    made = plan(situation(focus=FOCUS), 2)
    assert shown(made)[:3] == [("quiz", "attention"), ("quiz", "cache"), ("quiz", "batching")]
    assert made.items[0].reason == (
        "“Batching” builds on it. That belongs to the quarter's focus (“serving + fine-tuning”)."
    )
    assert made.items[2].reason == "It belongs to the quarter's focus (“serving + fine-tuning”)."


def test_half_a_compound_is_no_focus() -> None:
    made = plan(situation(focus="fine-tuning"), 10)
    assert not any("focus" in item.reason for item in made.items)


def test_what_is_begun_takes_less_time_and_says_until_when_it_counts() -> None:
    made = plan(situation(half_done={"tokens": HalfDone(3, 4, "2026-12-05")}), 1)
    assert shown(made)[0] == ("quiz", "tokens")
    assert made.items[0].minutes == 15
    assert made.items[0].reason.endswith("3 of 4 core claims are explained and count until 2026-12-05.")


def test_the_nearest_gate_and_an_open_one() -> None:
    near = gate("paging", Level.L2, "a run: there is none")
    open_ = gate("rope", Level.L2)
    made = plan(situation(gates=[near, open_]), 5)
    assert shown(made)[:2] == [("propose", "rope"), ("lab", "paging")]
    assert made.items[0].command == "study promote rope --to L2"
    assert made.items[1].reason == "It is near to L2. L2 lacks 1 of 4: a run: there is none."
    far = gate("paging", Level.L2, "a lab folder: none")
    assert plan(situation(gates=[far]), 5).items[0].command == "study lab new paging"


def test_a_milestone_is_a_reason() -> None:
    bullets = bullet_states(ROADMAP, {}, {})
    made = plan(situation(bullets=bullets), 0.5)
    assert made.items[0].reason == "It is needed at L1 by the milestone bullet 1.1."


def test_then_what_most_others_build_on() -> None:
    made = plan(situation(requires={**REQUIRES, "tokens": ("attention",)}), 0.5)
    assert (made.items[0].topic, made.items[0].reason) == ("attention", "2 other topics build on it.")


@pytest.mark.parametrize("hours", [0.1, 0.5, 1.2, 3, 50])
def test_the_hours_hold_and_every_topic_comes_once(hours: float) -> None:
    made = plan(situation(focus=FOCUS, pending=["x"], due={"rope": "Due."}), hours)
    assert made.minutes <= hours * 60
    topics = [item.topic for item in (*made.items, *made.later) if item.topic]
    assert len(topics) == len(set(topics))
    assert all(item.reason.endswith(".") and item.command.startswith("study ") for item in made.items)


def test_notes_that_build_on_each_other_in_a_circle_end() -> None:
    made = plan(situation(requires={"cache": ("attention",), "attention": ("cache",)}, focus="serving"), 9)
    assert [item.topic for item in made.items if item.kind == "quiz"] == []
    made = plan(situation(requires={"cache": ("attention",), "attention": ("cache",)}, focus="cache"), 9)
    assert [item.topic for item in made.items] == ["attention", "cache"]


def test_a_row_without_a_note_is_not_quizzed() -> None:
    made = plan(situation(requires={}, focus=FOCUS), 9)
    assert not made.items
