"""Two clones of a workspace that both decide, then merge: real git, real files, and the documented step."""

import codecs
import re
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from agent.app import App
from agent.app.merge import GENERATED
from agent.app.progress import PAGE, stale
from agent.app.review import catch_up, review
from agent.domain.ledger import faults, heads
from agent.domain.level import Level
from agent.domain.proposal import Decision
from agent.workspace.check import check_workspace
from agent.workspace.workspace import Workspace
from tests.helpers.fakes import START, FakeClock
from tests.helpers.notes import PATH
from tests.helpers.sittings import attempt, later, quiz_text, right
from tests.helpers.study import study
from tests.helpers.workspaces import TOPIC, git, make_app, make_repository, make_workspace, record_pass

NEIGHBOUR = "paged-attention"
SELF = ["-c", "user.name=me", "-c", "user.email=me@example.org"]


class Clone:
    """One machine's copy of the workspace."""

    def __init__(self, root: Path, start: datetime = START) -> None:
        self.root = root
        self.app: App = make_app(root, clock=FakeClock(start))
        git(root, "config", "user.name", "me")
        git(root, "config", "user.email", "me@example.org")

    def pass_quiz(self, topic: str, id: str, start: datetime = START) -> None:
        """Record a passed quiz and its proposal."""
        note = self.app.workspace.note(topic)
        record_pass(
            self.app.workspace, attempt(note, [right] * 9, id=f"{id * 8}-0000-4000-8000-{id * 12}", start=start)
        )
        catch_up(self.app)

    def decide(self, topic: str, type: str = "approve") -> None:
        """Decide on what is pending on a topic, as `study review` does, with its commit."""
        (proposal,) = (p for p in self.app.promotions.pending() if p.topic == topic)
        with review(self.app, proposal.id) as thread:
            thread.reply(thread.ask(), {"type": type})  # type: ignore[arg-type]

    def promote(self, topic: str, id: str, start: datetime = START) -> None:
        """Pass and approve."""
        self.pass_quiz(topic, id, start)
        self.decide(topic)

    def commit(self) -> None:
        """Commit everything."""
        git(self.root, "add", "--all")
        git(self.root, "commit", "-qm", "by hand")

    def pull(self, other: "Clone") -> list[str]:
        """Merge the other clone; give the files that conflict."""
        git(self.root, "fetch", "-q", str(other.root), "HEAD")
        subprocess.run(["git", "-C", str(self.root), "merge", "-q", "FETCH_HEAD"], capture_output=True, check=False)
        return git(self.root, "diff", "--name-only", "--diff-filter=U").splitlines()

    def errors(self) -> list[str]:
        """What `study check` says."""
        return [str(p) for p in check_workspace(Workspace(self.root)) if p.severity == "error"]

    def levels(self) -> dict[str, Level]:
        """The roadmap's levels."""
        return {t.id: t.level for t in Workspace(self.root).roadmap().topics}


@pytest.fixture
def clones(tmp_path: Path) -> tuple[Clone, Clone]:
    first = tmp_path / "laptop"
    make_workspace(first)
    text = quiz_text().replace(TOPIC, NEIGHBOUR).replace("KV cache scaling (batch/seq/heads)", "Paged attention")
    # The same shape in other words: two notes must not say the same.
    text = re.sub(r"(?m)^(- (?:\(core\) )?)(.*?)( \^\w+)$", lambda m: m[1] + codecs.encode(m[2], "rot13") + m[3], text)
    (first / PATH.replace(TOPIC, NEIGHBOUR)).write_text(text, encoding="utf-8")
    make_repository(first)
    second = tmp_path / "desktop"
    subprocess.run(["git", "clone", "-q", str(first), str(second)], check=True)
    return Clone(first), Clone(second, later(0.1))


