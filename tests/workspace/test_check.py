"""`study check`: each finding once, and none in a workspace that is in order."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.domain.proposal import Decision
from agent.workspace.check import check_workspace
from agent.workspace.workspace import Appeal, Workspace
from tests.helpers.fakes import START
from tests.helpers.notes import PATH
from tests.helpers.sittings import attempt, later, quiz_note, wrong
from tests.helpers.workspaces import TOPIC, make_store, make_workspace, record_pass

SESSION = "sessions/2026-11-23-kv-cache-scaling-quiz"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """One approved level, a proposal still pending, an appeal; nothing to find but the rows without a note."""
    made = make_workspace(tmp_path)
    store = make_store(made)
    proposal = store.propose_from_attempt(record_pass(made).id)
    assert proposal is not None
    store.decide(proposal.id, Decision(type="approve"))
    record_pass(made, attempt(quiz_note(), [wrong], start=later(1)))
    appeal = Appeal(
        id="x", attempt="a", topic=TOPIC, claim="c0", question="?", answer="!", verdict="missing", case="", at="now"
    )
    made.appeals.write(START, appeal)
    return made


def edit(path: str, old: str, new: str) -> Callable[[Path], None]:
    """An edit by hand of the one file that the pattern names."""

    def do(root: Path) -> None:
        file = sorted(root.glob(path))[0]
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), encoding="utf-8", newline="")

    return do


def remove(path: str) -> Callable[[Path], None]:
    """A file deleted by hand."""
    return lambda root: sorted(root.glob(path))[0].unlink()


def write(path: str, text: str) -> Callable[[Path], None]:
    """A file added by hand."""

    def do(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")

    return do


def twice(root: Path) -> None:
    """Two machines decided differently, and both files were merged."""
    file = next((root / "progress/ledger").glob("*.json"))
    text = file.read_text().replace('"reason": ""', '"reason": "other"')
    file.with_name(f"20270101T000000Z-{file.name.partition('-')[2]}").write_text(text)


def test_a_workspace_in_order_has_no_errors(workspace: Workspace) -> None:
    problems = check_workspace(workspace)
    assert {p.severity for p in problems} == {"warning"}
    assert {p.path for p in problems} == {"roadmap.md"}


@pytest.mark.parametrize(
    ("spoil", "path", "message"),
    [
        (edit("roadmap.md", "| L0 |", "| L7 |"), "roadmap.md", "'L7' in the Level column is no level"),
        (
            edit("roadmap.md", "RoPE | L0 | -", "RoPE | L1 | [n](notes.md)"),
            "roadmap.md",
            "'RoPE' says L1, but no approved decision in progress/ledger/ gave it more than L0",
        ),
        (edit("roadmap.md", "|   L1 |", "|   L0 |"), "roadmap.md", "says L0; the ledger's last decision is L1"),
        (edit("roadmap.md", "[mine](notes.md)", "[mine](gone.md)"), "roadmap.md", "'gone.md' is dead"),
        (edit("roadmap.md", "(notes.md)", "(../up.md)"), "roadmap.md", "'../up.md' leads outside the workspace"),
        (remove(f"{SESSION}-*.md"), "progress/ledger", "its evidence is gone"),
        (remove("progress/attempts/*.json"), "progress/ledger", "that it rests on cannot be read"),
        (
            edit("progress/attempts/*.json", '"my words"', '"other words"'),
            "progress/attempts",
            "changed after it was recorded: its hash does not match",
        ),
        (
            edit("progress/attempts/*.json", "\n", "\n\n"),
            "progress/attempts",
            "the attempt was changed after the decision that rests on it",
        ),
        (edit("progress/ledger/*.json", '"by": ""', '"by": "you"'), "progress/ledger", "hash does not match"),
        (edit("progress/ledger/*.json", "{", "["), "progress/ledger", "is not a valid ledgerentry"),
        (twice, "progress/ledger", "have the same id and differ"),
        (remove("progress/ledger/*.json"), "roadmap.md", "no approved decision"),
        (edit("progress/attempts/*.json", "{", "["), "progress/attempts", "is not a valid attempt"),
        (edit("progress/appeals/*.json", "{", "["), "progress/appeals", "is not a valid appeal"),
        (write("progress/proposals/x.json", "{}"), "progress/proposals", "is not a valid proposal"),
        (write("sessions/mine.md", "no front matter"), "sessions/mine.md", "front matter"),
        (edit(PATH, " ^c0", ""), PATH, "has no block id"),
    ],
)
def test_errors(workspace: Workspace, spoil: Callable[[Path], None], path: str, message: str) -> None:
    spoil(workspace.root)
    errors = [p for p in check_workspace(workspace) if p.severity == "error"]
    found = [p for p in errors if p.path.startswith(path) and message in p.message]
    assert len(found) == 1, [str(e) for e in errors]


@pytest.mark.parametrize(
    ("spoil", "path", "message"),
    [
        (edit(f"{SESSION}-*.md", "## Summary", "## Summary\n\nMine."), "sessions/", "was edited after"),
        (edit(PATH, "MLA stores", "TODO MLA stores"), PATH, "TODO"),
        (edit("roadmap.md", "Verified", "Planned"), "", ""),
        (write("sessions/README.md", "anything"), "", ""),
    ],
)
def test_warnings_and_what_is_the_users_own(
    workspace: Workspace, spoil: Callable[[Path], None], path: str, message: str
) -> None:
    before = {str(p) for p in check_workspace(workspace)}
    spoil(workspace.root)
    new = [p for p in check_workspace(workspace) if str(p) not in before]
    assert [p.severity for p in new if message] == ["warning"] * bool(message)
    assert all(p.path.startswith(path) and message in p.message for p in new)
    assert bool(new) == bool(message)


def test_a_level_without_a_link(workspace: Workspace) -> None:
    link = workspace.topic(TOPIC).evidence[0]
    edit("roadmap.md", f"[{link.label}]({link.target})", "-")(workspace.root)
    assert any("is at L1 without an evidence link" in p.message for p in check_workspace(workspace))


def test_errors_come_first_and_name_their_line(workspace: Workspace) -> None:
    edit("roadmap.md", "RoPE | L0", "RoPE | L1")(workspace.root)
    problems = check_workspace(workspace)
    assert [p.severity for p in problems] == sorted(p.severity for p in problems)
    line = workspace.roadmap_text().splitlines().index("| **Attention** | RoPE | L1 | - | Planned |") + 1
    assert str(problems[0]).startswith(f"roadmap.md:{line}: ")


def test_a_path_with_a_line_is_split(workspace: Workspace) -> None:
    (workspace.root / "progress/attempts/x.json").write_bytes(b"{\n\xff}")
    errors = [p for p in check_workspace(workspace) if p.severity == "error"]
    assert [(p.path, p.line) for p in errors] == [("progress/attempts/x.json", 2)]
