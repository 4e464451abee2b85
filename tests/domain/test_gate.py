"""The L1 gate: which reasons it gives for which evidence."""

import pytest

from agent.domain.attempt import Attempt
from agent.domain.change import status_after
from agent.domain.gate import SessionEvidence, l1_requirement
from agent.domain.level import Level
from tests.helpers.sittings import POLICY, attempt, quiz_note, right, wrong

NOTE = quiz_note()
PASSED = attempt(NOTE, [right] * 9, id="p")
FAILED = attempt(NOTE, [wrong], id="f")
EDITED = attempt(NOTE, [right] * 9, id="e").model_copy(update={"reasons": ("none",)})


def reason(*sessions: SessionEvidence, on_file: tuple[Attempt, ...] = (PASSED, FAILED, EDITED)) -> str:
    return l1_requirement(NOTE, sessions, {a.id: a for a in on_file}, POLICY).reason


def session(*attempts: str) -> SessionEvidence:
    return SessionEvidence("sessions/s.md", ("kv-cache-scaling",), attempts)


@pytest.mark.parametrize(
    ("sessions", "expected"),
    [
        ((session("p"),), ""),
        ((session("f"), session("p")), ""),
        ((session("f", "p"),), ""),
        ((), "no session is linked"),
        ((session(),), "sessions/s.md names no quiz attempt"),
        ((session("gone"),), "sessions/s.md names the attempt gone, which is not in progress/attempts/"),
        ((session("f"),), "sessions/s.md: The attempt was not passed."),
        (
            (session("e"),),
            "sessions/s.md: The attempt was changed after it was recorded: its hash does not match.",
        ),
        (
            (session(), session("f")),
            "sessions/s.md names no quiz attempt; sessions/s.md: The attempt was not passed.",
        ),
    ],
)
def test_reasons(sessions: tuple[SessionEvidence, ...], expected: str) -> None:
    assert reason(*sessions) == expected


def test_what_the_session_says_of_its_topic_counts_for_nothing() -> None:
    other = PASSED.model_copy(update={"topic": "rope"}).sealed()
    assert "'rope'" in reason(session("p"), on_file=(other,))


def test_a_requirement_without_a_reason_is_met() -> None:
    requirement = l1_requirement(NOTE, [session("p")], {"p": PASSED}, POLICY)
    assert requirement.met
    assert requirement.level is Level.L1


@pytest.mark.parametrize(
    ("status", "level", "after"),
    [
        ("Planned", Level.L1, "Verified"),
        ("learning", Level.L1, "Verified"),
        ("", Level.L1, "Verified"),
        ("-", Level.L2, "Verified"),
        ("Verified", Level.L0, "Learning"),
        ("Blocked on hardware", Level.L1, "Blocked on hardware"),
    ],
)
def test_statuses_move_forward_and_unknown_words_stay(status: str, level: Level, after: str) -> None:
    assert status_after(status, level) == after
