"""What must hold after a kill, and after the restart. A finding is a sentence; none means that nothing was lost."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.domain.errors import StudyError
from agent.domain.level import Level
from agent.workspace.check import check_workspace
from agent.workspace.session_file import is_draft
from agent.workspace.workspace import Workspace
from evals.chaos.process import Event
from evals.chaos.scenarios import roadmap, turns_on_file
from evals.chaos.world import MESSAGES, TOPIC

TURNS = ("judged", "appeal")


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken promise."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A run that nobody killed: the question put after so many turns, the turns, roadmap.md before and after."""

    questions: tuple[Event, ...]
    turns: list[dict[str, Any]]
    before: str
    after: str


def questions_of(events: Sequence[Event], turns: int = 0) -> Iterator[tuple[int, Event]]:
    """Give each question with the number of turns before it; `turns` is where the events begin."""
    for event in events:
        turns = event["n"] if event["event"] in TURNS else turns
        if event["event"] == "question":
            yield turns, {key: event[key] for key in ("claim", "kind", "text", "source")}


def acknowledged(events: Sequence[Event]) -> int:
    """Count the messages whose verdict or receipt was shown."""
    return max((event["n"] for event in events if event["event"] in TURNS), default=0)


def after_kill(root: Path, reference: Reference, said: Sequence[Event]) -> Iterator[Finding]:
    """Check the files as the dead process left them; nothing has been repaired yet."""
    text = roadmap(root)
    if text not in (reference.before, reference.after):
        yield Finding("half done", "roadmap.md is neither as before nor as after")
    for problem in Workspace(root).problems():
        yield Finding("damaged", problem)
    workspace = Workspace(root)
    try:
        workspace.roadmap()
    except StudyError as error:
        yield Finding("damaged", str(error))
    decided = next((event for event in said if event["event"] == "decided"), None)
    if decided is not None and workspace.ledger.find(decided["proposal"]) is None:
        yield Finding("lost", f"the decision {decided['decision']!r} was acknowledged and is not in the ledger")
    if decided is not None and text != reference.after:
        yield Finding("lost", "a decision was acknowledged and roadmap.md does not show it")


def on_restart(events: Sequence[Event], before: int, reference: Reference) -> Iterator[Finding]:
    """Check what a restart found of the quiz, and which questions it put.

    `before` is the number of messages acknowledged before it started.
    """
    found = next((event for event in events if event["event"] == "found"), None)
    if found is None:
        return  # the attempt was on file already, or the restart was killed early
    texts = found["texts"]
    expected = [message.removeprefix("/appeal ") for message in MESSAGES]
    if texts != expected[: len(texts)]:
        yield Finding("doubled", f"the turns are not the messages as they were sent: {texts}")
    if len(texts) < before:
        yield Finding("lost", f"{before} messages were acknowledged, {len(texts)} are there")
    if len(texts) > before + 1:
        yield Finding("doubled", f"{before} messages were acknowledged, {len(texts)} are there")
    for turns, question in questions_of(events, len(texts)):
        # What a dead process had not finished judging is judged first; then the question after it is put.
        if question != reference.questions[min(turns, len(reference.questions) - 1)]:
            yield Finding("wrong question", f"after {turns} turns: {question['text']!r}")


def at_the_end(root: Path, reference: Reference, events: Sequence[Event]) -> Iterator[Finding]:
    """Check that everything came to the same end as a run that nobody killed."""
    try:
        if turns_on_file(root) != reference.turns:
            yield Finding("doubled", "the attempt's turns differ from those of the run that nobody killed")
    except AssertionError as error:
        yield Finding("doubled", str(error))
    if roadmap(root) != reference.after:
        yield Finding("half done", "roadmap.md is not as after a run that nobody killed")
    workspace = Workspace(root)
    yield from _agree(workspace)
    for problem in check_workspace(workspace):
        if problem.severity == "error":
            yield Finding("half done", str(problem))
    for left in (event["left"] for event in events if event["event"] == "threads" and event["left"]):
        yield Finding("left over", f"{len(left)} finished threads are still in the database")


def _agree(workspace: Workspace) -> Iterator[Finding]:
    entries, proposals = workspace.ledger.all(), workspace.proposals.all()
    sessions = sorted((workspace.root / "sessions").glob("*.md"))
    if len(entries) != 1 or proposals or len(sessions) != 1:
        counts = f"{len(entries)} decisions, {len(proposals)} pending proposals, {len(sessions)} sessions"
        yield Finding("doubled" if len(entries) > 1 or len(sessions) > 1 else "half done", counts)
        return
    approved = entries[0].decision == "approved"
    topic = workspace.topic(TOPIC)
    if approved != (topic.level == Level.L1) or approved != (len(topic.evidence) == 1):
        yield Finding("half done", f"the ledger says {entries[0].decision}, the row {topic.level}")
    if approved == is_draft(sessions[0].read_text(encoding="utf-8")):
        yield Finding("half done", f"the ledger says {entries[0].decision}, the session's draft mark says otherwise")


def where(root: Path, said: Sequence[Event], by_the_dead: Sequence[Event]) -> str:
    """Name the moment of a kill by what was said before it, by the dead process for a part, and what is on disk."""
    kinds = [event["event"] for event in said]
    if "decided" in kinds:
        return "after the decision was shown"
    stage = _stage(root) if any(kind in ("asked", "caught_up") for kind in kinds) else ""
    if stage:
        return stage
    if "result" in kinds:
        return "after the result was shown" if by_the_dead else "before the proposal was shown"
    if not kinds:
        return "before anything was shown"
    if kinds[-1] == "question":
        return "while an answer is judged"
    closing = acknowledged(said) == len(MESSAGES)
    return "while the quiz closes" if closing else "between verdict and question"


def _stage(root: Path) -> str:
    workspace = Workspace(root)
    pending, entries = workspace.proposals.readable()[0], workspace.ledger.readable()[0]
    if entries:
        return "decision in the ledger, proposal still there" if pending else "decided, not shown yet"
    if not pending or pending[0].intent is None:
        return "asked, nothing decided"
    session = next((workspace.root / "sessions").glob("*.md"))
    if is_draft(session.read_text(encoding="utf-8")):
        return "intent written"
    row = workspace.topic(TOPIC).level
    return "row written, ledger not yet" if row == Level.L1 else "session approved, row not yet"


def temporary_files(root: Path) -> list[str]:
    """List the unfinished files that a killed write left in the user's folders."""
    return [str(p.relative_to(root)) for p in root.rglob(".*.tmp") if not {".study", ".git"} & set(p.parts)]


def as_json(findings: Sequence[Finding]) -> str:
    """Give findings as one line."""
    return json.dumps([f"{finding.kind}: {finding.text}" for finding in findings])
