"""Reading what a milestone's bullet asks of levels, and judging where it stands."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.domain.change import LineChange
from agent.domain.ledger import boxes
from agent.domain.level import Level
from agent.domain.milestone import bullet_states, read_goal
from agent.domain.proposal import LedgerEntry
from agent.domain.roadmap import Roadmap
from agent.workspace.roadmap_file import parse_roadmap

REPO = Path(__file__).parents[2]
SEED = parse_roadmap((REPO / "roadmap.md").read_text(encoding="utf-8"))
LANGCHAIN = (
    "lcel-primitives",
    "composition-patterns",
    "streaming",
    "tool-binding",
    "prompt-message-modeling",
)
SERVING = ("kv-cache-scaling", "vllm-concepts", "throughput-vs-latency-curves")
INFRA = tuple(topic.id for topic in SEED.tracks[1].topics)


@pytest.mark.parametrize(
    ("text", "topics", "need", "level"),
    [
        # The user's own roadmap, word for word (emphasis is gone once it is parsed).
        ("LangChain v1.0 core topics reach L3", LANGCHAIN, 5, 3),
        ("DeepSpeed ZeRO memory math reaches L3", ("zero-1-2-3", "memory-math"), 2, 3),
        ("vLLM throughput/latency benchmark reaches L3", SERVING[1:], 2, 3),
        ("At least 3 Infra topics reach L4", INFRA, 3, 4),
        # Other ways to say it.
        ("Track 02 reaches L1", INFRA, 12, 1),
        ("Three Systems topics reach L2 or above.", INFRA, 3, 2),
        ("2 of the Serving topics are at L3", SERVING, 2, 3),
        ("all serving topics in track 2 are at least L1", SERVING, 3, 1),
        ("5 topics reach L2", tuple(topic.id for topic in SEED.topics), 5, 2),
        ("RoPE and FlashAttention reach L2", ("flashattention-intuition", "rope"), 2, 2),
        ("KV cache reaches L2", ("kv-cache",), 1, 2),
        ("KV cache scaling gets to L4", ("kv-cache-scaling",), 1, 4),
        ("RAG (Applied) at L2", tuple(t.id for t in SEED.tracks[0].modules[2].topics), 4, 2),
    ],
)
def test_what_names_rows_and_a_level(text: str, topics: tuple[str, ...], need: int, level: int) -> None:
    goal = read_goal(text, SEED)
    assert goal is not None
    assert (set(goal.topics), goal.need, goal.level) == (set(topics), need, level)


@pytest.mark.parametrize(
    "text",
    [
        "Build a minimal “production-like RAG” demo in /lab/",
        "Includes offline eval + regression tests",
        "One end-to-end system writeup (trade-offs + eval + perf)",
        "The moon reaches L3",
        "Track 09 reaches L1",
        "Publish a post at L3 quality",
        "RoPE reaches L2 and a demo is online",
        "KV reaches L2",  # two rows fit alike
        "RoPE reaches L9",
        "0 topics reach L2",
        "",
    ],
)
def test_what_only_a_person_can_tell(text: str) -> None:
    assert read_goal(text, SEED) is None


def test_more_rows_than_there_are_is_never_met() -> None:
    goal = read_goal("At least 9 Serving topics reach L1", SEED)
    assert goal is not None
    assert not goal.met(dict.fromkeys(SERVING, Level.L5))


ROADMAP = parse_roadmap(
    """\
## Track 01 — T

| Module | Topic | Level | Evidence | Status |
|---|---|---|---|---|
| **M** | A | L0 | - | Planned |
|  | B | L0 | - | Planned |

## Milestones

### Milestone 1
- [ ] A reaches L2
- [x] B reaches L2
- [x] A talk
- [ ] A post
"""
)


def decided(text: str, *, ticked: bool = True) -> LedgerEntry:
    after = f"[{'x' if ticked else ' '}] {text}"
    change = LineChange(part="milestone", heading="Milestone 1", before=f"[ ] {text}", after=after)
    return LedgerEntry(
        id=text,
        at=datetime(2026, 11, 23, tzinfo=UTC),
        decision="approved",
        change=change,
        rationale="",
        reason="",
        by="me",
        attempt=None,
        attempt_sha256=None,
        appealed=(),
        versions={},
        follows=(),
    ).sealed()


def states(roadmap: Roadmap, levels: dict[str, Level], *entries: LedgerEntry) -> dict[str, str]:
    return {state.number: state.state for state in bullet_states(roadmap, levels, boxes(entries))}


def test_states() -> None:
    none = states(ROADMAP, {})
    assert none == {"1.1": "open", "1.2": "by hand", "1.3": "by hand", "1.4": "unbound"}
    levels = {"a": Level.L2, "b": Level.L2}
    assert states(ROADMAP, levels, decided("B reaches L2"), decided("A talk")) == {
        "1.1": "ready",
        "1.2": "done",
        "1.3": "done",
        "1.4": "unbound",
    }
    assert states(ROADMAP, {}, decided("B reaches L2"))["1.2"] == "slipped"
    assert states(ROADMAP, levels, decided("B reaches L2", ticked=False))["1.2"] == "by hand"


def test_each_says_what_it_waits_for() -> None:
    details = {state.number: state.detail for state in bullet_states(ROADMAP, {"a": Level.L3}, {})}
    assert details["1.1"] == "1/1: a at L2; `study review` asks for the tick"
    assert details["1.2"] == "ticked without a decision: `study milestone tick 1.2`"
    assert details["1.4"] == "yours to show: `study milestone tick 1.4 --evidence PATH`"
