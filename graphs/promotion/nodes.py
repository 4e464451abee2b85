"""Nodes of an approval. `gate` holds nothing but the interrupt: whatever stands before it would run twice."""

from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import interrupt
from pydantic import ValidationError

from agent.domain.change import AnyChange
from agent.domain.errors import ConflictError, StudyError, UsageError
from agent.domain.proposal import Decision, Proposal
from graphs.promotion.reply import Reply, answered
from graphs.promotion.state import FLOW_VERSION, PromotionContext, PromotionState

ACTION = "change_level"  # of threads that were begun before there were others
EDITABLE = ("to_level", "status", "after")


def propose(state: PromotionState, runtime: Runtime[PromotionContext]) -> PromotionState:
    """Read the pending proposal and describe it; ends the run where it is not pending any more."""
    promotions = runtime.context.promotions
    try:
        proposal = promotions.load(state["proposal"])
    except ConflictError as error:
        return {"flow_version": FLOW_VERSION, "outcome": {"decision": "conflict", "message": str(error), "paths": []}}
    return {
        "flow_version": FLOW_VERSION,
        "topic": proposal.topic,
        "action": proposal.change.action,
        "description": promotions.describe(proposal),
        "args": _args(proposal),
    }


def gate(state: PromotionState) -> PromotionState:
    """Ask the human. An invalid reply leaves the question pending."""
    reply = interrupt(_payload(state), response_schema=Reply)
    return {"decision": reply.model_dump()}


def apply(state: PromotionState, runtime: Runtime[PromotionContext]) -> PromotionState:
    """Carry out the decision, once; whatever speaks against it is shown, and the human is asked again."""
    context, reply = runtime.context, Reply.model_validate(state["decision"])
    try:
        if context.channel == "unauthenticated":
            context.promotions.note_unconfirmed(state["proposal"], reply.type, reply.reason)
            message = "This channel has no authentication: nothing was changed; confirm it with `study review`."
            return {"notice": message, "outcome": {"decision": "unconfirmed", "message": message, "paths": []}}
        proposal = context.promotions.load(state["proposal"])
        decision = Decision(
            type=reply.type,
            reason=reply.reason or _rationale(reply),
            change=_edited(proposal, reply.edited) if reply.type == "edit" else None,
            by=context.by,
            channel=context.channel,
        )
        outcome = context.promotions.decide(state["proposal"], decision)
    except ConflictError as error:
        return {"notice": str(error), "outcome": {"decision": "again", "message": str(error), "paths": []}}
    except (StudyError, ValidationError) as error:
        message = str(error) if isinstance(error, StudyError) else f"The edit is not valid: {error.errors()[0]['msg']}."
        return {"notice": message, "outcome": {"decision": "again", "message": message, "paths": []}}
    notice, told = answered(outcome)
    return {"notice": notice, "outcome": told}


def _edited(proposal: Proposal, edited: dict[str, Any]) -> AnyChange:
    """Give the change with the edited arguments; those that may not be edited are ignored by name."""
    values = proposal.change.model_dump(mode="json")
    for key in EDITABLE:
        if key in edited and key in values:
            values[key] = edited[key]
    if "evidence" in edited:
        given = edited["evidence"]
        if not isinstance(given, list) or not all(isinstance(item, str) or _path(item) for item in given):
            raise UsageError("The edit's evidence has to be a list of paths.")
        known = {item["path"]: item for item in values["evidence"]}
        paths = [item if isinstance(item, str) else _path(item) for item in given]
        values["evidence"] = [known.get(path, {"path": path}) for path in paths]
    return type(proposal.change).model_validate(values)


def _path(item: Any) -> str:
    """Give the path of an evidence item written as a mapping, "" where it has none."""
    path = item.get("path") if isinstance(item, dict) else None
    return path if isinstance(path, str) else ""


def _rationale(reply: Reply) -> str:
    """Give an edit's rationale where it came among the arguments, as the other clients send it."""
    rationale = reply.edited.get("rationale")
    return rationale if isinstance(rationale, str) else ""


def _args(proposal: Proposal) -> dict[str, Any]:
    values = proposal.change.model_dump(mode="json", exclude={"topic_text"})
    if proposal.change.action == ACTION:
        values.pop("from_status", None)
    values["evidence"] = [item.path for item in proposal.change.evidence]
    return values | {"rationale": proposal.rationale}


def _payload(state: PromotionState) -> dict[str, Any]:
    """Give the request in the keys of Agent Chat UI, and beside them those that Agent Inbox reads."""
    args, action = state["args"], state.get("action", ACTION)
    notice = state.get("notice", "")
    description = f"{notice}\n\n{state['description']}" if notice else state["description"]
    return {
        "action_requests": [{"name": action, "args": args, "description": description}],
        "review_configs": [{"action_name": action, "allowed_decisions": ["approve", "edit", "reject", "respond"]}],
        "action_request": {"action": action, "args": args},
        "config": {"allow_accept": True, "allow_edit": True, "allow_respond": True, "allow_ignore": True},
        "description": description,
    }
