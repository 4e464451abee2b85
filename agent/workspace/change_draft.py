"""Drafting level changes: which evidence a change rests on, and whether its gates are open."""

from collections.abc import Sequence
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from agent.domain.appeal import MAY_REST
from agent.domain.attempt import Attempt, content_hash
from agent.domain.change import AnyChange, Change, Evidence, LineChange, NoteChange, StatusChange, status_after
from agent.domain.errors import ConflictError, GateError, UsageError
from agent.domain.gate import GateEvidence, Requirement, gates, passed_attempt
from agent.domain.ledger import heads, last_approved, levels, sound
from agent.domain.level import Level
from agent.domain.proposal import Proposal
from agent.domain.quiz import Policy
from agent.domain.roadmap import Topic
from agent.workspace.boxes import box_requirements
from agent.workspace.evidence import file_hash, gathered, read_evidence, stale_evidence
from agent.workspace.files import sha256_of
from agent.workspace.session_file import local_day
from agent.workspace.workspace import Workspace


class ChangeDraft:
    """Changes of one workspace's roadmap, before anybody decides on them. Reads only."""

    def __init__(self, workspace: Workspace, policy: Policy) -> None:
        self._workspace, self._policy = workspace, policy

    def requirements(self, change: AnyChange) -> list[Requirement]:
        """Check the gates of a change against the evidence on disk, lowest level first.

        A status, a focus or a line of a note is the human's to choose; a tick rests on levels or evidence. Of a row,
        nothing is asked up to the level that the ledger vouches for: that is a demotion, or the row set back to it.
        The row's own level vouches for nothing, it may have been edited by hand. A level that is only confirmed, on
        evidence that changed, is asked for everything again.
        """
        if isinstance(change, LineChange):
            return box_requirements(self._workspace, change, self._levels())
        if isinstance(change, StatusChange | NoteChange):
            return []
        vouched = self.vouched(change.topic)
        if change.to_level < vouched or change.to_level == vouched != change.from_level:
            return []
        return gates(change.to_level, self._evidence(change), self._policy)

    def vouched(self, topic_id: str) -> Level:
        """Give the level that the intact decisions of the ledger give a topic."""
        return self._levels().get(topic_id, Level.L0)

    def _levels(self) -> dict[str, Level]:
        return levels(sound(self._workspace.ledger.readable()[0]))

    def change_to(self, topic: Topic, to_level: Level, paths: Sequence[str]) -> Change:
        """Draft the change of a row: its links and the given files as evidence, a lab folder as what is in it.

        Raises:
            UsageError: the level is decided already on the same evidence, or a path is a URL or a plain folder.
            WorkspaceError: a path does not exist or leads outside the workspace.
        """
        vouched = self.vouched(topic.id)
        same = to_level == topic.level == vouched
        if same and not self._stale(topic):
            raise UsageError(f"{topic.text!r} is at {to_level} already, and its evidence is as it was decided on.")
        asked = same or to_level > min(topic.level, vouched)
        evidence = gathered(self._workspace.root, topic, paths, to_level) if asked else []
        return Change(
            topic=topic.id,
            topic_text=topic.text,
            from_level=topic.level,
            to_level=to_level,
            evidence=tuple(evidence),
            status=status_after(topic.status, to_level),
            from_status=topic.status,
        )

    def _stale(self, topic: Topic) -> bool:
        decisions = last_approved(self._workspace.ledger.readable()[0])
        return topic.id in decisions and bool(stale_evidence(self._workspace.root, decisions[topic.id]))

    def ledger_changes(self) -> list[tuple[Change, str]]:
        """Draft what sets every row to the level that the ledger has for it, each with its reason.

        Raises:
            GateError: the ledger itself does not hold.
        """
        entries, damaged = self._workspace.ledger.readable()
        if damaged or len(sound(entries)) < len(entries):
            raise GateError(
                "The ledger does not hold (`study check` says why); restore progress/ledger/ with git first."
            )
        last, decided = last_approved(entries), levels(entries)
        drafted = []
        for topic in self._workspace.roadmap().topics:
            entry = last.get(topic.id)
            level = decided.get(topic.id, Level.L0)
            if topic.level == level:
                continue
            evidence = entry.change.evidence if entry is not None and topic.level < level else ()
            planned = level == Level.L0 and topic.status.strip().casefold() == "planned"
            change = Change(
                topic=topic.id,
                topic_text=topic.text,
                from_level=topic.level,
                to_level=level,
                evidence=tuple(e.model_copy(update={"sha256": ""}) for e in evidence),
                status=topic.status if planned else status_after(topic.status, level),
                from_status=topic.status,
            )
            known = (
                f"the ledger's last decision is {level}" if entry is not None else "the ledger has no decision on it"
            )
            drafted.append((change, f"The row says {topic.level}, but {known} (`study check --fix`)."))
        return drafted

    def proposal(self, change: AnyChange, reason: str, created: datetime) -> Proposal:
        """Make the proposal of a change; its id follows from the change, the evidence's content and the ledger."""
        root = self._workspace.root
        pinned = [(e.path, file_hash(root, e.path)) for e in change.evidence]
        # The ledger's newest entries: what was rejected may be proposed again, as a decision of its own.
        follows = list(heads(self._workspace.ledger.readable()[0]))
        basis = [change.model_dump(mode="json", exclude={"evidence"}), reason, pinned, follows]
        attempt = self._attempt_behind(change) if isinstance(change, Change) else None
        found = self._workspace.attempts.find(attempt.id) if attempt is not None else None
        standings = attempt.standings if attempt is not None else ()
        return Proposal(
            id=str(uuid5(NAMESPACE_URL, f"study:promote:{content_hash(basis)}")),
            created=created,
            change=change,
            rationale=self._rationale(change, reason),
            attempt=attempt.id if attempt is not None else None,
            attempt_sha256=sha256_of(root, found[0]) if found is not None else None,
            appealed=tuple(s.claim for s in standings if s.status == "appealed" and s.kind in MAY_REST),
            versions=dict(attempt.versions) if attempt is not None else {},
        )

    def from_recheck(self, id: str, attempt: Attempt, attempt_path: str, created: datetime) -> Proposal | None:
        """Make the proposal that a re-check leads to; None where the row says so already or nothing was decided."""
        topic = self._workspace.roadmap().topic(attempt.topic)
        status = "Verified" if attempt.passed else "Learning"
        learning = topic is not None and topic.status.strip().casefold() == "learning"
        if topic is None or topic.level < Level.L1 or attempt.state == "stopped" or learning != attempt.passed:
            return None
        day = local_day(attempt.started)
        if attempt.passed:
            rationale = f"The re-check of {day} was passed: ^{', ^'.join(attempt.scope)} were explained again."
        else:
            rationale = (
                f"The re-check of {day} was not passed. {' '.join(attempt.reasons)} Approved, the row asks for study "
                f"and stays at {topic.level}; rejected, nothing changes. To go down instead: "
                f"`study promote {topic.id} --to L0 --reason …`."
            )
        evidence = Evidence(path=self._workspace.session_of(attempt), label=f"{day} re-check")
        return Proposal(
            id=id,
            created=created,
            change=StatusChange(
                topic=topic.id,
                topic_text=topic.text,
                level=topic.level,
                from_status=topic.status,
                status=status,
                evidence=(evidence,),
            ),
            rationale=rationale,
            attempt=attempt.id,
            attempt_sha256=sha256_of(self._workspace.root, attempt_path),
            versions=dict(attempt.versions),
        )

    def _evidence(self, change: Change) -> GateEvidence:
        topic = self._workspace.roadmap().topic(change.topic)
        if topic is None:
            raise ConflictError(f"roadmap.md has no row for {change.topic!r} any more.")
        return read_evidence(self._workspace, topic, [e.path for e in change.evidence])

    def _attempt_behind(self, change: Change) -> Attempt | None:
        """Give the attempt that opens the gate of L1, where no decision rests on one yet."""
        if not self.vouched(change.topic) < Level.L1 <= change.to_level:
            return None
        evidence = self._evidence(change)
        if evidence.note is None:
            return None
        return passed_attempt(evidence.note, evidence.sessions, evidence.attempts, self._policy)

    def _rationale(self, change: AnyChange, reason: str) -> str:
        met = dict.fromkeys(r.what for r in self.requirements(change) if r.met)
        if not isinstance(change, Change):
            return " ".join([*(f"It rests on {what}." for what in met), reason]).strip() or "You asked for it."
        gate = f"Every gate up to {change.to_level} is open: {'; '.join(met)}." if met else ""
        nothing = f"The ledger's last decision on this row is {self.vouched(change.topic)}."
        return " ".join(part for part in (gate, reason) if part) or nothing
