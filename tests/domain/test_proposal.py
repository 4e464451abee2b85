"""Proposals, decisions and attempts as records: what they refuse, and that they survive their files."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from agent.domain.attempt import Attempt, Question, Turn, content_hash
from agent.domain.level import Level
from agent.domain.proposal import Change, Decision, Proposal
from tests.helpers.fakes import START
from tests.helpers.sittings import attempt, quiz_note, right

CHANGE: dict[str, Any] = {
    "topic": "t",
    "topic_text": "T",
    "from_level": "L0",
    "to_level": "L1",
    "evidence": [{"path": "sessions/s.md"}],
    "status": "Verified",
}


def test_levels_are_written_by_name() -> None:
    change = Change.model_validate(CHANGE)
    assert change.to_level is Level.L1
    assert change.model_dump(mode="json")["to_level"] == "L1"


@pytest.mark.parametrize(
    "bad",
    [
        {"to_level": "L9"},
        {"to_level": None},
        {"evidence": [{"path": ""}]},
        {"evidence": "sessions/s.md"},
        {"unknown": 1},
    ],
)
def test_what_a_change_refuses(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Change.model_validate(CHANGE | bad)


@pytest.mark.parametrize("bad", [{"type": "yes"}, {"type": "approve", "channel": "unauthenticated"}, {}])
def test_what_a_decision_refuses(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Decision.model_validate(bad)


def test_a_proposal_survives_its_file() -> None:
    proposal = Proposal(id="p", created=START, change=Change.model_validate(CHANGE), rationale="because")
    assert Proposal.model_validate_json(proposal.model_dump_json()) == proposal


def test_an_attempt_survives_its_file_with_its_hash() -> None:
    done = attempt(quiz_note(), [right] * 9)
    again = Attempt.model_validate_json(done.model_dump_json())
    assert again == done
    assert again.computed_hash() == done.sha256
    assert again.model_copy(update={"state": "stopped"}).computed_hash() != done.sha256


def test_a_turn_needs_a_time_with_its_zone() -> None:
    question = Question(claim="c0", kind="ask", text="Why?")
    with pytest.raises(ValidationError, match="needs its zone"):
        Turn(question=question, action="skip", text="", at=datetime(2026, 1, 1))  # noqa: DTZ001


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(max_examples=50)
@given(st.dictionaries(st.text(), _json))
def test_the_hash_does_not_depend_on_the_order_of_keys(value: dict[str, Any]) -> None:
    assert content_hash(value) == content_hash(dict(reversed(value.items())))


def test_a_hash_of_what_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        content_hash({"p": float("nan")})
