"""`study milestone` and `study focus`: shown, proposed, decided at a terminal, and nothing written before that."""

from pathlib import Path

import pytest

from agent.domain.change import Change
from agent.domain.level import Level
from agent.domain.proposal import Decision
from agent.workspace.check import check_workspace
from agent.workspace.milestones import milestone_states
from agent.workspace.workspace import Workspace
from tests.helpers.study import PASSING, TOPIC, Terminal, make_workspace, study, tree
from tests.helpers.workspaces import make_store

LISTS = """\

### Milestone B

- [ ] KV cache scaling reaches **L1**
- [ ] A talk
- Evidence required: session links
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = make_workspace(tmp_path / "work", git=True)
    text = (made / "roadmap.md").read_text(encoding="utf-8")
    (made / "roadmap.md").write_text(text.replace("\n## How to", f"{LISTS}\n## How to"), encoding="utf-8")
    (made / "talk.md").write_text("# The talk\n\nSlides and what was asked.\n", encoding="utf-8")
    return made


def states(root: Path) -> dict[str, str]:
    return {state.number: state.state for state in milestone_states(Workspace(root))}


def approve_all(root: Path) -> None:
    store = make_store(Workspace(root))
    for proposal in store.pending():
        assert store.decide(proposal.id, Decision(type="approve")).decision == "approved"


class TestMilestones:
    def test_what_evidence_is_required_is_checked_by_what_rows_link(self, root: Path) -> None:
        file = root / "roadmap.md"
        text = file.read_text(encoding="utf-8").replace("required: session links", "required: session links + a jury")
        file.write_text(text, encoding="utf-8")
        assert study(root, "quiz", TOPIC, given=PASSING).code == 0
        approve_all(root)
        (session,) = (root / "sessions").glob("*.md")
        out = study(root, "milestone").out
        assert f"      ✓ session links: sessions/{session.name}\n      ? a jury: yours to judge\n" in out
        (required,) = study(root, "milestone", "--json").events[0]["evidence_required"]
        assert [part["verdict"] for part in required["parts"]] == ["linked", "yours"]
        session.unlink()
        out = study(root, "milestone").out
        assert "○ session links: not linked" in out
        assert f"! the link 'sessions/{session.name}' leads to no file" in out

    def test_each_bullet_with_its_state_and_how_it_was_read(self, root: Path) -> None:
        out = study(root, "milestone").out
        assert "Milestone B  0/2\n  ○ 2.1 KV cache scaling reaches L1\n        0/1: kv-cache-scaling at L1\n" in out
        assert "evidence required: session links\n      ○ session links: not linked by its rows or boxes yet\n" in out
        assert (
            "  ! 1.2 A repository\n        ticked without a decision: `study milestone tick 1.2 --evidence PATH`" in out
        )
        rows = study(root, "milestone", "--json").events[0]["milestones"]
        assert [(r["number"], r["state"], r["checked_by"]) for r in rows] == [
            ("1.1", "unbound", "evidence"),
            ("1.2", "by hand", "evidence"),
            ("2.1", "open", "levels"),
            ("2.2", "unbound", "evidence"),
        ]
        assert rows[2]["topics"] == [TOPIC]

    def test_evidence_binds_what_no_level_can_show(self, root: Path) -> None:
        before = tree(root)
        ran = study(root, "milestone", "tick", "2.2", "--evidence", "talk.md", "--reason", "Held on Monday.")
        assert ran.code == 0
        assert "Proposed; nothing is changed" in ran.out
        changed = {path for path, data in tree(root).items() if before.get(path) != data}
        assert all(path.startswith("progress/proposals/") for path in changed)
        approve_all(root)
        old, new = before["roadmap.md"], (root / "roadmap.md").read_bytes()
        assert new == old.replace(b"- [ ] A talk", b"- [x] A talk")
        assert states(root)["2.2"] == "done"
        (row,) = (r for r in study(root, "milestone", "--json").events[0]["milestones"] if r["number"] == "2.2")
        assert row["evidence"] == ["talk.md"]
        assert "ticked already" in study(root, "milestone", "tick", "2.2").err

    @pytest.mark.parametrize(
        ("args", "code", "message"),
        [
            (["tick", "2.2"], 1, "The tick needs evidence: it names no levels to check, so link what shows it"),
            (["tick", "2.1"], 1, "The tick needs kv-cache-scaling at L1: the ledger has 0 of 1."),
            (["tick", "2.1", "--evidence", "talk.md"], 1, "the ledger has 0 of 1"),
            (["tick", "2.2", "--evidence", "gone.md"], 1, "gone.md does not exist"),
            (["tick", "2.2", "--evidence", "../x"], 1, "leads outside the workspace"),
            (["tick", "2.2", "--evidence", "roadmap.md"], 1, "cannot be evidence"),
            (["tick", "2.2", "--evidence", "https://example.org"], 2, "is no file of the workspace"),
            (["tick", "2.2", "--evidence", "tracks"], 2, "is a folder"),
            (["tick", "9.9"], 2, "No bullet of a milestone matches"),
            (["tick", "a"], 2, "could be any of"),
            (["untick", "2.2"], 2, "is not ticked"),
            (["untick", "1.2"], 2, "needs a reason"),
        ],
    )
    def test_refused(self, root: Path, args: list[str], code: int, message: str) -> None:
        before = tree(root)
        ran = study(root, "milestone", *args)
        assert ran.code == code
        assert message in ran.err
        assert tree(root) == before

    def test_empty_evidence_shows_nothing(self, root: Path) -> None:
        (root / "talk.md").write_text(" \n", encoding="utf-8")
        assert "talk.md: it is empty" in study(root, "milestone", "tick", "2.2", "--evidence", "talk.md").err

    def test_a_level_typed_in_ticks_nothing(self, root: Path) -> None:
        path = root / "roadmap.md"
        path.write_text(path.read_text(encoding="utf-8").replace("heads) | L0", "heads) | L1"), encoding="utf-8")
        assert states(root)["2.1"] == "open"
        assert study(root, "milestone", "tick", "2.1").code == 1

    def test_the_last_level_asks_for_the_tick_in_the_same_review(self, root: Path) -> None:
        study(root, "quiz", TOPIC, "--json", given=PASSING)
        with Terminal(root, "review") as terminal:
            terminal.wait("[a]pprove")
            terminal.type("a")
            terminal.wait("A milestone follows from it")
            terminal.wait("+- [x] KV cache scaling reaches **L1**")
            terminal.wait("[a]pprove")
            terminal.type("a")
            terminal.wait("is ticked now.")
            assert terminal.end() == 0
        assert states(root)["2.1"] == "done"

    def test_rejected_it_is_not_asked_again_by_itself(self, root: Path) -> None:
        study(root, "quiz", TOPIC, "--json", given=PASSING)
        approve_all(root)
        study(root, "review")
        store = make_store(Workspace(root))
        (proposal,) = store.pending()
        store.decide(proposal.id, Decision(type="reject", reason="Not yet."))
        assert "Nothing is pending" in study(root, "review").out
        assert study(root, "milestone", "tick", "2.1").code == 0

    def test_a_demotion_lets_the_tick_slip_and_the_human_take_it_back(self, root: Path) -> None:
        study(root, "quiz", TOPIC, "--json", given=PASSING)
        approve_all(root)
        study(root, "milestone", "tick", "2.1")
        approve_all(root)
        store = make_store(Workspace(root))
        store.propose(store.change_to(TOPIC, Level.L0), "I forgot it.")
        approve_all(root)
        assert states(root)["2.1"] == "slipped"
        (problem,) = (p for p in check_workspace(Workspace(root)) if "2.1" in p.message)
        assert (problem.severity, problem.path) == ("warning", "roadmap.md")
        assert study(root, "milestone", "untick", "2.1", "--reason", "Demoted.").code == 0
        approve_all(root)
        assert states(root)["2.1"] == "open"

    def test_a_box_ticked_by_hand_is_a_warning(self, root: Path) -> None:
        (problem,) = (p for p in check_workspace(Workspace(root)) if "1.2" in p.message)
        assert problem.severity == "warning"
        assert problem.line == 27

    def test_evidence_edited_after_the_tick(self, root: Path) -> None:
        study(root, "milestone", "tick", "2.2", "--evidence", "talk.md")
        approve_all(root)
        (root / "talk.md").write_text("other", encoding="utf-8")
        assert any("talk.md was edited after 'A talk'" in p.message for p in check_workspace(Workspace(root)))
        (root / "talk.md").unlink()
        gone = [p for p in check_workspace(Workspace(root)) if "its evidence is gone" in p.message]
        assert [p.severity for p in gone] == ["error"]


class TestFocus:
    def test_shown_with_the_quarter_of_today(self, root: Path) -> None:
        out = study(root, "focus").out
        assert "Q1 focus: caches" in out
        assert len(study(root, "focus", "--json").events[0]["focus"]) == 2

    @pytest.mark.parametrize(
        ("args", "line"),
        [
            (["Q1", "LangGraph + RAG"], "- **Q1 focus:** LangGraph + RAG\n- **Q2 focus:** caches\n"),
            (["q2 focus", "rest"], "- **Q1 focus:** caches\n- **Q2 focus:** rest\n"),
            (["Q3 focus", "vLLM"], "- **Q1 focus:** caches\n- **Q2 focus:** caches\n- **Q3 focus:** vLLM\n"),
            (["Q1", "--remove"], "## Quarter Focus\n\n- **Q2 focus:** caches\n"),
        ],
    )
    def test_edited_only_once_it_is_approved(self, root: Path, args: list[str], line: str) -> None:
        before = (root / "roadmap.md").read_text(encoding="utf-8")
        assert study(root, "focus", *args).code == 0
        assert (root / "roadmap.md").read_text(encoding="utf-8") == before
        approve_all(root)
        after = (root / "roadmap.md").read_text(encoding="utf-8")
        assert line in after
        start = after.index("## Track 01")
        assert after[start:] == before[before.index("## Track 01") :]
        assert not [p for p in check_workspace(Workspace(root)) if p.severity == "error"]

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            (["Q1"], "Give a label with its new text"),
            (["Q1", "x", "--remove"], "Give a label with its new text"),
            (["Q1", "caches"], "says 'Q1 focus: caches' already"),
            (["Q9", "--remove"], "No line of the focus begins with"),
            (["Q1", "  "], "has a label and a text"),
            (["a: b", "x"], "A label has no colon"),
        ],
    )
    def test_refused(self, root: Path, args: list[str], message: str) -> None:
        before = tree(root)
        ran = study(root, "focus", *args)
        assert (ran.code, message in ran.err) == (2, True), ran.err
        assert tree(root) == before

    def test_the_newest_wording_replaces_the_one_that_is_pending(self, root: Path) -> None:
        study(root, "focus", "Q1", "first")
        study(root, "focus", "Q1", "second")
        (proposal,) = Workspace(root).proposals.all()
        assert proposal.change.becomes == "Q1 focus: second"
        assert not isinstance(proposal.change, Change)

    def test_reworded_in_the_editor(self, root: Path) -> None:
        study(root, "focus", "Q1", "first")
        (proposal,) = Workspace(root).proposals.all()
        store = make_store(Workspace(root))
        edited = proposal.change.model_copy(update={"after": "Q1 focus: second"})
        store.decide(proposal.id, Decision(type="edit", change=edited))
        approve_all(root)
        assert "- **Q1 focus:** second\n" in (root / "roadmap.md").read_text(encoding="utf-8")

    def test_edited_meanwhile_it_is_said_and_can_be_rejected(self, root: Path) -> None:
        study(root, "focus", "Q1", "first")
        path = root / "roadmap.md"
        path.write_text(path.read_text(encoding="utf-8").replace("Q1 focus:** caches", "Q1 focus:** mine"), "utf-8")
        with Terminal(root, "review") as terminal:
            terminal.wait("It cannot be approved as it stands: roadmap.md has no line reading “Q1 focus: caches”")
            terminal.wait("[a]pprove")
            terminal.type("r")
            terminal.wait("Why")
            terminal.type("Mine is better.")
            terminal.wait("The focus stays as it is.")
            assert terminal.end() == 0