def test_neighbouring_rows_promoted_on_two_machines(clones: tuple[Clone, Clone]) -> None:
    laptop, desktop = clones
    laptop.promote(TOPIC, "1")
    desktop.promote(NEIGHBOUR, "2")
    ours = {e.id for e in laptop.app.workspace.ledger.all()}
    theirs = {e.id for e in desktop.app.workspace.ledger.all()}
    conflicts = laptop.pull(desktop)
    # Nothing below a folder of records conflicts; the roadmap's neighbouring rows and what is generated do.
    assert "roadmap.md" in conflicts
    assert set(conflicts) <= {"roadmap.md", *GENERATED}
    ran = study(laptop.root, "merge")
    assert ran.code == 0, ran.out + ran.err
    assert "The workspace is sound. `git commit` finishes the merge." in ran.out
    git(laptop.root, *SELF, "commit", "-q", "--no-edit")
    assert git(laptop.root, "status", "--porcelain") == ""
    assert laptop.levels() == {"rope": 0, TOPIC: 1, NEIGHBOUR: 1}
    # Both histories are whole, and the next decision follows both.
    entries = laptop.app.workspace.ledger.all()
    assert {e.id for e in entries} == ours | theirs
    assert faults(entries) == []
    assert len(heads(entries)) == 2
    assert laptop.errors() == []
    assert study(laptop.root, "check", "--against", "HEAD~1").code == 0
    assert stale(laptop.app) == []
    laptop.app.promotions.propose(laptop.app.promotions.change_to(TOPIC, Level.L0), "I start over.")
    laptop.decide(TOPIC)
    assert len(heads(laptop.app.workspace.ledger.all())) == 1
    assert laptop.errors() == []
    # The other machine gets it all by a fast-forward.
    assert desktop.pull(laptop) == []
    assert desktop.errors() == []


def test_the_untouched_bytes_of_both_sides_stay(clones: tuple[Clone, Clone]) -> None:
    laptop, desktop = clones
    text = (desktop.root / "roadmap.md").read_text(encoding="utf-8")
    (desktop.root / "roadmap.md").write_text(text.replace("Notes of my own.", "Notes of my own, more."), "utf-8")
    desktop.commit()
    laptop.promote(TOPIC, "1")
    desktop.promote(NEIGHBOUR, "2")
    mine = (laptop.root / "roadmap.md").read_text(encoding="utf-8").splitlines(keepends=True)
    other = (desktop.root / "roadmap.md").read_text(encoding="utf-8").splitlines(keepends=True)
    laptop.pull(desktop)
    assert study(laptop.root, "merge").code == 0
    merged = (laptop.root / "roadmap.md").read_text(encoding="utf-8").splitlines(keepends=True)
    assert merged == [b if "Paged attention" in b or "more" in b else a for a, b in zip(mine, other, strict=True)]


def test_the_same_row_on_both_sides_keeps_the_links_of_both(clones: tuple[Clone, Clone]) -> None:
    laptop, desktop = clones
    laptop.promote(TOPIC, "1")
    desktop.promote(TOPIC, "2", later(0.1))
    laptop.pull(desktop)
    ran = study(laptop.root, "merge")
    assert ran.code == 0, ran.out
    assert "was decided on both sides (L1): it has the links of both, at the ledger's L1." in ran.out
    topic = Workspace(laptop.root).topic(TOPIC)
    assert topic.level == Level.L1
    assert len(topic.evidence) == 2
    assert laptop.errors() == []


def test_up_here_and_down_there_the_last_decision_holds(clones: tuple[Clone, Clone]) -> None:
    laptop, desktop = clones
    laptop.promote(TOPIC, "1")
    assert desktop.pull(laptop) == []
    desktop.app.promotions.propose(desktop.app.promotions.change_to(TOPIC, Level.L0), "I cannot any more.")
    desktop.decide(TOPIC)
    text = (laptop.root / "roadmap.md").read_text(encoding="utf-8")
    (laptop.root / "roadmap.md").write_text(text.replace("| Verified |", "| Proud of it |"), encoding="utf-8")
    laptop.commit()
    laptop.pull(desktop)
    ran = study(laptop.root, "merge")
    assert ran.code == 0, ran.out
    assert "(L1 here and L0 there)" in ran.out
    assert laptop.levels()[TOPIC] == Level.L0
    assert laptop.errors() == []


