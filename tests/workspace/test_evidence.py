"""Evidence on disk: where paths lead, what a lab's hashes cover, and promotions from L0 to L5 and back."""

import os
from pathlib import Path

import pytest

from agent.domain.errors import ConflictError, GateError, UsageError, WorkspaceError
from agent.domain.level import Level
from agent.domain.proposal import Decision, Proposal
from agent.workspace.evidence import canonical, gathered
from agent.workspace.files import sha256_of
from agent.workspace.labs import read_lab, read_run, run_hashes
from agent.workspace.promotions import PromotionStore
from agent.workspace.workspace import Workspace
from tests.helpers.labs import FULL, LAB, make_lab, make_run, write
from tests.helpers.sittings import attempt, later, quiz_note, right
from tests.helpers.workspaces import ROADMAP, TOPIC, make_store, make_workspace, record_pass, tree


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """One passed quiz and a lab that carries any level."""
    made = make_workspace(tmp_path / "w")
    record_pass(made)
    make_lab(made.root)
    return made


@pytest.fixture
def store(workspace: Workspace) -> PromotionStore:
    return make_store(workspace)


@pytest.fixture
def session(workspace: Workspace) -> str:
    (file,) = (workspace.root / "sessions").glob("*.md")
    return f"sessions/{file.name}"


def promote(store: PromotionStore, to: int, *paths: str, reason: str = "") -> Proposal:
    return store.propose(store.change_to(TOPIC, Level(to), paths), reason)


def approve(store: PromotionStore, proposal: Proposal) -> None:
    assert store.decide(proposal.id, Decision(type="approve", by="me")).decision == "approved"


def level(workspace: Workspace) -> tuple[Level, tuple[str, ...]]:
    topic = workspace.topic(TOPIC)
    return topic.level, tuple(link.target for link in topic.evidence)


class TestPaths:
    @pytest.mark.parametrize(
        ("path", "leads"),
        [("notes.md", "notes.md"), ("./lab/../notes.md", "notes.md"), (f"{LAB}/", LAB), ("gone.md", "gone.md")],
    )
    def test_canonical(self, workspace: Workspace, path: str, leads: str) -> None:
        assert canonical(workspace.root, path) == leads

    @pytest.mark.parametrize(
        "path", ["../x", "/etc/hosts", "a/../../x", "roadmap.md", ".study/x", ".git/config", ".", "\0"]
    )
    def test_no_evidence(self, workspace: Workspace, path: str) -> None:
        with pytest.raises(WorkspaceError):
            canonical(workspace.root, path)

    def test_symlinks_inside_are_followed_and_outside_refused(self, workspace: Workspace) -> None:
        root = workspace.root
        (root / "inside.md").symlink_to("notes.md")
        (root.parent / "secret.md").write_text("no", encoding="utf-8")
        (root / "outside.md").symlink_to("../secret.md")
        (root / "circle.md").symlink_to("circle.md")
        assert canonical(root, "inside.md") == "notes.md"
        for path in ("outside.md", "circle.md"):
            with pytest.raises(WorkspaceError):
                canonical(root, path)

    @pytest.mark.parametrize("path", ["https://example.org/x", "//host/x", "mailto:me"])
    def test_a_url_is_no_evidence(self, store: PromotionStore, path: str) -> None:
        with pytest.raises(UsageError, match="no file of the workspace"):
            store.change_to(TOPIC, Level.L2, [path])

    @pytest.mark.parametrize("path", ["tracks", "lab", f"{LAB}/runs"])
    def test_a_folder_that_is_no_lab(self, store: PromotionStore, path: str) -> None:
        with pytest.raises(UsageError, match="a folder and no lab"):
            store.change_to(TOPIC, Level.L2, [path])

    def test_a_lab_stands_for_what_the_level_asks_for(self, workspace: Workspace) -> None:
        topic = workspace.topic(TOPIC)
        names = ["README.md", "RESULTS.md", "DESIGN.md", "TEACHING.md"]
        for to in range(2, 6):
            found = [item.path for item in gathered(workspace.root, topic, [LAB], Level(to))]
            assert [path for path in found if "/runs/" not in path] == [f"{LAB}/{name}" for name in names[: to - 1]]
            assert sum("/runs/" in path for path in found) == 1


