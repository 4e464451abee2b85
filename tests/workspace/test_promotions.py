"""Proposals and decisions on disk: what is written, in which order, and that a crash leaves nothing half done."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.domain.attempt import Record
from agent.domain.change import AnyChange, Change
from agent.domain.errors import ConflictError, GateError, StudyError, UsageError, WorkspaceError
from agent.domain.ledger import faults, heads
from agent.domain.level import Level
from agent.domain.proposal import Decision, DecisionType, Evidence, LedgerEntry, Proposal
from agent.workspace.files import sha256_of
from agent.workspace.promotions import PromotionStore
from agent.workspace.records import Records
from agent.workspace.session_file import session_path
from agent.workspace.workspace import Workspace
from tests.helpers.fakes import FakeClock
from tests.helpers.sittings import POLICY, act, attempt, later, quiz_note, right, wrong
from tests.helpers.workspaces import ROADMAP, ROW, TOPIC, make_store, make_workspace, record_pass, tree

NOTE = quiz_note()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path)


@pytest.fixture
def store(workspace: Workspace) -> PromotionStore:
    return make_store(workspace)


@pytest.fixture
def proposal(workspace: Workspace, store: PromotionStore) -> Proposal:
    """A pending proposal L0 → L1."""
    made = store.propose_from_attempt(record_pass(workspace).id)
    assert made is not None
    return made


def decision(type: DecisionType = "approve", **values: Any) -> Decision:
    return Decision.model_validate({"type": type, "by": "me", **values})


def rewrite(workspace: Workspace, old: str, new: str) -> None:
    path = workspace.root / "roadmap.md"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8", newline="")


class TestProposing:
    def test_a_pass_proposes_l1_with_its_session_as_evidence(self, workspace: Workspace, proposal: Proposal) -> None:
        assert workspace.proposals.all() == [proposal]
        change = proposal.change
        assert isinstance(change, Change)
        assert (change.topic, change.from_level, change.to_level) == (TOPIC, Level.L0, Level.L1)
        assert [e.path for e in change.evidence] == [
            path for path in tree(workspace.root) if path.startswith("sessions/")
        ]
        assert change.status == "Verified"
        assert proposal.rationale.startswith("4 of 4 core claims")
        assert proposal.versions == {"grader": "marks@1"}

    def test_once(self, workspace: Workspace, store: PromotionStore, proposal: Proposal) -> None:
        assert proposal.attempt is not None
        again = make_store(workspace).propose_from_attempt(proposal.attempt)
        assert again == proposal
        assert len(workspace.proposals.files()) == 1

    def test_its_id_follows_from_the_attempt(self, tmp_path: Path, proposal: Proposal) -> None:
        elsewhere = make_workspace(tmp_path / "other")
        other = make_store(elsewhere).propose_from_attempt(record_pass(elsewhere).id)
        assert other is not None
        assert other.id == proposal.id

    @pytest.mark.parametrize("type_", ["approve", "reject"])
    def test_not_again_once_decided(
        self, workspace: Workspace, store: PromotionStore, proposal: Proposal, type_: DecisionType
    ) -> None:
        assert proposal.attempt is not None
        store.decide(proposal.id, decision(type_))
        assert store.propose_from_attempt(proposal.attempt) is None
        assert store.undecided_attempts() == []

    def test_not_where_the_level_is_reached(self, workspace: Workspace, store: PromotionStore) -> None:
        done = record_pass(workspace)
        rewrite(workspace, ROW, ROW.replace("L0", "L2"))
        assert store.propose_from_attempt(done.id) is None
        assert store.undecided_attempts() == []

    def test_an_attempt_that_does_not_hold(self, workspace: Workspace, store: PromotionStore) -> None:
        failed = record_pass(workspace, attempt(NOTE, [wrong]))
        with pytest.raises(GateError, match="The attempt was not passed"):
            store.propose_from_attempt(failed.id)
        with pytest.raises(GateError, match="no attempt nope"):
            store.propose_from_attempt("nope")
        assert workspace.proposals.files() == []

    def test_a_passed_attempt_without_a_proposal_is_found(self, workspace: Workspace, store: PromotionStore) -> None:
        done = record_pass(workspace)
        record_pass(workspace, attempt(NOTE, [wrong], start=later(1)))
        assert store.undecided_attempts() == [done]
        store.propose_from_attempt(done.id)
        assert store.undecided_attempts() == []

    def test_a_misconception_carried_over_from_nowhere_opens_no_gate(
        self, workspace: Workspace, store: PromotionStore
    ) -> None:
        first = record_pass(workspace, attempt(NOTE, [*[right] * 7, wrong, wrong]))
        honest = attempt(NOTE, [right], [first], start=later(1))
        made_up = tuple(
            s.model_copy(update={"status": "corrected", "origin": first.id}) if s.claim == "m2" else s
            for s in honest.standings
        )
        forged = honest.model_copy(update={"standings": made_up, "turns": (first.turns[0],)}).sealed()
        record_pass(workspace, forged)
        with pytest.raises(GateError, match=r"no attempt on file set \^m2 right"):
            store.propose_from_attempt(forged.id)

    def test_carried_misconceptions_are_said(self, workspace: Workspace, store: PromotionStore) -> None:
        first = record_pass(workspace, attempt(NOTE, [*[right] * 7, wrong, wrong]))
        made = store.propose_from_attempt(record_pass(workspace, attempt(NOTE, [right], [first], start=later(1))).id)
        assert made is not None
        assert made.rationale.endswith(" ^m1 was set right in an earlier attempt of the last 14 days.")

    def test_appeals_and_carried_covers_are_said(self, workspace: Workspace, store: PromotionStore) -> None:
        first = record_pass(workspace, attempt(NOTE, [right, *[act("skip")] * 9]))
        second = attempt(NOTE, [wrong, act("appeal"), *[right] * 9], [first], start=later(1))
        made = store.propose_from_attempt(record_pass(workspace, second).id)
        assert made is not None
        assert made.appealed == ("c1",)
        assert made.rationale.startswith("3 of 4 core claims")
        assert "1 of them were carried over from earlier attempts" in made.rationale
        assert "^c1 rests on the learner's appeal." in made.rationale
        entry = store.decide(made.id, decision()).entry
        assert entry is not None
        assert entry.appealed == ("c1",)
        assert entry.rationale == made.rationale


class TestApproving:
    @pytest.mark.parametrize("newline", ["\n", "\r\n"])
    @pytest.mark.parametrize("mark", ["", "\ufeff"])
    def test_only_the_rows_cells_change(self, tmp_path: Path, newline: str, mark: str) -> None:
        text = mark + ROADMAP.replace("\n", newline)
        workspace = make_workspace(tmp_path, roadmap=text)
        store = make_store(workspace)
        made = store.propose_from_attempt(record_pass(workspace).id)
        assert made is not None
        store.decide(made.id, decision())
        link = f"[2026-11-23 quiz]({made.change.evidence[0].path})"
        row = f"| **Serving** | KV cache scaling (batch/seq/heads)   |   L1 | {link} | Verified |"
        assert (tmp_path / "roadmap.md").read_bytes().decode() == text.replace(ROW, row)

    def test_session_ledger_and_nothing_else(
        self, workspace: Workspace, store: PromotionStore, proposal: Proposal
    ) -> None:
        before = tree(workspace.root)
        outcome = store.decide(proposal.id, decision(reason="sure"))
        after = tree(workspace.root)
        session = proposal.change.evidence[0].path
        assert after[session] == before[session].replace(b"status: draft\n", b"")
        (ledger,) = [path for path in after if path.startswith("progress/ledger/")]
        (pending,) = [path for path in before if path.startswith("progress/proposals/")]
        (taken,) = [path for path in before if path.startswith("progress/attempts/")]
        changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
        (event,) = [path for path in after if path.startswith("progress/events/")]
        assert changed == {"roadmap.md", session, ledger, pending, event}
        assert set(outcome.paths) == changed | {taken}
        assert outcome.message == "'KV cache scaling (batch/seq/heads)' is at L1 now."

    def test_the_ledger_entry(self, workspace: Workspace, store: PromotionStore, proposal: Proposal) -> None:
        store.decide(proposal.id, decision(reason="sure"))
        (entry,) = workspace.ledger.all()
        (evidence,) = entry.change.evidence
        assert evidence.sha256 == sha256_of(workspace.root, evidence.path)
        assert (entry.id, entry.decision, entry.by, entry.reason) == (proposal.id, "approved", "me", "sure")
        assert (entry.attempt, entry.attempt_sha256) == (proposal.attempt, proposal.attempt_sha256)
        assert entry.versions == proposal.versions
        assert entry.follows == ()
        assert faults([entry]) == []

    def test_the_next_entry_follows_the_heads(
        self, workspace: Workspace, store: PromotionStore, proposal: Proposal
    ) -> None:
        store.decide(proposal.id, decision("reject"))
        second = record_pass(workspace, attempt(NOTE, [right] * 9, start=later(1)))
        made = store.propose_from_attempt(second.id)
        assert made is not None
        before = heads(workspace.ledger.all())
        entry = store.decide(made.id, decision()).entry
        assert entry is not None
        assert entry.follows == before
        assert len(before) == 1
        assert faults(workspace.ledger.all()) == []

    @pytest.mark.parametrize("second", ["approve", "reject", "later"])
    def test_twice_changes_nothing(
        self, workspace: Workspace, store: PromotionStore, proposal: Proposal, second: DecisionType
    ) -> None:
        store.decide(proposal.id, decision())
        before = tree(workspace.root)
        outcome = store.decide(proposal.id, decision(second))
        assert outcome.decision == "already"
        assert outcome.paths == ()
        assert tree(workspace.root) == before
        with pytest.raises(ConflictError, match="decided elsewhere"):
            store.load(proposal.id)

    def test_a_session_that_the_user_edited_meanwhile_is_kept(
        self, workspace: Workspace, store: PromotionStore, proposal: Proposal
    ) -> None:
        path = workspace.root / proposal.change.evidence[0].path
        path.write_text(path.read_text(encoding="utf-8") + "\nMy own words.\n", encoding="utf-8")
        entry = store.decide(proposal.id, decision()).entry
        assert path.read_text(encoding="utf-8").endswith("\nMy own words.\n")
        assert entry is not None
        assert entry.change.evidence[0].sha256 == sha256_of(workspace.root, proposal.change.evidence[0].path)


Spoil = Callable[[Workspace, Proposal], None]


def _drop_session(workspace: Workspace, proposal: Proposal) -> None:
    (workspace.root / proposal.change.evidence[0].path).unlink()


def _drop_attempt(workspace: Workspace, proposal: Proposal) -> None:
    (workspace.root / workspace.attempts.files()[0]).unlink()


def _forge_attempt(workspace: Workspace, proposal: Proposal) -> None:
    path = workspace.root / workspace.attempts.files()[0]
    path.write_text(path.read_text().replace('"text": "my words"', '"text": "other words"'))


def _edit_note(workspace: Workspace, proposal: Proposal) -> None:
    path = workspace.root / NOTE.path
    path.write_text(path.read_text().replace("in proportion to", "with the square of"))


def _link_other_session(workspace: Workspace, proposal: Proposal) -> None:
    path = workspace.root / proposal.change.evidence[0].path
    path.write_text("---\nattempts: []\n---\nI passed, honestly.\n")


class TestGateAtTheDecision:
    @pytest.mark.parametrize(
        ("spoil", "message"),
        [
            (_drop_session, "no session is linked"),
            (_drop_attempt, "which is not in progress/attempts/"),
            (_forge_attempt, "its hash does not match"),
            (_edit_note, r"The note's \^c0 was edited"),
            (_link_other_session, "names no quiz attempt"),
        ],
    )
    def test_evidence_is_read_again(
        self, workspace: Workspace, store: PromotionStore, proposal: Proposal, spoil: Spoil, message: str
    ) -> None:
        spoil(workspace, proposal)
        before = tree(workspace.root)
        with pytest.raises(GateError, match=message):
            store.decide(proposal.id, decision())
        assert tree(workspace.root) == before

    def test_a_damaged_ledger_stops_an_approval_before_anything_is_written(
        self, workspace: Workspace, store: PromotionStore, proposal: Proposal
    ) -> None:
        (workspace.root / "progress/ledger").mkdir()
        (workspace.root / "progress/ledger/x.json").write_text("{")
        before = tree(workspace.root)
        with pytest.raises(WorkspaceError, match=r"x\.json is not a valid ledgerentry"):
            store.decide(proposal.id, decision())
        assert tree(workspace.root) == before


class TestOtherDecisions:
    def test_reject_records_why(self, workspace: Workspace, store: PromotionStore, proposal: Proposal) -> None:
        before = tree(workspace.root)
        outcome = store.decide(proposal.id, decision("reject", reason="I guessed"))
        (entry,) = workspace.ledger.all()
        assert (entry.decision, entry.reason) == ("rejected", "I guessed")
        assert workspace.proposals.files() == []
        assert tree(workspace.root)["roadmap.md"] == before["roadmap.md"]
        assert b"status: draft" in tree(workspace.root)[proposal.change.evidence[0].path]
        assert "roadmap.md" not in outcome.paths

    def test_later_leaves_it_pending(self, workspace: Workspace, store: PromotionStore, proposal: Proposal) -> None:
        before = tree(workspace.root)
        assert store.decide(proposal.id, decision("later")).decision == "later"
        assert tree(workspace.root) == before
        # Another process, weeks later.
        other = make_store(Workspace(workspace.root), FakeClock(later(30)))
        assert other.decide(proposal.id, decision()).decision == "approved"

    def test_an_edit_is_kept_and_still_pending(
        self, workspace: Workspace, store: PromotionStore, proposal: Proposal
    ) -> None:
        extra = Evidence(path="notes.md", label="mine")
        change = proposal.change.model_copy(
            update={"status": "Explained to Ada", "evidence": (*proposal.change.evidence, extra)}
        )
        outcome = store.decide(proposal.id, decision("edit", change=change, reason="in my words"))
        assert outcome.decision == "edited"
        edited = store.load(proposal.id)
        assert (edited.change, edited.rationale) == (change, "in my words")
        assert workspace.ledger.files() == []
        store.decide(proposal.id, decision())
        topic = workspace.topic(TOPIC)
        assert (topic.level, topic.status) == (Level.L1, "Explained to Ada")
        assert [link.label for link in topic.evidence] == ["2026-11-23 quiz", "mine"]
        assert workspace.ledger.all()[0].rationale == "in my words"

    @pytest.mark.parametrize(
        ("values", "error", "message"),
        [
            ({"evidence": ()}, GateError, "no session is linked"),
            ({"evidence": (Evidence(path="sessions/gone.md"),)}, GateError, "no session is linked"),
            ({"evidence": (Evidence(path="notes.md"),)}, GateError, "no session is linked"),
            ({"to_level": Level.L2}, GateError, "L2"),
            ({"to_level": Level.L0}, UsageError, "L0 is the row's level already"),
            ({"from_level": Level.L2}, ConflictError, "is at L0 now, not at L2"),
            ({"topic": "rope"}, UsageError, "another topic"),
        ],
    )
    def test_an_edit_is_gated(
        self,
        workspace: Workspace,
        store: PromotionStore,
        proposal: Proposal,
        values: dict[str, Any],
        error: type[Exception],
        message: str,
    ) -> None:
        before = tree(workspace.root)
        with pytest.raises(error, match=message):
            store.decide(proposal.id, decision("edit", reason="so", change=proposal.change.model_copy(update=values)))
        assert tree(workspace.root) == before

    @pytest.mark.parametrize("path", ["gone.md", "../secret.md", "/etc/hosts"])
    def test_evidence_that_cannot_be_read_does_not_pass(
        self, workspace: Workspace, store: PromotionStore, proposal: Proposal, path: str
    ) -> None:
        change = proposal.change.model_copy(update={"evidence": (*proposal.change.evidence, Evidence(path=path))})
        before = tree(workspace.root)
        with pytest.raises(StudyError):
            store.decide(proposal.id, decision("edit", change=change))
        assert tree(workspace.root) == before

    def test_an_edit_without_a_change(self, store: PromotionStore, proposal: Proposal) -> None:
        with pytest.raises(UsageError, match="has to say what the change should be"):
            store.decide(proposal.id, decision("edit"))

    def test_a_demotion_asks_for_no_evidence(self, store: PromotionStore) -> None:
        down = Change(
            topic=TOPIC, topic_text="T", from_level=Level.L2, to_level=Level.L0, evidence=(), status="Learning"
        )
        assert store.requirements(down) == []


class TestEvents:
    def test_a_decision_leaves_one_and_it_belongs_to_the_commit(
        self, workspace: Workspace, store: PromotionStore, proposal: Proposal
    ) -> None:
        outcome = store.decide(proposal.id, decision())
        store.decide(proposal.id, decision())
        (event,) = workspace.events.records.all()
        assert (event.kind, event.topic, event.at) == ("decision", TOPIC, workspace.ledger.all()[0].at)
        assert event.data == {"decision": "approved", "proposal": proposal.id, "from": "L0", "to": "L1"}
        assert workspace.events.records.files()[0] in outcome.paths
        assert set(event.refs) <= set(tree(workspace.root))

    def test_edits_and_rejections_are_told_apart(
        self, workspace: Workspace, store: PromotionStore, proposal: Proposal
    ) -> None:
        change = proposal.change.model_copy(update={"status": "Explained to Ada"})
        store.decide(proposal.id, decision("edit", change=change))
        store.decide(proposal.id, decision("later"))
        store.decide(proposal.id, decision("reject", reason="I guessed"))
        events = workspace.events.records.all()
        assert [event.data["decision"] for event in events] == ["edited", "rejected"]
        assert events[1].text.endswith("Reason: I guessed.")


class TestRoadmapEditedMeanwhile:
    def test_other_rows_and_text_are_kept(
        self, workspace: Workspace, store: PromotionStore, proposal: Proposal
    ) -> None:
        rewrite(workspace, "In progress", "Done in my own way")
        rewrite(workspace, "| **Attention** | RoPE |", "| **Attention** | ALiBi | L0 | - | Planned |\n|  | RoPE |")
        rewrite(workspace, "Notes of my own.", "Notes of my own, longer.")
        assert "Done in my own way" in store.preview(proposal.change)[0]
        store.decide(proposal.id, decision())
        text = workspace.roadmap_text()
        assert "Done in my own way" in text
        assert "| ALiBi | L0 | - | Planned |" in text
        assert text.endswith("Notes of my own, longer.\n")
        assert workspace.topic(TOPIC).level is Level.L1

    def test_evidence_added_to_the_row_is_kept(
        self, workspace: Workspace, store: PromotionStore, proposal: Proposal
    ) -> None:
        rewrite(workspace, ROW, ROW.replace("| -   |", "| [read](notes.md)   |"))
        store.decide(proposal.id, decision())
        assert [link.label for link in workspace.topic(TOPIC).evidence] == ["read", "2026-11-23 quiz"]

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            (ROW.replace("L0", "L2"), "is at L2 now, not at L0: roadmap.md was edited meanwhile"),
            ("", "no row for 'kv-cache-scaling' any more"),
        ],
    )
    def test_the_rows_level_changed_or_the_row_is_gone(
        self, workspace: Workspace, store: PromotionStore, proposal: Proposal, row: str, message: str
    ) -> None:
        rewrite(workspace, ROW + "\n", row + "\n" if row else "")
        before = tree(workspace.root)
        for act_ in (lambda: store.preview(proposal.change), lambda: store.decide(proposal.id, decision())):
            with pytest.raises(ConflictError, match=message):
                act_()
        assert tree(workspace.root) == before
        assert store.decide(proposal.id, decision("reject")).decision == "rejected"

    def test_a_reworded_row_is_found_through_its_note(
        self, workspace: Workspace, store: PromotionStore, proposal: Proposal
    ) -> None:
        rewrite(workspace, "KV cache scaling (batch/seq/heads)", "Cache growth while serving")
        note = workspace.root / NOTE.path
        note.write_text(
            note.read_text().replace(
                'topic: "KV cache scaling (batch/seq/heads)"', 'topic: "Cache growth while serving"'
            )
        )
        store.decide(proposal.id, decision())
        assert "| Cache growth while serving   |   L1 |" in workspace.roadmap_text()


class Fuse:
    """Goes off after a number of writes, as a process that is killed between two of them."""

    class Blown(BaseException):
        """The process died."""

    def __init__(self, writes: int) -> None:
        self._left = writes

    def burn(self) -> None:
        """Count a write."""
        self._left -= 1
        if self._left == 0:
            raise self.Blown


def crashing(root: Path, writes: int) -> PromotionStore:
    """A store whose process dies after that many writes."""
    fuse = Fuse(writes)

    class Burning(Records[Any]):
        def write(self, at: Any, record: Any) -> str:
            path = super().write(at, record)
            fuse.burn()
            return path

        def remove(self, id: str) -> str | None:
            path = super().remove(id)
            fuse.burn()
            return path

    class BurningStore(PromotionStore):
        def _approve_session(self, path: str) -> None:
            super()._approve_session(path)
            fuse.burn()

        def _write_change(self, change: AnyChange) -> None:
            super()._write_change(change)
            fuse.burn()

    def by_id(record: Record) -> str:
        return str(record.id)  # type: ignore[attr-defined]

    workspace = Workspace(root)
    workspace.proposals = Burning(root, "proposals", Proposal, by_id)
    workspace.ledger = Burning(root, "ledger", LedgerEntry, by_id)
    return BurningStore(workspace, POLICY, FakeClock().now)


class TestCrash:
    """Approval: intent, session, row, ledger, the proposal's file goes. Rejection: ledger, the proposal's file goes."""

    @pytest.mark.parametrize("writes", [1, 2, 3, 4, 5])
    def test_an_approval_is_finished_at_the_next_start(self, tmp_path: Path, proposal: Proposal, writes: int) -> None:
        whole = make_workspace(tmp_path / "whole")
        record_pass(whole)
        assert proposal.attempt is not None
        clock = FakeClock()
        expected = make_store(whole, clock)
        expected.propose_from_attempt(proposal.attempt)
        expected.decide(proposal.id, decision())

        with pytest.raises(Fuse.Blown):
            crashing(tmp_path, writes).decide(proposal.id, decision())
        store = make_store(Workspace(tmp_path), FakeClock(later(3)))
        outcomes = store.roll_forward()
        assert [o.decision for o in outcomes] == (["approved"] if writes < 5 else [])
        mine = {path: data for path, data in tree(tmp_path).items() if not path.startswith("whole/")}
        # All but the time of the decision, which is the clock's, is what an approval without a crash leaves.
        assert mine.keys() - _timed(mine) == tree(whole.root).keys() - _timed(tree(whole.root))
        assert len(_timed(mine)) == 2
        for path in ("roadmap.md", proposal.change.evidence[0].path):
            assert mine[path] == tree(whole.root)[path]
        (entry,) = Workspace(tmp_path).ledger.all()
        assert (entry.decision, entry.id) == ("approved", proposal.id)
        assert faults([entry]) == []

        before = tree(tmp_path)
        assert store.roll_forward() == []
        assert store.decide(proposal.id, decision()).decision == "already"
        assert tree(tmp_path) == before

    @pytest.mark.parametrize("writes", [1, 2, 3, 4])
    def test_a_decision_finishes_it_first(self, tmp_path: Path, proposal: Proposal, writes: int) -> None:
        with pytest.raises(Fuse.Blown):
            crashing(tmp_path, writes).decide(proposal.id, decision())
        store = make_store(Workspace(tmp_path))
        assert store.decide(proposal.id, decision("reject")).decision == "already"
        assert Workspace(tmp_path).topic(TOPIC).level is Level.L1
        assert store.pending() == []

    @pytest.mark.parametrize("writes", [1, 2, 3, 4])
    def test_finishing_it_may_crash_as_well(self, tmp_path: Path, proposal: Proposal, writes: int) -> None:
        with pytest.raises(Fuse.Blown):
            crashing(tmp_path, writes).decide(proposal.id, decision())
        with pytest.raises(Fuse.Blown):
            crashing(tmp_path, 1).roll_forward()
        make_store(Workspace(tmp_path)).roll_forward()
        workspace = Workspace(tmp_path)
        assert workspace.topic(TOPIC).level is Level.L1
        assert len(workspace.ledger.all()) == 1
        assert workspace.proposals.files() == []

    def test_a_rejection_is_finished_too(self, tmp_path: Path, proposal: Proposal) -> None:
        with pytest.raises(Fuse.Blown):
            crashing(tmp_path, 1).decide(proposal.id, decision("reject", reason="no"))
        store = make_store(Workspace(tmp_path))
        (outcome,) = store.roll_forward()
        assert outcome.decision == "rejected"
        assert "roadmap.md" not in outcome.paths
        assert store.pending() == []
        assert Workspace(tmp_path).topic(TOPIC).level is Level.L0

    def test_the_intent_is_written_before_anything_else(self, tmp_path: Path, proposal: Proposal) -> None:
        before = tree(tmp_path)
        with pytest.raises(Fuse.Blown):
            crashing(tmp_path, 1).decide(proposal.id, decision())
        after = tree(tmp_path)
        (changed,) = [path for path in after if after[path] != before.get(path)]
        assert changed.startswith("progress/proposals/")
        assert after.keys() == before.keys()

    def test_links_are_added_where_the_user_set_the_level_meanwhile(self, tmp_path: Path, proposal: Proposal) -> None:
        with pytest.raises(Fuse.Blown):
            crashing(tmp_path, 1).decide(proposal.id, decision())
        rewrite(Workspace(tmp_path), ROW, ROW.replace("L0", "L1"))
        make_store(Workspace(tmp_path)).roll_forward()
        assert len(Workspace(tmp_path).topic(TOPIC).evidence) == 1

    def test_one_that_is_stuck_is_named_and_blocks_no_other(self, tmp_path: Path, proposal: Proposal) -> None:
        with pytest.raises(Fuse.Blown):
            crashing(tmp_path, 1).decide(proposal.id, decision())
        workspace = Workspace(tmp_path)
        rewrite(workspace, ROW, ROW.replace("L0", "L3"))
        store = make_store(workspace)
        (stuck,) = store.roll_forward()
        assert stuck.decision == "stuck"
        assert "the row says L3 now; set it back to L0" in stuck.message
        assert workspace.ledger.files() == []
        other = _proposal_for(workspace, "paged-attention")
        assert store.decide(other.id, decision("reject")).decision == "rejected"
        rewrite(workspace, ROW.replace("L0", "L3"), ROW)
        assert [o.decision for o in store.roll_forward()] == ["approved"]


def _timed(files: Any) -> set[str]:
    return {path for path in files if path.startswith(("progress/ledger/", "progress/events/"))}


def _proposal_for(workspace: Workspace, topic: str) -> Proposal:
    row = workspace.topic(topic)
    change = Change(
        topic=topic, topic_text=row.text, from_level=row.level, to_level=Level.L1, evidence=(), status=row.status
    )
    made = Proposal(id=f"for-{topic}", created=later(2), change=change, rationale="because")
    workspace.proposals.write(made.created, made)
    return made


def test_the_diff_shows_the_row_before_and_after(store: PromotionStore, proposal: Proposal) -> None:
    lines = store.diff(proposal.change).splitlines()
    assert lines[0].startswith("--- roadmap.md")
    assert [line for line in lines[2:] if line[0] == "-"] == [f"-{ROW}"]
    assert len([line for line in lines[2:] if line[0] == "+"]) == 1


def test_where_a_session_lies(workspace: Workspace) -> None:
    done = record_pass(workspace)
    assert session_path(done) in tree(workspace.root)


class TestAStatusEditedMeanwhile:
    """Between the proposal and its approval the cell belongs to the user."""

    @pytest.mark.parametrize(
        ("before", "typed", "after"),
        [
            ("Planned", "Paused until May", "Paused until May"),
            ("In progress", "Paused", "Paused"),
            ("Planned", "Learning", "Verified"),
            ("Planned", "", "Verified"),
            ("In progress", "Planned", "Verified"),
            ("In progress", "In progress", "In progress"),
        ],
    )
    def test_words_of_their_own_stay(self, workspace: Workspace, before: str, typed: str, after: str) -> None:
        rewrite(workspace, ROW, ROW.replace("Planned", before))
        store = make_store(workspace)
        made = store.propose_from_attempt(record_pass(workspace).id)
        assert made is not None
        if typed != before:
            rewrite(workspace, f"| {before} |\n|   ", f"| {typed} |\n|   ")
        store.decide(made.id, decision())
        assert workspace.topic(TOPIC).status == after

    def test_a_status_chosen_in_the_review_stands(self, workspace: Workspace, proposal: Proposal) -> None:
        store = make_store(workspace)
        rewrite(workspace, ROW, ROW.replace("Planned", "Paused"))
        change = proposal.change.model_copy(update={"status": "Learning"})
        store.decide(proposal.id, decision("edit", change=change))
        store.decide(proposal.id, decision())
        assert workspace.topic(TOPIC).status == "Learning"

    def test_records_of_before_keep_their_hash(self) -> None:
        old = Change(topic="x", topic_text="X", from_level=Level.L0, to_level=Level.L1, evidence=(), status="Verified")
        assert "from_status" not in old.model_dump(mode="json")
        assert old.model_copy(update={"from_status": ""}).model_dump()["from_status"] == ""
