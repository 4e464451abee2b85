"""`study promote`: shows what is missing, proposes, and never changes a level."""

import os
from pathlib import Path

import pytest

from tests.helpers.labs import LAB, make_lab
from tests.helpers.study import PASSING, TOPIC, Terminal, make_workspace, study, tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A quiz was passed, its proposal is pending; a lab lies there."""
    made = make_workspace(tmp_path / "w")
    assert study(made, "quiz", TOPIC, given=PASSING).code == 0
    make_lab(made, 3)
    return made


def session(root: Path) -> str:
    (file,) = (root / "sessions").glob("*.md")
    return f"sessions/{file.name}"


def test_what_is_missing(root: Path) -> None:
    before = tree(root)
    ran = study(root, "promote", TOPIC, "--to", "L2")
    assert ran.code == 1
    assert "L1 a session whose quiz attempt passed: no session is linked" in ran.out
    assert "L2 a lab folder: no file of a folder below lab/ is linked" in ran.out
    assert "Not proposed: 2 of 2 things are missing." in ran.out
    assert f"There is {session(root)}; link it with --evidence" in ran.out
    assert tree(root) == before


def test_an_open_gate_proposes_and_leaves_the_roadmap_alone(root: Path) -> None:
    before = tree(root)
    ran = study(root, "promote", TOPIC, "--to", "l3", "--evidence", LAB, "--evidence", session(root))
    assert ran.code == 0, ran.out + ran.err
    assert "nothing is changed until you decide on it with `study review`" in ran.out
    added = set(tree(root)) - set(before)
    assert len(added) == 1
    assert next(iter(added)).startswith("progress/proposals/")
    assert tree(root)["roadmap.md"] == before["roadmap.md"]


def test_json(root: Path) -> None:
    ran = study(root, "promote", TOPIC, "--to", "L2", "--evidence", LAB, "--json")
    (said,) = ran.events
    assert ran.code == 1
    assert (said["topic"], said["from"], said["to"], said["proposal"]) == (TOPIC, "L0", "L2", None)
    assert [r["met"] for r in said["requirements"]] == [False, True, True, True, True]
    ran = study(root, "promote", TOPIC, "--to", "L2", "--evidence", LAB, "--evidence", session(root), "--json")
    assert ran.code == 0
    pending = [event["id"] for event in study(root, "review", "--json").events]
    assert ran.events[0]["proposal"] in pending


def test_paths_from_the_working_directory(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "lab")
    args = ["--evidence", "kv-bench", "--evidence", str(root / session(root))]
    assert study(root, "promote", TOPIC, "--to", "L2", *args).code == 0


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--to", "L9"], 2, "'L9' is not a level (L0 to L5)."),
        (["--to", "L0"], 2, "is at L0 already"),
        (["--to", "L2", "--evidence", "https://example.org"], 2, "is no file of the workspace"),
        (["--to", "L2", "--evidence", "../x.md"], 1, "leads outside the workspace"),
        (["--to", "L2", "--evidence", "gone.md"], 1, "gone.md does not exist"),
        (["--to", "L2", "--evidence", "tracks"], 2, "a folder and no lab"),
        (["--to", "L2", "--evidence", ".study"], 1, "cannot be evidence"),
        ([], 2, "--to"),
    ],
)
def test_usage(root: Path, args: list[str], code: int, message: str) -> None:
    ran = study(root, "promote", TOPIC, *args)
    assert ran.code == code
    assert message in ran.err
    assert "Traceback" not in ran.err


def test_several_topics_match(root: Path) -> None:
    ran = study(root, "promote", "cach", "--to", "L1")
    assert ran.code == 2
    assert "could be any of" in ran.err


def test_there_is_no_way_around_the_review(root: Path) -> None:
    """No flag, no variable and no input on a pipe approves."""
    study(root, "promote", TOPIC, "--to", "L2", "--evidence", LAB, "--evidence", session(root))
    env = {name: "1" for name in os.environ if name.startswith("STUDY_APPROVE")}
    study(root, "review", given="a\n" * 5, env=env)
    assert "| L0 | - | Planned |" in (root / "roadmap.md").read_text(encoding="utf-8")
    for flag in ("--yes", "--approve", "--force"):
        assert study(root, "promote", TOPIC, "--to", "L2", flag).code == 2


def test_from_l0_to_l3_and_down_again(root: Path) -> None:
    with Terminal(root, "review") as terminal:
        terminal.wait("[q]uit?")
        terminal.type("a")
        assert terminal.end() == 0
    for to, lacks in (("L2", "requirements.txt"), ("L3", "RESULTS.md")):
        kept = (root / LAB / lacks).read_bytes()
        (root / LAB / lacks).unlink()
        assert study(root, "promote", TOPIC, "--to", to, "--evidence", LAB).code == 1
        (root / LAB / lacks).write_bytes(kept)
        assert study(root, "promote", TOPIC, "--to", to, "--evidence", LAB).code == 0
        with Terminal(root, "review") as terminal:
            terminal.wait("[q]uit?")
            terminal.type("a")
            assert terminal.end() == 0
        assert f"is at {to} now" in terminal.shown
    assert study(root, "check").code == 0
    assert study(root, "promote", TOPIC, "--to", "L1").code == 2
    assert study(root, "promote", TOPIC, "--to", "L1", "--reason", "I cannot run it any more.").code == 0
    with Terminal(root, "review") as terminal:
        terminal.wait("[q]uit?")
        terminal.type("a")
        assert terminal.end() == 0
    row = next(line for line in (root / "roadmap.md").read_text(encoding="utf-8").splitlines() if "scaling" in line)
    assert "| L1 |" in row
    assert row.count("](") == 4
    assert study(root, "check").code == 0