class TestHashes:
    def test_documents_data_and_runs_are_no_code(self, workspace: Workspace) -> None:
        before = run_hashes(workspace.root, LAB)
        write(
            workspace.root,
            {
                f"{LAB}/{name}": "changed"
                for name in (
                    "README.md",
                    "out.csv",
                    "runs/x.json",
                    "__pycache__/b.py",
                    ".hidden.py",
                    "venv/pyvenv.cfg",
                    "data/rows.yaml",
                )
            },
        )
        assert run_hashes(workspace.root, LAB) == before

    @pytest.mark.parametrize(
        ("name", "changed"),
        [("bench.py", (True, False)), ("sub/deep.sh", (True, False)), ("config.yaml", (True, False)),
         ("Makefile", (True, False)), ("requirements.txt", (False, True)), ("uv.lock", (False, True)),
         ("requirements-dev.txt", (False, True)), ("data/load.py", (True, False))],
    )  # fmt: skip
    def test_what_changes_which(self, workspace: Workspace, name: str, changed: tuple[bool, bool]) -> None:
        before = run_hashes(workspace.root, LAB)
        write(workspace.root, {f"{LAB}/{name}": "new\n"})
        after = run_hashes(workspace.root, LAB)
        assert tuple(a != b for a, b in zip(before, after, strict=True)) == changed

    def test_a_renamed_file_changes_it_and_the_place_of_the_lab_does_not(self, workspace: Workspace) -> None:
        before = run_hashes(workspace.root, LAB)
        (workspace.root / LAB).rename(workspace.root / "lab/moved")
        assert run_hashes(workspace.root, "lab/moved") == before
        (workspace.root / "lab/moved/bench.py").rename(workspace.root / "lab/moved/other.py")
        assert run_hashes(workspace.root, "lab/moved")[0] != before[0]

    def test_a_virtual_environment_is_skipped(self, workspace: Workspace) -> None:
        before = run_hashes(workspace.root, LAB)
        write(workspace.root, {f"{LAB}/env/pyvenv.cfg": "", f"{LAB}/env/lib/a.py": "x"})
        assert run_hashes(workspace.root, LAB) == before

    def test_too_many_files(self, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("agent.workspace.labs.MAX_FILES", 3)
        with pytest.raises(WorkspaceError, match="more than 3 files"):
            run_hashes(workspace.root, LAB)

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("", "is no record of a run"),
            ("[]", "is no record"),
            ('{"id": 1}', "is no record"),
            ("\0", "cannot be read"),
        ],
    )
    def test_no_record(self, workspace: Workspace, text: str, fault: str) -> None:
        write(workspace.root, {f"{LAB}/runs/x.json": text})
        run = read_run(workspace.root, f"{LAB}/runs/x.json")
        assert run.record is None
        assert fault in run.fault

    def test_a_record_survives_its_file(self, workspace: Workspace) -> None:
        path = make_run(workspace.root, output_tail="ü 🎉\n", duration_s=0.0)
        record = read_run(workspace.root, path).record
        assert record is not None
        assert record.sha256 == record.computed_hash()

    def test_an_unreadable_document_is_named(self, workspace: Workspace) -> None:
        (workspace.root / LAB / "RESULTS.md").write_bytes(b"\xff")
        lab = read_lab(workspace.root, LAB, ())
        assert "not valid UTF-8" in lab.unreadable["RESULTS.md"]


