"""Approval: only by a person at a terminal. Every test goes through a pseudo-terminal or shows that a pipe decides
nothing.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.helpers.study import PASSING, ROADMAP, TOPIC, Terminal, make_workspace, study, tree

ROW = "| **Serving** | KV cache scaling (batch/seq/heads) | L0 | - | Planned |"
CHOICES = "[a]pprove, [e]dit, [r]eject, [l]ater, [q]uit? "


@pytest.fixture(scope="module")
def proposed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one pending proposal, in git."""
    made = make_workspace(tmp_path_factory.mktemp("proposed") / "work", git=True)
    assert study(made, "quiz", TOPIC, "--json", given=PASSING).result["proposal"]
    return made


@pytest.fixture
def root(proposed: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(proposed, tmp_path / "work")
    return tmp_path / "work"


def git(root: Path, *args: str) -> str:
    return subprocess.run(["git", "-C", str(root), *args], check=True, capture_output=True, text=True).stdout


def ledger(root: Path) -> list[dict[str, object]]:
    return [json.loads(data) for path, data in tree(root).items() if path.startswith("progress/ledger/")]


def pending(root: Path) -> int:
    return len(study(root, "review", "--json").out.splitlines())


def test_approve_changes_the_row_alone_and_commits_the_files_of_the_decision(root: Path) -> None:
    (root / "own.txt").write_text("the user's own work", encoding="utf-8")
    with Terminal(root, "review") as terminal:
        shown = terminal.wait(CHOICES)
        terminal.type("a")
        assert terminal.end() == 0
    session = next(path for path in tree(root) if path.startswith("sessions/"))
    assert "KV cache scaling (batch/seq/heads): L0 → L1" in shown
    assert f"  {session}" in shown
    assert "L1 a session whose quiz attempt passed: met" in shown
    assert f"-{ROW}" in shown
    row = (
        ROW.replace("L0", "L1")
        .replace("| - |", f"| [{session[9:19]} quiz]({session}) |")
        .replace("Planned", "Verified")
    )
    assert f"+{row}" in shown
    assert (root / "roadmap.md").read_text(encoding="utf-8") == ROADMAP.replace(ROW, row)
    entry = ledger(root)[0]
    assert (entry["decision"], entry["by"] != "") == ("approved", True)
    assert pending(root) == 0
    committed = set(git(root, "show", "--name-only", "--format=", "HEAD").split())
    kinds = {path.rsplit("/", 1)[0] for path in committed}
    assert kinds == {"roadmap.md", "sessions", "progress", "progress/attempts", "progress/events", "progress/ledger"}
    assert git(root, "status", "--short") == "?? own.txt\n"
    assert git(root, "log", "-1", "--format=%s").startswith("study: 'KV cache scaling (batch/seq/heads)' is at L1")
    checked = study(root, "check", "--json")
    assert (checked.code, checked.events[-1]["errors"]) == (0, 0)
    assert study(root, "status", "--json").events[0]["topics"][1]["level"] == "L1"


def test_reject_asks_why_and_keeps_the_level(root: Path) -> None:
    with Terminal(root, "review") as terminal:
        terminal.wait(CHOICES)
        terminal.type("reject")
        terminal.wait("Why (one line, kept in the ledger)? ")
        terminal.type("Not sure yet: [red]ask again[/red]")
        assert terminal.end() == 0
    assert (root / "roadmap.md").read_text(encoding="utf-8") == ROADMAP
    entry = ledger(root)[0]
    assert (entry["decision"], entry["reason"]) == ("rejected", "Not sure yet: [red]ask again[/red]")
    assert pending(root) == 0
    assert study(root, "review").out.startswith("Nothing is pending.")  # nor is it proposed again from the attempt


def test_ctrl_c_decides_nothing(root: Path) -> None:
    before = tree(root)
    with Terminal(root, "review") as terminal:
        terminal.wait(CHOICES)
        terminal.type("r")
        terminal.wait("Why")
        terminal.press("c")
        assert terminal.end() == 130
    assert "Traceback" not in terminal.shown
    assert tree(root) == before


def editor(folder: Path, body: str) -> dict[str, str]:
    script = folder / "editor.sh"
    script.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    script.chmod(0o755)
    return {"EDITOR": str(script)}


def test_an_edit_is_gated_and_asked_again(root: Path, tmp_path: Path) -> None:
    env = editor(tmp_path, "sed -i 's/^status:.*/status: Solid/; s/^rationale:.*/rationale: Seen at work./' \"$1\"")
    with Terminal(root, "review", env=env) as terminal:
        terminal.wait(CHOICES)
        terminal.type("e")
        shown = terminal.wait(CHOICES)
        assert "The edited change passes the gate" in shown
        assert "| Solid |" in shown
        assert "Seen at work." in shown
        assert (root / "roadmap.md").read_text(encoding="utf-8") == ROADMAP
        terminal.type("a")
        assert terminal.end() == 0
    assert "| L1 | [" in (root / "roadmap.md").read_text(encoding="utf-8")
    assert ledger(root)[0]["rationale"] == "Seen at work."


REFUSED_EDITS = {
    "a level beyond the evidence": ("s/^to_level:.*/to_level: L5/", "L2 needs a lab folder"),
    "no level": ("s/^to_level:.*/to_level: expert/", "not valid"),
    "no evidence": ("s/^evidence:.*/evidence: []/; /^- sessions/d", "no session is linked"),
    "evidence outside": (r"s#^\(- sessions.*\)#\1\n- ../../etc/passwd#", "outside the workspace"),
    "no YAML": ("1i [unclosed", "that is no YAML mapping; nothing was changed."),
    "evidence is a number": ("s/^evidence:.*/evidence: 3/; /^- sessions/d", ""),
    "evidence is a mapping": ("s#^- sessions.*#- {a: b}#", ""),
    "nothing changed": ("", ""),
}


def test_garbage_refused_edits_and_the_end_of_input_change_nothing(root: Path, tmp_path: Path) -> None:
    """All in one sitting: whatever does not decide is asked again, and nothing moves until the terminal is left."""
    before, program = tree(root), tmp_path / "program.sed"
    with Terminal(root, "review", env=editor(tmp_path, f'sed -i -f {program} "$1"')) as terminal:
        terminal.wait(CHOICES)
        for garbage in ("nonsense", "", "y", "yes", "approve it", "A P", "\x1b[A", "1"):
            terminal.type(garbage)
            terminal.wait(CHOICES)
        for name, (change, sentence) in REFUSED_EDITS.items():
            program.write_text(change, encoding="utf-8")
            terminal.type("e")
            shown = terminal.wait(CHOICES)
            assert sentence in shown, name
            assert "Traceback" not in shown, name
            assert tree(root) == before, name
        terminal.type("r")
        terminal.wait("Why")
        terminal.press("d")  # no reason, no rejection
        terminal.wait(CHOICES)
        terminal.press("d")
        assert terminal.end() == 0
    assert tree(root) == before
    assert pending(root) == 1


def test_later_leaves_it_pending(root: Path) -> None:
    before = tree(root)
    with Terminal(root, "review") as terminal:
        terminal.wait(CHOICES)
        terminal.type("LATER")
        assert terminal.end() == 0
    assert "It stays pending" in terminal.shown
    assert tree(root) == before


def test_a_neighbour_edited_meanwhile_does_not_disturb_nor_does_a_second_terminal(root: Path) -> None:
    path = root / "roadmap.md"
    with Terminal(root, "review") as first:
        first.wait(CHOICES)
        with Terminal(root, "review") as second:
            assert second.end() == 3
        assert "study: Another terminal is deciding on this proposal." in second.shown
        path.write_text(ROADMAP.replace("Paged attention", "Paged attention (vLLM)"), encoding="utf-8")
        first.type("a")
        assert first.end() == 0
    assert "Paged attention (vLLM)" in path.read_text(encoding="utf-8")
    assert "| L1 |" in path.read_text(encoding="utf-8")
    assert len(ledger(root)) == 1


def test_a_level_changed_by_hand_is_not_overwritten(root: Path) -> None:
    path = root / "roadmap.md"
    edited = ROADMAP.replace(ROW, ROW.replace("L0", "L3"))
    with Terminal(root, "review") as terminal:
        terminal.wait(CHOICES)
        path.write_text(edited, encoding="utf-8")
        terminal.type("a")
        assert "is at L3 now, not at L0" in terminal.wait(CHOICES)
        assert ledger(root) == []
        terminal.type("r")
        terminal.wait("Why")
        terminal.type("done by hand")
        assert terminal.end() == 0
    assert path.read_text(encoding="utf-8") == edited
    assert ledger(root)[0]["decision"] == "rejected"


ATTEMPTED = "a\ny\nyes\napprove\n"


@pytest.mark.parametrize("args", [[], ["--json"]], ids=["plain", "json"])
def test_a_pipe_only_lists(root: Path, args: list[str]) -> None:
    before = tree(root)
    ran = study(root, "review", *args, given=ATTEMPTED)
    assert ran.code == 0
    assert tree(root) == before
    if args:
        assert ran.events[0]["change"]["to_level"] == "L1"
    else:
        assert ran.out.endswith("KV cache scaling (batch/seq/heads): L0 → L1\n")
        assert ran.err == "Deciding needs a person at a terminal: run `study review` in one.\n"


def test_json_at_a_terminal_only_lists(root: Path) -> None:
    before = tree(root)
    with Terminal(root, "review", "--json") as terminal:
        assert terminal.end() == 0
    assert tree(root) == before
