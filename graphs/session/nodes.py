"""Nodes of a day's session. A model writes sentences, code decides which hold, a human decides on the file."""

from dataclasses import asdict
from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from agent.domain.condense import condense
from agent.domain.errors import ConflictError, ModelError, StudyError
from agent.domain.event import counted
from agent.domain.session_draft import compose
from agent.domain.support import Said
from agent.domain.text import one_line
from agent.ports.sessions import Found, Waiting
from graphs.promotion.reply import Reply, answered
from graphs.session.drafting import draft_lines, versions
from graphs.session.state import FLOW_VERSION, SessionContext, SessionState

ACTION = "write_session"


def draft(state: SessionState, runtime: Runtime[SessionContext]) -> SessionState:
    """Take the draft that waits; where there is none, let the model write about the day, line by line."""
    context = runtime.context
    found = context.sessions.find(state.get("day", ""), state.get("since", ""))
    problems = [one_line(problem, 300) for problem in found.problems]
    fresh: SessionState = {"flow_version": FLOW_VERSION, "said": [], "versions": versions(None)}
    if problems:
        runtime.stream_writer({"event": "problems", "problems": problems})
    if found.waiting is not None:
        return {**fresh, "events": [], "draft": _kept(found.waiting)}
    if found.day is None:
        message = _nothing_new(found)
        return {**fresh, "events": [], "draft": {}, "outcome": {"decision": "empty", "message": message, "paths": []}}
    day = found.day
    facts = condense(day.events)
    name = context.chat.name if context.chat is not None else ""
    runtime.stream_writer({"event": "condensed", "events": len(day.events), "facts": len(facts), "model": name})
    said: list[Said] = []
    try:
        if context.chat is not None:
            for sentence in draft_lines(context.chat, day, context.context_chars):
                said.append(sentence)
                runtime.stream_writer({"event": "line", "n": len(said)})
    except ModelError as error:
        fresh["notice"] = f"Drafted without the chat model, which failed: {error}"
    return {
        **fresh,
        "events": [event.id for event in day.events],
        "said": [asdict(sentence) for sentence in said],
        "versions": versions(context.chat),
        "draft": {},
    }


def verify(state: SessionState, runtime: Runtime[SessionContext]) -> SessionState:
    """Keep what the day's events support, drop the rest, and write the draft where it waits for its decision."""
    sessions = runtime.context.sessions
    day = sessions.day(state.get("day", ""), state.get("since", ""), state["events"])
    said = [Said(item["text"], tuple(item["cited"])) for item in state["said"]]
    made = compose(day, said, state["versions"])
    waiting = sessions.keep(made)
    runtime.stream_writer(
        {
            "event": "drafted",
            "statements": [asdict(statement) for statement in made.statements],
            "dropped": [asdict(dropped) for dropped in made.dropped],
        }
    )
    return {"draft": _kept(waiting), "said": []}


def gate(state: SessionState) -> SessionState:
    """Ask the human. An invalid reply leaves the question pending."""
    reply = interrupt(_payload(state), response_schema=Reply)
    return {"decision": reply.model_dump()}


def apply(state: SessionState, runtime: Runtime[SessionContext]) -> SessionState:
    """Carry out the decision, once; whatever speaks against it is shown, and the human is asked again."""
    context, reply, waiting = runtime.context, Reply.model_validate(state["decision"]), state["draft"]
    if context.channel == "unauthenticated":
        message = "This channel has no authentication: nothing was changed; decide with `study summarize`."
        return {"notice": message, "outcome": {"decision": "unconfirmed", "message": message, "paths": []}}
    body = reply.edited.get("text", "")
    try:
        if reply.type == "edit" and not (isinstance(body, str) and body.strip()):
            raise ConflictError("An edit has to carry the session's text.")
        outcome = context.sessions.settle(waiting["path"], waiting["sha256"], reply.type, body)
    except StudyError as error:
        return {"notice": str(error), "outcome": {"decision": "again", "message": str(error), "paths": []}}
    notice, told = answered(outcome)
    return {"notice": notice, "outcome": told}


def _nothing_new(found: Found) -> str:
    if found.sessions:
        those = ", ".join(found.sessions)
        return f"Nothing is new: {those} {'has' if len(found.sessions) == 1 else 'have'} all {_events(found.told)}."
    return (
        "Nothing was recorded in that time: no quiz, question, lab run, decision, changed note or line of `study log`."
    )


def _events(count: int) -> str:
    return counted(count, "event")


def _kept(waiting: Waiting) -> dict[str, Any]:
    return asdict(waiting)


def _payload(state: SessionState) -> dict[str, Any]:
    """Give the request in the keys of Agent Chat UI, and beside them those that Agent Inbox reads."""
    waiting, notice = state["draft"], state.get("notice", "")
    args = {"path": waiting["path"], "text": waiting["text"]}
    description = f"{notice}\n\n{waiting['text']}" if notice else waiting["text"]
    return {
        "action_requests": [{"name": ACTION, "args": args, "description": description}],
        "review_configs": [{"action_name": ACTION, "allowed_decisions": ["approve", "edit", "reject", "respond"]}],
        "action_request": {"action": ACTION, "args": args},
        "config": {"allow_accept": True, "allow_edit": True, "allow_respond": True, "allow_ignore": True},
        "description": description,
        "notice": notice,
        "missing": waiting["missing"],
    }
