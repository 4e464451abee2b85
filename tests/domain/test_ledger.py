"""The chain of decisions: heads, merges, tampering, and the levels it vouches for."""

from datetime import timedelta
from typing import Any, Literal

import pytest

from agent.domain.ledger import faults, heads, in_order, levels
from agent.domain.level import Level
from agent.domain.proposal import Change, LedgerEntry
from tests.helpers.fakes import START


def entry(
    id: str,
    *follows: LedgerEntry,
    topic: str = "t",
    to: Level = Level.L1,
    minutes: int = 0,
    decision: Literal["approved", "rejected"] = "approved",
) -> LedgerEntry:
    change = Change(topic=topic, topic_text="T", from_level=Level.L0, to_level=to, evidence=(), status="Verified")
    return LedgerEntry(
        id=id,
        at=START + timedelta(minutes=minutes),
        decision=decision,
        change=change,
        rationale="",
        reason="",
        by="me",
        attempt=None,
        attempt_sha256=None,
        appealed=(),
        versions={},
        follows=tuple(sorted(e.sha256 for e in follows)),
    ).sealed()


A = entry("a")
B = entry("b", A, minutes=1)
LEFT, RIGHT = entry("l", B, topic="left", minutes=2), entry("r", B, topic="right", minutes=3)
MERGED = entry("m", LEFT, RIGHT, minutes=4)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], []),
        ([A], [A]),
        ([A, B], [B]),
        ([B, A], [B]),
        ([A, B, LEFT, RIGHT], [LEFT, RIGHT]),
        ([A, B, LEFT, RIGHT, MERGED], [MERGED]),
    ],
)
def test_heads(entries: list[LedgerEntry], expected: list[LedgerEntry]) -> None:
    assert heads(entries) == tuple(sorted(e.sha256 for e in expected))


def test_a_whole_chain_has_no_faults() -> None:
    assert faults([MERGED, RIGHT, LEFT, B, A]) == []


@pytest.mark.parametrize(
    "edit",
    [{"reason": "edited"}, {"by": "somebody"}, {"at": START}, {"follows": ()}, {"decision": "rejected"}],
)
def test_an_edit_shows(edit: dict[str, Any]) -> None:
    edited = B.model_copy(update=edit)
    assert faults([A, edited]) == [(edited, "it was changed after the decision: its hash does not match")]


def test_an_edit_with_a_recomputed_hash_shows_in_what_follows_it() -> None:
    edited = A.model_copy(update={"reason": "edited"}).sealed()
    message = f"an entry that it follows is gone or was changed ({A.sha256[:12]})"
    assert faults([edited, B]) == [(B, message)]


def test_a_deleted_entry_shows() -> None:
    assert [e.id for e, _ in faults([A, LEFT, RIGHT])] == ["l", "r"]


def test_order_follows_the_hashes_not_the_clock() -> None:
    earlier = entry("z", B, minutes=-60)  # written later, by a clock that went backwards
    assert [e.id for e in in_order([earlier, B, A])] == ["a", "b", "z"]
    assert [e.id for e in in_order([MERGED, RIGHT, LEFT, A, B])] == ["a", "b", "l", "r", "m"]


def test_order_ends_where_hashes_go_in_a_circle() -> None:
    x = entry("x").model_copy(update={"sha256": "x", "follows": ("y",)})
    y = entry("y").model_copy(update={"sha256": "y", "follows": ("x",)})
    assert {e.id for e in in_order([x, y])} == {"x", "y"}


def test_levels_are_rebuilt_from_approvals_in_order() -> None:
    up = entry("up", to=Level.L2)
    down = entry("down", up, to=Level.L1, minutes=-5)
    no = entry("no", down, to=Level.L3, decision="rejected")
    assert levels([no, down, up, LEFT]) == {"t": Level.L1, "left": Level.L1}


def test_an_entry_survives_its_file() -> None:
    again = LedgerEntry.model_validate_json(MERGED.model_dump_json())
    assert again == MERGED
    assert again.computed_hash() == MERGED.sha256
