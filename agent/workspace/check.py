"""`study check`: what in the workspace is malformed, unproven or dead."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from agent.domain import ledger
from agent.domain.errors import StudyError, WorkspaceError
from agent.domain.level import Level
from agent.domain.proposal import LedgerEntry
from agent.domain.roadmap import Roadmap
from agent.workspace.drift import note_drift
from agent.workspace.evidence import stale_evidence
from agent.workspace.files import inside, sha256_of
from agent.workspace.labs import read_run, run_files
from agent.workspace.milestones import milestone_states
from agent.workspace.notes import check_notes
from agent.workspace.session_file import session_faults, session_id
from agent.workspace.workspace import ROADMAP, Workspace

_EXTERNAL = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding; `path` is relative to the workspace, `line` 0 where it is about the whole file."""

    path: str
    line: int
    severity: Literal["error", "warning"]
    message: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.message}"


def check_workspace(workspace: Workspace) -> list[Problem]:
    """Check roadmap, ledger, records and sessions; errors first, in the order of the files."""
    try:
        roadmap = workspace.roadmap()
    except StudyError as error:
        return [Problem(ROADMAP, 0, "error", str(error))]
    entries, damaged = workspace.ledger.readable()
    found = [_damage(message) for message in damaged]
    for records in (workspace.attempts, workspace.proposals, workspace.appeals, workspace.events.records):
        found += [_damage(message) for message in records.readable()[1]]
    found += _levels(roadmap, entries)
    found += _boxes(workspace, roadmap)
    found += _links(workspace, roadmap)
    found += _ledger(workspace, entries)
    found += _evidence(workspace, entries)
    found += [Problem(drift.path, drift.line, "warning", drift.sentence) for drift in note_drift(workspace)]
    found += _labs(workspace)
    found += _attempts(workspace)
    found += _sessions(workspace, roadmap)
    found += _notes(workspace, roadmap)
    return sorted(found, key=lambda p: (p.severity, p.path, p.line))


def _damage(message: str) -> Problem:
    """Take path and line out of a message about a record, which begins with them."""
    path, _, line = message.split(" ", 1)[0].strip("'").partition(":")
    return Problem(path, int(line) if line.isdigit() else 0, "error", message)


def _levels(roadmap: Roadmap, entries: list[LedgerEntry]) -> Iterator[Problem]:
    """Every level above L0 needs a decision in the ledger that gave it."""
    decided = ledger.levels(entries)
    for topic in roadmap.topics:
        level = decided.get(topic.id, Level.L0)
        if topic.level > level:
            yield Problem(
                ROADMAP,
                topic.line,
                "error",
                f"{topic.text!r} says {topic.level}, but no approved decision in progress/ledger/ gave it more than "
                f"{level}; set the row back, or earn the level with `study quiz {topic.id}`.",
            )
        elif topic.level < level:
            yield Problem(
                ROADMAP,
                topic.line,
                "error",
                f"{topic.text!r} says {topic.level}; the ledger's last decision is {level}.",
            )
    rows = {topic.id for topic in roadmap.topics}
    for name, level in decided.items():
        if name not in rows and level > Level.L0:
            message = f"the ledger has {name!r} at {level}, but no row or note has that id; was the row reworded?"
            yield Problem(ROADMAP, 0, "warning", message)
    for topic in roadmap.topics:
        if topic.level > Level.L0 and not topic.evidence:
            yield Problem(ROADMAP, topic.line, "error", f"{topic.text!r} is at {topic.level} without an evidence link.")


def _boxes(workspace: Workspace, roadmap: Roadmap) -> Iterator[Problem]:
    """Ticks that no decision gave, or that the levels do not bear out any more."""
    for state in milestone_states(workspace, roadmap):
        if state.state in ("by hand", "slipped"):
            message = f"the box {state.number} “{state.bullet.text}”: {state.detail}"
            yield Problem(ROADMAP, state.bullet.line, "warning", message)


def _links(workspace: Workspace, roadmap: Roadmap) -> Iterator[Problem]:
    for topic in roadmap.topics:
        for link in topic.evidence:
            if _EXTERNAL.match(link.target):
                continue
            problem = dead_link(workspace, link.target)
            if problem:
                yield Problem(ROADMAP, topic.line, "error", f"the evidence link {link.target!r} {problem}")


def dead_link(workspace: Workspace, target: str) -> str:
    """Say what is wrong with a relative link of the workspace's root; "" when it opens."""
    try:
        path = inside(workspace.root, unquote(target.split("#", 1)[0]))
    except WorkspaceError:
        return "leads outside the workspace"
    return "" if path.exists() else "is dead: there is no such file"


