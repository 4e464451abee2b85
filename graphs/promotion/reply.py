"""What a human may answer at the gate, in the formats of the clients that ask: ours, Agent Chat UI, Agent Inbox."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from agent.ports.promotions import DecisionOutcome

_TYPES = {
    "approve": "approve",
    "accept": "approve",
    "edit": "edit",
    "reject": "reject",
    "respond": "later",
    "response": "later",
    "ignore": "later",
    "later": "later",
}


class Reply(BaseModel):
    """A reply in our own form; `edited` holds the changed arguments of an edit.

    Anything that is not understood fails validation, and the question stays pending: unknown never approves.
    """

    model_config = ConfigDict(extra="forbid")

    type: Literal["approve", "edit", "reject", "later"]
    reason: str = Field(default="", max_length=4000)
    edited: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _normalise(cls, value: Any) -> Any:
        reply = _single(value)
        if not isinstance(reply, dict) or not isinstance(reply.get("type"), str):
            raise ValueError("a reply is {'type': 'approve' | 'edit' | 'reject' | 'later', …}")
        kind = _TYPES.get(reply["type"])
        if kind is None:
            raise ValueError(f"{reply['type']!r} is no decision; it is one of approve, edit, reject, later")
        args = reply.get("args")
        reason = reply.get("reason") or reply.get("message") or (args if isinstance(args, str) else "") or ""
        return {"type": kind, "reason": reason, "edited": _edited(reply) if kind == "edit" else {}}


def _single(value: Any) -> Any:
    """Unwrap `{"decisions": [one]}` and `[one]`; two answers to one question are not understood."""
    if isinstance(value, dict) and "decisions" in value:
        value = value["decisions"]
    if isinstance(value, list):
        if len(value) != 1:
            raise ValueError("exactly one decision is needed")
        return value[0]
    return value


def _edited(reply: dict[str, Any]) -> dict[str, Any]:
    for key in ("edited", "edited_action", "args"):
        inner = reply.get(key)
        if isinstance(inner, dict):
            nested = inner.get("args")
            return nested if isinstance(nested, dict) else inner
    raise ValueError("an edit has to carry the changed arguments")


def answered(outcome: DecisionOutcome) -> tuple[str, dict[str, Any]]:
    """Give what a thread keeps of a decision: its notice, shown when an edit is asked again, and its outcome."""
    again = outcome.decision == "edited"
    decision = "again" if again else outcome.decision
    told = {"decision": decision, "message": outcome.message, "paths": list(outcome.paths)}
    return outcome.message if again else "", told
