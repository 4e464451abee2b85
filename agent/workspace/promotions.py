"""Level changes on disk: proposing them, and applying what a human decided so that a crash never leaves it half done.

Order of an approval: the intent (the finished ledger entry, inside the proposal's file), the session's draft mark,
the roadmap row, the ledger entry, and last the proposal's file goes. Every step may be repeated; `roll_forward`
finishes what a dead process began.
"""

import difflib
import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from agent.domain.appeal import MAY_REST
from agent.domain.attempt import Attempt
from agent.domain.change import AnyChange, Change, Evidence, LineChange, NoteChange, status_after
from agent.domain.errors import ConflictError, GateError, StudyError, UsageError, WorkspaceError
from agent.domain.event import event_id
from agent.domain.gate import Requirement
from agent.domain.happened import decided, edited
from agent.domain.ledger import heads
from agent.domain.level import Level
from agent.domain.proposal import Decision, LedgerEntry, Proposal, Unconfirmed
from agent.domain.quiz import Policy
from agent.domain.roadmap import Topic
from agent.workspace.change_draft import ChangeDraft
from agent.workspace.evidence import canonical, file_hash, row_paths
from agent.workspace.files import locked, read_text, sha256_of, write_text
from agent.workspace.roadmap_change import apply_change, file_of, preview_change, row_of
from agent.workspace.session_file import approved_text, is_draft, local_day
from agent.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a decision; `paths` are the workspace files that belong to it, for one commit."""

    decision: str
    message: str
    paths: tuple[str, ...] = ()
    entry: LedgerEntry | None = None


class PromotionStore:
    """Proposals and decisions of one workspace.

    `clock` gives the time in UTC; the times of decisions, like everything that is signed by hashes, come from it.
    """

    def __init__(self, workspace: Workspace, policy: Policy, clock: Callable[[], datetime]) -> None:
        self._workspace, self._clock = workspace, clock
        self._draft = ChangeDraft(workspace, policy)

    def propose_from_attempt(self, attempt_id: str) -> Proposal | None:
        """Propose L0 → L1 from a passed attempt; the proposal's id follows from the attempt's, so it exists once.

        Gives None where there is nothing to propose: already decided, or the level is reached.

        Raises:
            GateError: the attempt does not hold.
        """
        proposal_id = str(uuid5(NAMESPACE_URL, f"study:proposal:{attempt_id}"))
        with locked(self._workspace.root):
            existing = self._workspace.proposals.find(proposal_id)
            if existing is not None:
                return existing[1]
            found = self._workspace.attempts.find(attempt_id)
            if found is None:
                raise GateError(f"There is no attempt {attempt_id} in progress/attempts/.")
            attempt_path, attempt = found
            topic = row_of(self._workspace, attempt.topic)
            if self._workspace.ledger.find(proposal_id) is not None or topic.level >= Level.L1:
                return None
            proposal = self._from_attempt(proposal_id, attempt, attempt_path, topic)
            self._require(proposal.change)
            self._workspace.proposals.write(proposal.created, proposal)
            return proposal

    def _from_attempt(self, id: str, attempt: Attempt, attempt_path: str, topic: Topic) -> Proposal:
        core = [s for s in attempt.standings if s.kind == "core"]
        appealed = tuple(s.claim for s in attempt.standings if s.status == "appealed" and s.kind in MAY_REST)
        carried = sum(s.status == "covered" and s.origin != "quiz" for s in attempt.standings)
        covered = sum(s.status == "covered" for s in core)
        rationale = (
            f"{covered} of {len(core)} core claims, a boundary and a term were explained in the "
            f"quiz of {local_day(attempt.started)}; no misconception is left as voiced."
        )
        if carried:
            rationale += f" {carried} of them were carried over from earlier attempts of the last 14 days."
        right = [s.claim for s in attempt.standings if s.status == "corrected" and s.origin != "quiz"]
        if right:
            was = "was" if len(right) == 1 else "were"
            rationale += f" ^{', ^'.join(right)} {was} set right in an earlier attempt of the last 14 days."
        if appealed:
            rests = "rest" if len(appealed) > 1 else "rests"
            rationale += f" ^{', ^'.join(appealed)} {rests} on the learner's appeal."
        evidence = Evidence(path=self._workspace.session_of(attempt), label=f"{local_day(attempt.started)} quiz")
        return Proposal(
            id=id,
            created=self._clock(),
            change=Change(
                topic=topic.id,
                topic_text=topic.text,
                from_level=topic.level,
                to_level=Level.L1,
                evidence=(evidence,),
                status=status_after(topic.status, Level.L1),
                from_status=topic.status,
            ),
            rationale=rationale,
            attempt=attempt.id,
            attempt_sha256=sha256_of(self._workspace.root, attempt_path),
            appealed=appealed,
            versions=dict(attempt.versions),
        )

    def propose_from_recheck(self, attempt_id: str) -> Proposal | None:
        """Propose what a re-check leads to: the status `Learning` if it was not passed, `Verified` again if it was.

        The level stays, whatever is decided. Gives None where the row says so already, the re-check was stopped, or it
        was decided on before.
        """
        proposal_id = str(uuid5(NAMESPACE_URL, f"study:proposal:{attempt_id}"))
        with locked(self._workspace.root):
            pending, found = self._workspace.proposals.find(proposal_id), self._workspace.attempts.find(attempt_id)
            if pending is not None:
                return pending[1]
            if found is None or self._workspace.ledger.find(proposal_id) is not None:
                return None
            proposal = self._draft.from_recheck(proposal_id, found[1], found[0], self._clock())
            if proposal is not None:
                self._write_new(proposal)
            return proposal

    def undecided_rechecks(self) -> list[Attempt]:
        """List the newest re-check of every topic that left neither a proposal nor a decision."""
        newest = {a.topic: a for a in sorted(self._workspace.attempts.readable()[0], key=lambda a: a.finished)}
        decided = {e.attempt for e in self._workspace.ledger.readable()[0]} | {p.attempt for p in self.pending()}
        return [a for a in newest.values() if a.scope and a.id not in decided]

    def undecided_attempts(self) -> list[Attempt]:
        """List passed attempts that left neither a proposal nor a decision (a process died in between)."""
        decided = {e.attempt for e in self._workspace.ledger.readable()[0]}
        pending = {p.attempt for p in self.pending()}
        reached = {t.id for t in self._workspace.roadmap().topics if t.level >= Level.L1}
        return [
            a
            for a in self._workspace.attempts.readable()[0]
            if a.passed and not a.scope and a.id not in decided | pending and a.topic not in reached
        ]

    def pending(self) -> list[Proposal]:
        """List the readable pending proposals, oldest first."""
        return self._workspace.proposals.readable()[0]

    def load(self, proposal_id: str) -> Proposal:
        """Read one pending proposal.

        Raises:
            ConflictError: it is gone, decided or withdrawn by another process.
        """
        found = self._workspace.proposals.find(proposal_id)
        if found is None:
            raise ConflictError("This proposal is not pending any more: it was decided elsewhere.")
        return found[1]

    def requirements(self, change: AnyChange) -> list[Requirement]:
        """Check the gates of a change against the evidence on disk, lowest level first; see `ChangeDraft`."""
        return self._draft.requirements(change)

    def vouched(self, topic_id: str) -> Level:
        """Give the level that the intact decisions of the ledger give a topic."""
        return self._draft.vouched(topic_id)

    def change_to(self, topic_id: str, to_level: Level, paths: Sequence[str] = ()) -> Change:
        """Draft the change of a row to a level, on its links and the given files; see `ChangeDraft`."""
        return self._draft.change_to(row_of(self._workspace, topic_id), to_level, paths)

    def _require(self, change: AnyChange) -> None:
        missing = [r for r in self.requirements(change) if not r.met]
        if missing:
            raise GateError(missing[0].sentence)

    def propose(self, change: AnyChange, reason: str = "") -> Proposal:
        """Write a pending proposal; the same change on the same evidence is proposed once.

        One that is pending for the same level of the row, on other evidence, is replaced. Nothing is applied.

        Raises:
            UsageError: a demotion has no reason.
            GateError: the gate of the level is not open.
            ConflictError: the row is gone, or its level is another one now.
        """
        with locked(self._workspace.root):
            self.preview(change)
            _require_reason(change, reason)
            self._require(change)
            proposal = self._draft.proposal(change, reason.strip(), self._clock())
            known = self._workspace.proposals.find(proposal.id)
            if known is not None:
                return known[1]
            self._write_new(proposal)
            return proposal

    def _write_new(self, proposal: Proposal) -> None:
        """Write a proposal in the place of what is pending for the same."""
        self._workspace.proposals.write(proposal.created, proposal)
        for other in self.pending():
            if other.change.target == proposal.change.target and other.id != proposal.id and other.intent is None:
                self._workspace.proposals.remove(other.id)

    def propose_ledger_levels(self) -> list[Proposal]:
        """Propose, a row each, to set the roadmap's levels as the ledger has them.

        Raises:
            GateError: the ledger itself does not hold.
        """
        return [self.propose(change, reason) for change, reason in self._draft.ledger_changes()]

    def preview(self, change: AnyChange) -> tuple[str, str]:
        """Give the change's file before and after, rebased on it as it is now.

        Raises:
            ConflictError: what the change starts from does not hold any more.
        """
        return preview_change(self._workspace, change)

    def diff(self, change: AnyChange) -> str:
        """Give the change as a unified diff of its file."""
        before, after = self.preview(change)
        name = file_of(change)
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, "now", "after", n=1)
        return "\n".join(line.rstrip("\n") for line in lines)

    def decide(self, proposal_id: str, decision: Decision) -> Outcome:
        """Apply a human's decision, once: a second call finds the ledger entry and changes nothing.

        Raises:
            ConflictError: the world changed so that it has to be asked again.
            GateError: the evidence does not hold (any more).
        """
        with locked(self._workspace.root):
            self._roll_forward()
            done = self._workspace.ledger.find(proposal_id)
            if done is not None:
                return Outcome("already", f"This proposal was {done[1].decision} before; nothing was changed.")
            proposal = self.load(proposal_id)
            if decision.type == "later":
                return Outcome("later", "It stays pending; `study review` shows it again.")
            if decision.type == "edit":
                return self._edit(proposal, decision)
            if decision.type == "reject":
                return self._reject(proposal, decision)
            return self._approve(proposal, decision)

    def note_unconfirmed(self, proposal_id: str, decision: Unconfirmed) -> None:
        """Keep a decision that arrived without authentication beside its proposal, for a person to see; no more.

        Raises:
            ConflictError: the proposal is not pending any more.
        """
        with locked(self._workspace.root):
            proposal = self.load(proposal_id)
            self._workspace.proposals.write(proposal.created, proposal.model_copy(update={"unconfirmed": decision}))

    def _edit(self, proposal: Proposal, decision: Decision) -> Outcome:
        if decision.change is None:
            raise UsageError("An edit has to say what the change should be.")
        change = self._canonical(decision.change)
        _require_same_subject(change, proposal.change)
        was = proposal.change
        if isinstance(change, Change) and isinstance(was, Change) and change.status != was.status:
            # A status that the human chose just now stands, whatever the row says.
            change = change.model_copy(update={"from_status": row_of(self._workspace, change.topic).status})
        self.preview(change)
        _require_reason(change, decision.reason)
        self._require(change)
        changed = proposal.model_copy(update={"change": change, "rationale": decision.reason or proposal.rationale})
        self._workspace.proposals.write(changed.created, changed)
        self._workspace.events.try_add(edited(changed, proposal.change, self._clock()))
        return Outcome("edited", "The edited change passes the gate; decide on it as it is now.")

    def _canonical(self, change: AnyChange) -> AnyChange:
        """Give an edited change whose evidence paths are where they really lead, each once."""
        have = [] if isinstance(change, LineChange | NoteChange) else row_paths(row_of(self._workspace, change.topic))
        items: dict[str, Evidence] = {}
        for item in change.evidence:
            path = item.path
            if path not in have:
                with suppress(WorkspaceError):  # the gate says what is wrong with it
                    path = canonical(self._workspace.root, path)
            items.setdefault(path, item.model_copy(update={"path": path}))
        return change.model_copy(update={"evidence": tuple(items.values())})

    def _reject(self, proposal: Proposal, decision: Decision) -> Outcome:
        entry = self._entry(proposal, decision, "rejected")
        self._workspace.ledger.write(entry.at, entry)
        message = f"Rejected; {proposal.change.refused}"
        return Outcome("rejected", message, self._finish(proposal, entry, written=True), entry)

    def _approve(self, proposal: Proposal, decision: Decision) -> Outcome:
        self.preview(proposal.change)
        self._require(proposal.change)
        entry = self._entry(proposal, decision, "approved")
        self._workspace.proposals.write(proposal.created, proposal.model_copy(update={"intent": entry}))
        return Outcome("approved", proposal.change.applied, self._finish(proposal, entry), entry)

    def _entry(self, proposal: Proposal, decision: Decision, kind: str) -> LedgerEntry:
        """Build the ledger entry with the evidence as it will be once the session's draft mark is gone."""
        change = proposal.change
        evidence = tuple(e.model_copy(update={"sha256": self._approved_hash(e.path)}) for e in change.evidence)
        return LedgerEntry.model_validate(
            {
                "id": proposal.id,
                "at": self._clock(),
                "decision": kind,
                "change": change.model_copy(update={"evidence": evidence}),
                "rationale": proposal.rationale,
                "reason": decision.reason,
                "by": decision.by,
                "attempt": proposal.attempt,
                "attempt_sha256": proposal.attempt_sha256,
                "appealed": proposal.appealed,
                "versions": proposal.versions,
                "follows": heads(self._workspace.ledger.all()),
            }
        ).sealed()

    def _approved_hash(self, path: str) -> str:
        if not path.startswith("sessions/"):
            return file_hash(self._workspace.root, path)  # a picture or a log is evidence too
        try:
            text = read_text(self._workspace.root, path)
        except WorkspaceError:
            return ""
        return hashlib.sha256(approved_text(text).encode("utf-8")).hexdigest()

    def roll_forward(self) -> list[Outcome]:
        """Finish the decisions that a dead process left half done; the paths still want a commit."""
        if not any(p.intent or self._workspace.ledger.find(p.id) for p in self.pending()):
            return []
        with locked(self._workspace.root):
            return self._roll_forward()

    def _roll_forward(self) -> list[Outcome]:
        outcomes = []
        for proposal in self.pending():
            try:
                done = self._workspace.ledger.find(proposal.id)
                entry = done[1] if done is not None else proposal.intent
                if entry is None:
                    continue
                paths = self._finish(proposal, entry, written=done is not None)
            except StudyError as error:  # one stuck approval must not block decisions on other topics
                outcomes.append(Outcome("stuck", str(error)))
                continue
            said = entry.change.applied if entry.decision == "approved" else entry.change.refused
            message = f"Finished an interrupted decision ({entry.decision}): {said}"
            outcomes.append(Outcome(entry.decision, message, paths, entry))
        return outcomes

    def _finish(self, proposal: Proposal, entry: LedgerEntry, *, written: bool = False) -> tuple[str, ...]:
        """Do what is left of a decision, in order; every step looks first whether it was done.

        `written`: the ledger has it already, so that only the proposal's file is left to go.
        """
        if not written:
            for evidence in entry.change.evidence:
                self._approve_session(evidence.path)
            self._write_change(entry.change)
            self._workspace.ledger.write(entry.at, entry)
        ledger = self._workspace.ledger.path(entry.at, entry.id)
        event = self._workspace.events.try_add(decided(entry, ledger))
        removed = self._workspace.proposals.remove(proposal.id)
        written_in = file_of(entry.change) if entry.decision == "approved" else ""
        return self._paths(proposal, [written_in, ledger, removed or "", event or ""])

    def _write_change(self, change: AnyChange) -> None:
        apply_change(self._workspace, change)

    def _approve_session(self, path: str) -> None:
        if path.startswith("sessions/"):
            text = read_text(self._workspace.root, path)
            if is_draft(text):
                write_text(self._workspace.root, path, approved_text(text))

    def _paths(self, proposal: Proposal, written: Sequence[str]) -> tuple[str, ...]:
        """List the files of one decision: what was written, the evidence, and the attempt it rests on."""
        paths = [path for path in written if path]
        paths += [e.path for e in proposal.change.evidence]
        if proposal.attempt is not None:
            found = self._workspace.attempts.find(proposal.attempt)
            event = self._workspace.events.path_of(event_id("quiz", proposal.attempt))
            paths += [path for path in (found and found[0], event) if path]
        return tuple(dict.fromkeys(paths))


def _require_reason(change: AnyChange, reason: str) -> None:
    if isinstance(change, Change) and change.to_level < change.from_level and not reason.strip():
        raise UsageError(f"Going from {change.from_level} down to {change.to_level} needs a reason.")


def _require_same_subject(edited: AnyChange, proposed: AnyChange) -> None:
    """An edit changes how far a proposal goes, never what it is about."""
    if isinstance(edited, Change) and isinstance(proposed, Change):
        if edited.topic != proposed.topic:
            raise UsageError("An edit cannot move a proposal to another topic.")
        if edited.to_level == edited.from_level:
            raise UsageError(f"{edited.to_level} is the row's level already; reject the proposal, or leave it.")
        return
    worded = isinstance(edited, NoteChange) or (isinstance(edited, LineChange) and edited.part == "focus")
    free = {"evidence": ()} | ({"after": ""} if worded else {})
    if edited.model_copy(update=free) != proposed.model_copy(update=free):
        raise UsageError("Of this proposal only the evidence can be edited; reject it, or leave it.")