class TestPromoting:
    def test_level_by_level(self, workspace: Workspace, store: PromotionStore, session: str) -> None:
        approve(store, promote(store, 1, session))
        for to in range(2, 6):
            approve(store, promote(store, to, LAB))
            assert level(workspace)[0] == to
        links = level(workspace)[1]
        assert links[0] == session
        assert {f"{LAB}/{name}" for name in FULL if name.endswith(".md")} <= set(links)
        assert len(links) == len(set(links)) == 6
        for entry in workspace.ledger.all():
            for item in entry.change.evidence:
                assert item.sha256 == sha256_of(workspace.root, item.path)

    def test_skipping_levels_needs_all_gates(self, workspace: Workspace, store: PromotionStore, session: str) -> None:
        with pytest.raises(GateError, match="L1 needs a session"):
            promote(store, 3, LAB)
        proposal = promote(store, 3, LAB, session)
        assert proposal.attempt is not None
        approve(store, proposal)
        assert level(workspace)[0] == Level.L3
        assert [entry.attempt for entry in workspace.ledger.all()] == [proposal.attempt]

    def test_a_closed_gate_writes_nothing(self, workspace: Workspace, store: PromotionStore, session: str) -> None:
        (workspace.root / LAB / "RESULTS.md").unlink()
        before = tree(workspace.root)
        with pytest.raises(GateError, match=r"L3 needs results in lab/kv-bench/RESULTS.md: the file does not exist\."):
            promote(store, 3, LAB, session)
        assert tree(workspace.root) == before

    def test_proposed_once_and_anew_after_a_rejection(self, store: PromotionStore, session: str) -> None:
        first = promote(store, 2, LAB, session)
        assert promote(store, 2, LAB, session) == first
        assert len(store.pending()) == 1
        store.decide(first.id, Decision(type="reject", reason="not yet"))
        assert promote(store, 2, LAB, session).id != first.id

    def test_newer_evidence_replaces_what_is_pending(
        self, workspace: Workspace, store: PromotionStore, session: str
    ) -> None:
        first = promote(store, 3, LAB, session)
        write(workspace.root, {f"{LAB}/RESULTS.md": FULL["RESULTS.md"] + "\nMore.\n"})
        second = promote(store, 3, LAB, session)
        assert [p.id for p in store.pending()] == [second.id] != [first.id]

    def test_evidence_that_falls_apart_before_the_approval(
        self, workspace: Workspace, store: PromotionStore, session: str
    ) -> None:
        proposal = promote(store, 2, LAB, session)
        write(workspace.root, {f"{LAB}/bench.py": "print('other')\n"})
        with pytest.raises(GateError, match="ran other code"):
            store.decide(proposal.id, Decision(type="approve"))
        assert level(workspace)[0] == Level.L0

    def test_a_picture_is_evidence_too(self, workspace: Workspace, store: PromotionStore, session: str) -> None:
        (workspace.root / LAB / "plot.png").write_bytes(b"\x89PNG\r\n\x1a\n\xff")
        approve(store, promote(store, 2, LAB, session, f"{LAB}/plot.png"))
        (entry,) = workspace.ledger.all()
        pinned = {e.path: e.sha256 for e in entry.change.evidence}
        assert pinned[f"{LAB}/plot.png"] == sha256_of(workspace.root, f"{LAB}/plot.png")

    def test_a_note_edited_after_l1_was_approved_does_not_stop_l2(
        self, workspace: Workspace, store: PromotionStore, session: str
    ) -> None:
        approve(store, promote(store, 1, session))
        path = workspace.root / workspace.note_path(workspace.topic(TOPIC))
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("The cache grows", "The cache shrinks"), encoding="utf-8")
        approve(store, promote(store, 2, LAB))

    def test_an_attempt_forged_after_l1_was_approved_does(
        self, workspace: Workspace, store: PromotionStore, session: str
    ) -> None:
        approve(store, promote(store, 1, session))
        (path,) = workspace.attempts.files()
        other = attempt(quiz_note(), [right] * 2, start=later(1), id=workspace.attempts.all()[0].id)
        (workspace.root / path).write_text(other.model_dump_json(), encoding="utf-8")
        with pytest.raises(GateError, match="L1 needs a session"):
            promote(store, 2, LAB)

    def test_an_edit_in_review_is_gated_at_its_level(self, store: PromotionStore, session: str) -> None:
        proposal = promote(store, 2, LAB, session)
        higher = proposal.change.model_copy(update={"to_level": Level.L3})
        with pytest.raises(GateError, match="the file is not among the evidence links"):
            store.decide(proposal.id, Decision(type="edit", change=higher))

    def test_the_same_level_again(self, workspace: Workspace, store: PromotionStore, session: str) -> None:
        approve(store, promote(store, 1, session))
        with pytest.raises(UsageError, match="is at L1 already, and its evidence is as it was decided on"):
            promote(store, 1, session)
        with (workspace.root / session).open("a", encoding="utf-8") as file:
            file.write("\nA remark of my own.\n")
        approve(store, promote(store, 1))
        assert len(workspace.ledger.all()) == 2

    def test_the_row_changed_meanwhile(self, workspace: Workspace, store: PromotionStore, session: str) -> None:
        change = store.change_to(TOPIC, Level.L2, [LAB, session])
        (workspace.root / "roadmap.md").write_text(
            ROADMAP.replace("|   L0 | -   |", "|   L1 | -   |"), encoding="utf-8"
        )
        with pytest.raises(ConflictError, match="is at L1 now"):
            store.propose(change)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
    def test_a_lab_without_permission(self, workspace: Workspace, store: PromotionStore, session: str) -> None:
        (workspace.root / LAB / "bench.py").chmod(0)
        with pytest.raises(WorkspaceError):
            promote(store, 2, LAB, session)


