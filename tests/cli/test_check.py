"""`study check`: broken workspaces, each with what is said of it and the exit code."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.notes import CLAIMS, PATH
from tests.helpers.study import PASSING, ROADMAP, TOPIC, make_workspace, study

ROW = "| **Serving** | KV cache scaling (batch/seq/heads) | L0 | - | Planned |"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_workspace(tmp_path / "work")


def roadmap(old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        assert old in ROADMAP
        (root / "roadmap.md").write_text(ROADMAP.replace(old, new), encoding="utf-8")

    return change


def note(old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        text = (root / PATH).read_text(encoding="utf-8")
        assert old in text
        (root / PATH).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def session(text: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        (root / "sessions").mkdir()
        (root / "sessions/2026-01-01-x.md").write_text(text, encoding="utf-8")

    return change


def attempt_edited(root: Path) -> None:
    study(root, "quiz", TOPIC, "--json", given="no\n---\n/quit")
    (path,) = (root / "progress/attempts").glob("*.json")
    path.write_text(path.read_text(encoding="utf-8").replace('"stopped"', '"passed"'), encoding="utf-8")


BROKEN = {
    "level without a decision": (roadmap(ROW, ROW.replace("L0", "L1")), "roadmap.md", "no approved decision"),
    "level without evidence": (roadmap(ROW, ROW.replace("L0", "L2")), "roadmap.md", "without an evidence link"),
    "dead evidence": (roadmap("| L0 | - | In", "| L0 | [x](lab/gone.md) | In"), "roadmap.md", "is dead"),
    "evidence outside": (roadmap("| L0 | - | In", "| L0 | [x](../../x.md) | In"), "roadmap.md", "leads outside"),
    "no level": (roadmap(ROW, ROW.replace("L0", "L9")), "roadmap.md", "is no level"),
    "claim without id": (note(" ^c0", ""), PATH, "no block id"),
    "same id twice": (note("^c1", "^c0"), PATH, "c0"),
    "dead link in a note": (note(CLAIMS[0], f"{CLAIMS[0]} [x](gone.md)"), PATH, "leads to no file"),
    "no front matter": (note("---\n", "", ), PATH, "front matter"),
    "session without front matter": (session("# Words\n"), "sessions/2026-01-01-x.md", "front matter"),
    "session with anchors": (session("---\nid: &a x\ntopics: [*a]\n---\n"), "sessions/2026-01-01-x.md", "anchors"),
    "attempt edited": (attempt_edited, "progress/attempts", "its hash does not match"),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "path", "sentence"), BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_named(root: Path, damage: Callable[[Path], None], path: str, sentence: str) -> None:
    assert study(root, "check").code == 0
    damage(root)
    ran = study(root, "check", "--json")
    assert ran.code == 1
    errors = [row for row in ran.events[:-1] if row["severity"] == "error"]
    assert any(row["path"].startswith(path) and sentence in row["message"] for row in errors), errors
    assert ran.events[-1]["errors"] == len(errors)
    plain = study(root, "check")
    assert plain.code == 1
    assert re.search(rf"^error  {path}.*{re.escape(sentence)}", plain.out, re.MULTILINE)


def test_a_sound_workspace(root: Path) -> None:
    text = re.sub(r"^(\|.*(Response|definition|Paged)|- \[x\]).*\n", "", ROADMAP, flags=re.MULTILINE)
    (root / "roadmap.md").write_text(text, encoding="utf-8")
    note("[kv-cache]", "[]")(root)
    ran = study(root, "check")
    assert (ran.code, ran.out) == (0, "Roadmap, notes, sessions, attempts and ledger are sound.\n")
    assert study(root, "check", "--json").events == [{"errors": 0, "warnings": 0}]


def test_rows_without_a_note_are_work_not_errors(root: Path) -> None:
    ran = study(root, "check")
    assert ran.code == 0
    assert ran.out.endswith("0 errors, 4 warnings.\n")
    assert "write one with `study note new kv-cache`" in ran.out


def test_what_the_program_writes_is_sound(root: Path) -> None:
    study(root, "quiz", TOPIC, "--json", given=PASSING)
    assert study(root, "check", "--json").events[-1]["errors"] == 0
