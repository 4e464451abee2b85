"""Deciding on a real workspace under git: what is asked, what is written, what is committed."""

from pathlib import Path

import pytest

from agent.adapters.checkpoints import open_threads
from agent.app import App
from agent.app.progress import PAGE
from agent.app.review import Asked, Decided, catch_up, review
from agent.domain.errors import BusyError
from agent.domain.level import Level
from agent.domain.proposal import Proposal
from agent.workspace.workspace import Workspace
from tests.helpers.notes import PATH
from tests.helpers.sittings import act, attempt, later, quiz_note, right, wrong
from tests.helpers.workspaces import ROW, TOPIC, git, make_app, make_repository, make_workspace, record_pass, tree

NOTE = quiz_note()

PICTURES = [f"progress/{name}.svg" for name in ("history", "matrix", "memory")]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace under git, its quiz notes committed, with a passed quiz whose files are new."""
    made = make_workspace(tmp_path)
    make_repository(tmp_path)
    record_pass(made)
    return made


@pytest.fixture
def app(workspace: Workspace) -> App:
    return make_app(workspace.root)


@pytest.fixture
def proposal(app: App, workspace: Workspace) -> Proposal:
    made = app.promotions.propose_from_attempt(workspace.attempts.all()[0].id)
    assert made is not None
    return made


def decide(app: App, proposal: Proposal, *values: object) -> Asked | Decided:
    """Ask and give one answer after the other; what the last one led to."""
    with review(app, proposal.id) as thread:
        step = thread.ask()
        for value in values:
            assert isinstance(step, Asked), step
            step = thread.reply(step, value)  # type: ignore[arg-type]
    return step


def committed(root: Path) -> list[str]:
    return sorted(git(root, "show", "--no-renames", "--name-only", "--format=", "HEAD").splitlines())


APPROVE = {"type": "approve"}


class TestAsking:
    def test_the_human_sees_everything(self, app: App, proposal: Proposal) -> None:
        step = decide(app, proposal)
        assert isinstance(step, Asked)
        lines = step.description.splitlines()
        assert "KV cache scaling (batch/seq/heads): L0 → L1" in lines
        assert proposal.rationale in lines
        assert f"  {proposal.change.evidence[0].path}" in lines
        assert f"  attempt {proposal.attempt}" in lines
        assert "  L1 a session whose quiz attempt passed: met" in lines
        assert f"-{ROW}" in lines
        assert step.args["to_level"] == "L1"

    def test_asking_changes_nothing(self, app: App, workspace: Workspace, proposal: Proposal) -> None:
        before = tree(workspace.root)
        decide(app, proposal)
        assert tree(workspace.root) == before

    def test_an_appeal_is_said(self, app: App, workspace: Workspace) -> None:
        made = attempt(NOTE, [wrong, act("appeal"), *[right] * 9], start=later(1))
        proposal = app.promotions.propose_from_attempt(record_pass(workspace, made).id)
        assert proposal is not None
        step = decide(app, proposal)
        assert isinstance(step, Asked)
        assert "^c0 rests on the learner's appeal." in step.description

    def test_two_terminals(self, app: App, workspace: Workspace, proposal: Proposal) -> None:
        with review(app, proposal.id) as thread:
            thread.ask()
            busy = pytest.raises(BusyError, match="Another terminal is deciding")
            with busy, review(make_app(workspace.root), proposal.id):
                pass

    def test_a_question_of_yesterday_is_not_answered_today(self, app: App, proposal: Proposal) -> None:
        with review(app, proposal.id) as thread:
            old = thread.ask()
        with review(app, proposal.id) as thread:
            new = thread.ask()
            assert isinstance(old, Asked)
            assert isinstance(new, Asked)
            step = thread.reply(old, APPROVE)
            assert old.interrupt != new.interrupt
        assert isinstance(step, Decided)
        assert step.decision == "conflict"
        assert app.promotions.pending() == [proposal]

    @pytest.mark.parametrize("value", ["approve", None, {}, {"type": "yes"}, {"decisions": [APPROVE, APPROVE]}])
    def test_what_is_no_decision_leaves_it_open(
        self, app: App, workspace: Workspace, proposal: Proposal, value: object
    ) -> None:
        before = tree(workspace.root)
        step = decide(app, proposal, value)
        assert isinstance(step, Asked)
        assert step.description.startswith("That is no decision: ")
        assert tree(workspace.root) == before
        approved = decide(app, proposal, value, APPROVE)
        assert isinstance(approved, Decided)
        assert approved.decision == "approved"


class TestCommit:
    def test_exactly_the_decisions_files(self, app: App, workspace: Workspace, proposal: Proposal) -> None:
        root = workspace.root
        (root / "notes.md").write_text("staged by the user\n")
        git(root, "add", "notes.md")
        (root / PATH).write_text((root / PATH).read_text() + "\nedited by the user\n")
        (root / "stray.md").write_text("x\n")
        step = decide(app, proposal, APPROVE)
        assert isinstance(step, Decided)
        (ledger,), (taken,) = workspace.ledger.files(), workspace.attempts.files()
        (event,) = workspace.events.records.files()
        assert committed(root) == sorted(
            [event, ledger, taken, "roadmap.md", proposal.change.evidence[0].path, PAGE, *PICTURES]
        )
        assert git(root, "status", "--short", "--untracked-files=all").splitlines() == [
            "M  notes.md",
            f" M {PATH}",
            "?? stray.md",
        ]
        assert step.commit == f"committed {git(root, 'rev-parse', '--short', 'HEAD')}"
        assert git(root, "log", "-1", "--format=%s") == f"study: {step.message.removesuffix('.')}"

    def test_a_proposal_that_was_committed_goes_with_it(
        self, app: App, workspace: Workspace, proposal: Proposal
    ) -> None:
        git(workspace.root, "add", "--all")
        git(workspace.root, "commit", "--quiet", "-m", "pending")
        (pending,) = workspace.proposals.files()
        decide(app, proposal, APPROVE)
        assert pending in committed(workspace.root)
        assert git(workspace.root, "status", "--short") == ""

    def test_a_rejection_too(self, app: App, workspace: Workspace, proposal: Proposal) -> None:
        (workspace.root / "roadmap.md").write_text(workspace.roadmap_text() + "\nedited by the user\n")
        decide(app, proposal, {"type": "reject", "reason": "I guessed"})
        assert workspace.ledger.all()[0].reason == "I guessed"
        assert workspace.ledger.files()[0] in committed(workspace.root)
        assert "roadmap.md" not in committed(workspace.root)

    def test_off_by_setting(self, workspace: Workspace, proposal: Proposal) -> None:
        head = git(workspace.root, "rev-parse", "HEAD")
        step = decide(make_app(workspace.root, commit=False), proposal, APPROVE)
        assert isinstance(step, Decided)
        assert step.commit == "not committed (the setting commit is off)"
        assert git(workspace.root, "rev-parse", "HEAD") == head
        assert workspace.topic(TOPIC).level is Level.L1

    def test_not_in_the_middle_of_a_merge(self, app: App, workspace: Workspace, proposal: Proposal) -> None:
        head = git(workspace.root, "rev-parse", "HEAD")
        (workspace.root / ".git/MERGE_HEAD").write_text(head + "\n")
        step = decide(app, proposal, APPROVE)
        assert isinstance(step, Decided)
        assert "in the middle of something (MERGE_HEAD)" in step.commit
        assert git(workspace.root, "rev-parse", "HEAD") == head
        assert workspace.topic(TOPIC).level is Level.L1

    def test_a_failing_one_does_not_undo_the_approval(self, app: App, workspace: Workspace, proposal: Proposal) -> None:
        hook = workspace.root / ".git/hooks/pre-commit"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\necho no commits on mondays >&2\nexit 1\n")
        hook.chmod(0o755)
        step = decide(app, proposal, APPROVE)
        assert isinstance(step, Decided)
        assert (step.decision, "no commits on mondays" in step.commit) == ("approved", True)
        assert workspace.topic(TOPIC).level is Level.L1
        assert [entry.decision for entry in workspace.ledger.all()] == ["approved"]
        assert app.promotions.pending() == []


class TestDecisions:
    def test_later_leaves_it_for_another_day(self, app: App, workspace: Workspace, proposal: Proposal) -> None:
        before = tree(workspace.root)
        step = decide(app, proposal, {"type": "later"})
        assert isinstance(step, Decided)
        assert (step.decision, step.commit) == ("later", "")
        assert tree(workspace.root) == before
        assert isinstance(decide(make_app(workspace.root), proposal), Asked)

    def test_an_edit_is_gated_and_asked_again(self, app: App, workspace: Workspace, proposal: Proposal) -> None:
        bad = decide(app, proposal, {"type": "edit", "edited": {"to_level": "L3"}})
        assert isinstance(bad, Asked)
        assert bad.args["to_level"] == "L1"
        good = decide(app, proposal, {"type": "edit", "edited": {"status": "Explained"}, "reason": "mine"})
        assert isinstance(good, Asked)
        assert (good.args["status"], good.args["rationale"]) == ("Explained", "mine")
        assert workspace.ledger.files() == []
        decide(app, proposal, APPROVE)
        assert workspace.topic(TOPIC).status == "Explained"

    def test_decided_twice(self, app: App, workspace: Workspace, proposal: Proposal) -> None:
        decide(app, proposal, APPROVE)
        before = tree(workspace.root)
        step = decide(app, proposal)
        assert isinstance(step, Decided)
        assert step.decision == "conflict"
        assert "decided elsewhere" in step.message
        assert tree(workspace.root) == before

    @pytest.mark.parametrize("answer", [None, APPROVE, {"type": "later"}, {"type": "reject"}])
    def test_threads_are_pruned_once_decided(
        self, app: App, workspace: Workspace, proposal: Proposal, answer: object
    ) -> None:
        decide(app, proposal, *([answer] if answer else []))
        with open_threads(workspace.root) as threads:
            assert len(threads.ids()) == (0 if answer else 1)

    def test_who_and_how_is_recorded(self, app: App, workspace: Workspace, proposal: Proposal) -> None:
        decide(app, proposal, {"type": "approve", "reason": "sure"})
        (entry,) = workspace.ledger.all()
        assert entry.by
        assert entry.reason == "sure"


class TestRoadmapEditedMeanwhile:
    def rewrite(self, workspace: Workspace, old: str, new: str) -> None:
        path = workspace.root / "roadmap.md"
        path.write_text(workspace.roadmap_text().replace(old, new))

    def test_another_row_is_no_matter(self, app: App, workspace: Workspace, proposal: Proposal) -> None:
        with review(app, proposal.id) as thread:
            asked = thread.ask()
            assert isinstance(asked, Asked)
            self.rewrite(workspace, "In progress", "Done")
            step = thread.reply(asked, APPROVE)
        assert isinstance(step, Decided)
        assert step.decision == "approved"
        assert "| Done |" in workspace.roadmap_text()

    def test_the_rows_level_changed_while_the_question_was_open(
        self, app: App, workspace: Workspace, proposal: Proposal
    ) -> None:
        with review(app, proposal.id) as thread:
            asked = thread.ask()
            assert isinstance(asked, Asked)
            self.rewrite(workspace, ROW, ROW.replace("L0", "L2"))
            again = thread.reply(asked, APPROVE)
            assert isinstance(again, Asked)
            assert again.description.startswith("'KV cache scaling (batch/seq/heads)' is at L2 now, not at L0")
            assert "It cannot be approved as it stands" in again.description
            assert workspace.ledger.files() == []
            rejected = thread.reply(again, {"type": "reject", "reason": "set by hand"})
        assert isinstance(rejected, Decided)
        assert rejected.decision == "rejected"

    @pytest.mark.parametrize("gone", ["row", "note"])
    def test_what_cannot_be_approved_can_still_be_rejected(
        self, app: App, workspace: Workspace, proposal: Proposal, gone: str
    ) -> None:
        if gone == "row":
            self.rewrite(workspace, ROW + "\n", "")
        else:
            (workspace.root / PATH).unlink()
        step = decide(app, proposal)
        assert isinstance(step, Asked)
        step = decide(app, proposal, {"type": "reject"})
        assert isinstance(step, Decided)
        assert step.decision == "rejected"

    def test_evidence_that_was_tampered_with(self, app: App, workspace: Workspace, proposal: Proposal) -> None:
        path = workspace.root / workspace.attempts.files()[0]
        path.write_text(path.read_text().replace("my words", "other words"))
        step = decide(app, proposal, APPROVE)
        assert isinstance(step, Asked)
        assert "its hash does not match" in step.description
        assert workspace.topic(TOPIC).level is Level.L0


def test_what_is_shown_is_inert(app: App, workspace: Workspace, proposal: Proposal) -> None:
    edited = proposal.model_copy(update={"rationale": "\x1b[2Jlook \u202ehere"})
    workspace.proposals.write(edited.created, edited)
    step = decide(app, proposal)
    assert isinstance(step, Asked)
    assert "\x1b" not in step.description
    assert "\u202e" not in step.description


class TestCatchUp:
    def test_nothing_to_do(self, app: App, workspace: Workspace, proposal: Proposal) -> None:
        before = tree(workspace.root)
        assert catch_up(app) == []
        assert tree(workspace.root) == before

    def test_passed_attempts_are_proposed(self, app: App, workspace: Workspace) -> None:
        assert catch_up(app) == []
        (pending,) = app.promotions.pending()
        assert pending.attempt == workspace.attempts.all()[0].id

    def test_one_that_does_not_hold_is_named(self, app: App, workspace: Workspace) -> None:
        path = workspace.root / workspace.attempts.files()[0]
        path.write_text(path.read_text().replace("my words", "other words"))
        (message,) = catch_up(app)
        assert "cannot be proposed" in message
        assert "its hash does not match" in message

    def test_a_half_done_approval_is_finished_and_committed(
        self, app: App, workspace: Workspace, proposal: Proposal
    ) -> None:
        other = make_workspace(workspace.root / "other")
        record_pass(other)
        twin = make_app(other.root)
        twin_proposal = twin.promotions.propose_from_attempt(workspace.attempts.all()[0].id)
        assert twin_proposal is not None
        decide(twin, twin_proposal, APPROVE)
        # The intent alone is on disk: the process died right after writing it.
        intent = other.ledger.all()[0]
        workspace.proposals.write(proposal.created, proposal.model_copy(update={"intent": intent}))
        (message,) = catch_up(app)
        assert "is at L1 now" in message
        assert "committed" in message
        assert {"roadmap.md", *workspace.ledger.files()} <= set(committed(workspace.root))
        assert catch_up(app) == []