class TestDemotion:
    def test_it_needs_a_reason_and_nothing_else(
        self, workspace: Workspace, store: PromotionStore, session: str
    ) -> None:
        approve(store, promote(store, 2, LAB, session))
        with pytest.raises(UsageError, match="from L2 down to L0 needs a reason"):
            promote(store, 0, reason=" ")
        for name in FULL:
            (workspace.root / LAB / name).unlink()
        approve(store, promote(store, 0, reason="I forgot all of it."))
        assert level(workspace)[0] == Level.L0
        assert workspace.topic(TOPIC).status == "Learning"
        assert workspace.ledger.all()[-1].rationale == "I forgot all of it."

    def test_after_it_the_gates_are_asked_again(
        self, workspace: Workspace, store: PromotionStore, session: str
    ) -> None:
        approve(store, promote(store, 2, LAB, session))
        approve(store, promote(store, 1, reason="The lab was somebody else's."))
        (workspace.root / LAB / "README.md").write_text("", encoding="utf-8")
        with pytest.raises(GateError, match="L2 needs a README"):
            promote(store, 2)

    def test_an_edit_downwards_needs_a_reason(self, store: PromotionStore, session: str) -> None:
        approve(store, promote(store, 2, LAB, session))
        proposal = promote(store, 3, LAB)
        lower = proposal.change.model_copy(update={"to_level": Level.L1})
        with pytest.raises(UsageError, match="needs a reason"):
            store.decide(proposal.id, Decision(type="edit", change=lower))

    def test_a_level_typed_into_the_roadmap_cannot_be_laundered_by_a_demotion(
        self, workspace: Workspace, store: PromotionStore
    ) -> None:
        (workspace.root / "roadmap.md").write_text(
            ROADMAP.replace("|   L0 | -   |", "|   L5 | -   |"), encoding="utf-8"
        )
        with pytest.raises(GateError, match="L1 needs a session"):
            promote(store, 4, reason="L5 was too much.")
        approve(store, promote(store, 0, reason="It was never earned."))
        assert level(workspace)[0] == Level.L0

    def test_a_level_typed_into_the_roadmap_can_be_earned(
        self, workspace: Workspace, store: PromotionStore, session: str
    ) -> None:
        (workspace.root / "roadmap.md").write_text(
            ROADMAP.replace("|   L0 | -   |", "|   L1 | -   |"), encoding="utf-8"
        )
        with pytest.raises(GateError, match="no session is linked"):
            promote(store, 1)
        approve(store, promote(store, 1, session))
        assert level(workspace) == (Level.L1, (session,))
        assert store.vouched(TOPIC) == Level.L1

    def test_an_entry_that_does_not_hold_vouches_for_nothing(
        self, workspace: Workspace, store: PromotionStore, session: str
    ) -> None:
        approve(store, promote(store, 1, session))
        (path,) = workspace.ledger.files()
        text = (workspace.root / path).read_text(encoding="utf-8")
        (workspace.root / path).write_text(text.replace('"to_level": "L1"', '"to_level": "L4"'), encoding="utf-8")
        assert store.vouched(TOPIC) == Level.L0