def test_a_row_reworded_on_both_sides_is_left_to_the_user(clones: tuple[Clone, Clone]) -> None:
    laptop, desktop = clones
    for clone, words in ((laptop, "one"), (desktop, "two")):
        path = clone.root / "roadmap.md"
        path.write_text(path.read_text(encoding="utf-8").replace("| RoPE |", f"| RoPE {words} |"), encoding="utf-8")
        clone.commit()
    laptop.promote(TOPIC, "1")
    desktop.promote(NEIGHBOUR, "2")
    laptop.pull(desktop)
    ran = study(laptop.root, "merge")
    assert ran.code == 1
    assert "yours to merge: roadmap.md" in ran.out
    path = laptop.root / "roadmap.md"
    text = path.read_text(encoding="utf-8")
    # Only the line that both reworded is between markers; the promoted rows are merged already.
    assert text.count("<<<<<<<") == 1
    assert text.index(">>>>>>>") < text.index("KV cache scaling")
    start, end = text.index("<<<<<<<"), text.index("| **Attention** | RoPE two")
    text = text[:start] + text[end:]
    path.write_text("\n".join(line for line in text.split("\n") if not line.startswith(">>>>>>>")), encoding="utf-8")
    git(laptop.root, "add", "roadmap.md")
    assert study(laptop.root, "merge").code == 0
    assert laptop.levels()[NEIGHBOUR] == Level.L1
    assert stale(laptop.app) == []


def test_a_level_typed_in_on_the_other_side_is_found(clones: tuple[Clone, Clone]) -> None:
    laptop, desktop = clones
    path = desktop.root / "roadmap.md"
    path.write_text(path.read_text(encoding="utf-8").replace("|   L0 | [mine]", "|   L3 | [mine]"), encoding="utf-8")
    desktop.commit()
    laptop.promote(TOPIC, "1")
    laptop.pull(desktop)
    ran = study(laptop.root, "merge", "--json")
    assert ran.code == 1
    assert any("'Paged attention' says L3" in problem for problem in ran.events[0]["problems"])


class TestRecordsNeverConflict:
    """Git takes a file that goes for one that comes where they are alike; a proposal must not become a decision."""

    def test_the_last_pending_one_is_decided_here_and_another_is_proposed_there(
        self, clones: tuple[Clone, Clone]
    ) -> None:
        laptop, desktop = clones
        laptop.pass_quiz(TOPIC, "1")
        laptop.commit()
        assert desktop.pull(laptop) == []
        laptop.decide(TOPIC)
        desktop.pass_quiz(NEIGHBOUR, "2")
        desktop.commit()
        assert laptop.pull(desktop) == []
        assert [p.topic for p in laptop.app.workspace.proposals.all()] == [NEIGHBOUR]
        assert len(laptop.app.workspace.ledger.all()) == 1
        assert laptop.errors() == []

    def test_decided_here_and_edited_there(self, clones: tuple[Clone, Clone]) -> None:
        laptop, desktop = clones
        laptop.pass_quiz(TOPIC, "1")
        laptop.commit()
        assert desktop.pull(laptop) == []
        laptop.decide(TOPIC)
        (proposal,) = desktop.app.promotions.pending()
        change = proposal.change.model_copy(update={"status": "Nearly"})
        desktop.app.promotions.decide(proposal.id, Decision(type="edit", change=change))
        desktop.commit()
        conflicts = laptop.pull(desktop)
        assert not [path for path in conflicts if path.startswith("progress/ledger/")]
        assert faults(laptop.app.workspace.ledger.all()) == []


def test_nothing_to_merge(clones: tuple[Clone, Clone], tmp_path: Path) -> None:
    assert "Nothing is left to merge." in study(clones[0].root, "merge").out
    outside = make_workspace(tmp_path / "plain").root
    assert study(outside, "merge").code == 2
    assert not (outside / PAGE).exists()