def check_against(
    workspace: Workspace, revision: str, before: str | None, ledger_changes: Sequence[tuple[str, str]]
) -> list[Problem]:
    """List levels that rose since a revision without an approved decision, and decisions that were taken back.

    `before` is roadmap.md as it was then (None: it was not there), `ledger_changes` the (status letter, path) of what
    git finds changed below `progress/ledger/` since.
    """
    found = [
        Problem(path, 0, "error", f"a decision was {'deleted' if status == 'D' else 'changed'} since {revision}")
        for status, path in ledger_changes
        if status != "A"
    ]
    try:
        now = workspace.roadmap()
        then = workspace.parse(before) if before is not None else None
    except StudyError as error:
        return [*found, Problem(ROADMAP, 0, "error", f"the levels cannot be compared with {revision}: {error}")]
    decided = ledger.levels(ledger.sound(workspace.ledger.readable()[0]))
    for topic in now.topics:
        old = then.topic(topic.id) if then is not None else None
        level = old.level if old is not None else Level.L0
        if topic.level > level and decided.get(topic.id, Level.L0) < topic.level:
            message = (
                f"{topic.text!r} rose from {level} to {topic.level} since {revision} without an approved decision in "
                f"progress/ledger/; set the row back, then `study promote {topic.id} --to {topic.level}`."
            )
            found.append(Problem(ROADMAP, topic.line, "error", message))
    return found


def _ledger(workspace: Workspace, entries: list[LedgerEntry]) -> Iterator[Problem]:
    for entry, fault in ledger.faults(entries):
        yield Problem(workspace.ledger.path(entry.at, entry.id), 0, "error", fault)
    for entry in entries:
        if entry.decision != "approved":
            continue
        path = workspace.ledger.path(entry.at, entry.id)
        if entry.attempt is not None:
            found = workspace.attempts.find(entry.attempt) if not _unreadable(workspace, entry.attempt) else None
            if found is None:
                yield Problem(path, 0, "error", f"the attempt {entry.attempt} that it rests on cannot be read")
            elif sha256_of(workspace.root, found[0]) != entry.attempt_sha256:
                yield Problem(found[0], 0, "error", "the attempt was changed after the decision that rests on it")


def _evidence(workspace: Workspace, entries: list[LedgerEntry]) -> Iterator[Problem]:
    """What the levels rest on now; the evidence of decisions that a later one replaced may change and go."""
    standing = (*ledger.last_approved(entries).values(), *ledger.boxes(entries).values())
    for entry in standing:
        for evidence in entry.change.evidence:
            try:
                sha256_of(workspace.root, evidence.path)
            except WorkspaceError as error:
                path = workspace.ledger.path(entry.at, entry.id)
                yield Problem(path, 0, "error", f"its evidence is gone: {error}")
        for path, message in stale_evidence(workspace.root, entry):
            yield Problem(path, 0, "warning", message)


def _labs(workspace: Workspace) -> Iterator[Problem]:
    """Records of runs that are none, or were edited; whether they prove a level is for the gate."""
    for folder in sorted((workspace.root / "lab").glob("*/runs")):
        for path in run_files(workspace.root, f"lab/{folder.parent.name}"):
            run = read_run(workspace.root, path)
            if run.record is None:
                yield Problem(path, 0, "error", f"it {run.fault}")
            elif run.record.sha256 != run.record.computed_hash():
                yield Problem(path, 0, "error", "it was edited or written by hand: its hash does not match")


def _unreadable(workspace: Workspace, attempt: str) -> bool:
    try:
        workspace.attempts.find(attempt)
    except WorkspaceError:
        return True
    return False


def _attempts(workspace: Workspace) -> Iterator[Problem]:
    for attempt in workspace.attempts.readable()[0]:
        if attempt.sha256 != attempt.computed_hash():
            path = workspace.attempts.path(attempt.finished, attempt.id)
            yield Problem(path, 0, "error", "the attempt was changed after it was recorded: its hash does not match")


def _sessions(workspace: Workspace, roadmap: Roadmap) -> Iterator[Problem]:
    """Front matter that is malformed, and two sessions of one id, which a copied file gives."""
    attempts, topics = workspace.attempts_by_id(), {topic.id for topic in roadmap.topics}
    ids: dict[str, str] = {}
    for file in sorted((workspace.root / "sessions").glob("*.md")):
        path = f"sessions/{file.name}"
        if file.name == "README.md":
            continue
        try:
            for severity, message in session_faults(workspace.root, path, attempts, topics):
                yield Problem(path, 0, severity, message)
            id = session_id(workspace.root, path)
        except WorkspaceError as error:
            yield Problem(path, 0, "error", str(error).removeprefix(f"{path} ").removeprefix(f"{path}: "))
            continue
        if id and ids.setdefault(id, path) != path:
            yield Problem(path, 0, "error", f"it has the id {id!r} of {ids[id]}; give one of them another.")


def _notes(workspace: Workspace, roadmap: Roadmap) -> Iterator[Problem]:
    """A row without a note and a note that still says TODO are work to do; everything else is a defect."""
    for finding in check_notes(workspace.root, roadmap):
        unwritten = finding.rule == "unfinished" or finding.path == ROADMAP
        yield Problem(finding.path, finding.line, "warning" if unwritten else "error", finding.message)
