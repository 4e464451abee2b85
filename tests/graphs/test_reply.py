"""What a human may answer at the gate, in three dialects; what is not understood is no answer."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from graphs.promotion.reply import Reply

EDIT = {"to_level": "L1", "status": "Mine"}


@pytest.mark.parametrize(
    ("value", "type_", "reason", "edited"),
    [
        # ours
        ({"type": "approve"}, "approve", "", {}),
        ({"type": "approve", "reason": "sure"}, "approve", "sure", {}),
        ({"type": "reject", "reason": "guessed"}, "reject", "guessed", {}),
        ({"type": "later"}, "later", "", {}),
        ({"type": "edit", "edited": EDIT, "reason": "why"}, "edit", "why", EDIT),
        # Agent Chat UI
        ({"decisions": [{"type": "approve"}]}, "approve", "", {}),
        ({"decisions": [{"type": "reject", "message": "no"}]}, "reject", "no", {}),
        ({"decisions": [{"type": "respond", "message": "hm"}]}, "later", "hm", {}),
        (
            {"decisions": [{"type": "edit", "edited_action": {"name": "change_level", "args": EDIT}}]},
            "edit",
            "",
            EDIT,
        ),
        # Agent Inbox
        ([{"type": "accept", "args": None}], "approve", "", {}),
        ([{"type": "accept", "args": {"action": "change_level", "args": EDIT}}], "approve", "", {}),
        ([{"type": "edit", "args": {"action": "change_level", "args": EDIT}}], "edit", "", EDIT),
        ([{"type": "response", "args": "not yet"}], "later", "not yet", {}),
        ([{"type": "ignore", "args": None}], "later", "", {}),
    ],
)
def test_dialects(value: Any, type_: str, reason: str, edited: dict[str, Any]) -> None:
    assert Reply.model_validate(value).model_dump() == {"type": type_, "reason": reason, "edited": edited}


GARBAGE: list[Any] = [
    None,
    True,
    1,
    "approve",
    "y",
    "",
    [],
    {},
    {"approve": True},
    {"type": None},
    {"type": ["approve"]},
    {"type": "Approve"},
    {"type": " approve"},
    {"type": "approved"},
    {"type": "yes"},
    {"action": "approve"},
    {"decisions": []},
    {"decisions": None},
    {"decisions": "approve"},
    {"decisions": [{"type": "approve"}, {"type": "approve"}]},
    [{"type": "accept"}, {"type": "ignore"}],
    [[{"type": "accept"}]],
    ["approve"],
    {"type": "edit"},
    {"type": "edit", "edited": "L5"},
    {"type": "edit", "args": None},
    {"type": "approve", "reason": {"a": 1}},
    {"type": "reject", "reason": "x" * 4001},
]


@pytest.mark.parametrize("value", GARBAGE)
def test_garbage_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        Reply.model_validate(value)


_words = st.sampled_from(["approve", "accept", "edit", "reject", "type", "decisions", "args", "reason"]) | st.text()
_plain = st.recursive(
    st.none() | st.booleans() | st.integers() | _words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=3),
    max_leaves=6,
)


@given(_plain)
def test_nothing_approves_but_one_decision_that_says_so(value: Any) -> None:
    try:
        reply = Reply.model_validate(value)
    except ValidationError:
        return
    inner = value["decisions"] if isinstance(value, dict) and "decisions" in value else value
    one = inner[0] if isinstance(inner, list) else inner
    assert (reply.type == "approve") == (one["type"] in ("approve", "accept"))
