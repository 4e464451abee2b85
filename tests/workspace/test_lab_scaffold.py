"""The skeleton of a lab: everything is there, nothing of it is evidence, and nothing is ever overwritten."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.domain.errors import UsageError
from agent.domain.gate import GateEvidence, gates
from agent.domain.level import Level
from agent.domain.quiz import Policy
from agent.domain.roadmap import Topic
from agent.workspace.lab_file import read_plan
from agent.workspace.lab_scaffold import FILES, new_lab
from agent.workspace.labs import DOCUMENTS, read_lab, run_files
from agent.workspace.note_file import parse_note
from tests.helpers.labs import make_run, write

REPO = Path(__file__).parents[2]
TOPIC = Topic(
    id="kv-cache", text="KV cache: what *it* stores", track="03-mechanisms", module="Serving",
    level=Level.L0, evidence=(), status="Planned", line=1,
)  # fmt: skip
TOWARDS = {
    "L2": "a decoder with and without it; 12 ms, 3 GiB, at most 5 USD.",
    "L3": "Symptom: it is slow. Hypothesis: the mask is wrong here. Test: turn it off. Fix: repair the mask --> now",
    "L4": "latency at most 200 ms, memory at most 3 GiB, cost at most 1 USD; `metric`.",
}
NOTES = sorted((REPO / "tracks").glob("*/*.md"))


def needs(root: Path, *, everything: bool = False) -> dict[str, str]:
    """What each gate still needs, the folder and all runs being linked."""
    linked = [*(f"lab/kv-cache/{name}" for name in DOCUMENTS), *run_files(root, "lab/kv-cache")]
    evidence = GateEvidence(topic="kv-cache", note=None, labs=[read_lab(root, "lab/kv-cache", linked)])
    found = [r for r in gates(Level.L5, evidence, Policy()) if r.level > Level.L1]
    return {f"{r.level} {r.what.split(' in lab/')[0]}": r.reason for r in found if everything or not r.met}


def test_what_is_made(tmp_path: Path) -> None:
    assert new_lab(tmp_path, TOPIC, TOWARDS) == [f"lab/kv-cache/{name}" for name in FILES]
    assert [path.name for path in (tmp_path / "lab").iterdir()] == ["kv-cache"]
    assert read_plan(tmp_path, "lab/kv-cache").words("baseline") == ("python", "main.py", "--variant", "baseline")
    readme = (tmp_path / "lab/kv-cache/README.md").read_text(encoding="utf-8")
    assert readme.startswith("---\ntopics: [kv-cache]\n---\n# Lab: KV cache: what \\*it\\* stores\n")
    assert "- L2: a decoder with and without it" in readme


@pytest.mark.parametrize("note", NOTES, ids=lambda path: path.stem)
def test_no_gate_opens_for_any_notes_skeleton(note: Path, tmp_path: Path) -> None:
    """Also not once it was run with exit 0: that takes words and numbers of the user's own."""
    towards = parse_note(note.read_text(encoding="utf-8"), note.name).towards
    assert set(towards) >= {"L2", "L3", "L4"}
    new_lab(tmp_path, TOPIC, towards)
    make_run(tmp_path, "lab/kv-cache", lab="kv-cache")
    everything = needs(tmp_path, everything=True)
    assert {what for what, reason in everything.items() if not reason} == {
        "L2 code",
        "L2 a recorded run of lab/kv-cache that exited 0",
    }


def test_no_gate_opens_for_words_that_would_open_it(tmp_path: Path) -> None:
    new_lab(tmp_path, TOPIC, TOWARDS)
    found = needs(tmp_path)
    assert found["L2 a recorded run of lab/kv-cache that exited 0"] == "there is no record in lab/kv-cache/runs/"
    assert found["L3 a failure analysis"] == "its symptom is empty"
    assert found["L4 a latency limit"] == "no line on latency has a number with a unit"
    assert len(found) == len(needs(tmp_path, everything=True)) - 1  # the code is there


def test_the_entry_runs_and_says_what_is_to_be_done(tmp_path: Path) -> None:
    new_lab(tmp_path, TOPIC, {})
    done = subprocess.run(
        [sys.executable, "main.py", "--variant", "baseline"],
        cwd=tmp_path / "lab/kv-cache",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "TODO: measure 'baseline' in main.py\n"


def test_filled_in_it_carries_l3(tmp_path: Path) -> None:
    new_lab(tmp_path, TOPIC, TOWARDS)
    folder = tmp_path / "lab/kv-cache"
    for name, old, new in (
        ("README.md", "TODO: what this lab shows, and for whom it is worth running.", "It measures a step. " * 5),
        ("requirements.txt", "TODO: a requirement a line, with its version; a comment where", ""),
    ):
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new), encoding="utf-8")
    results = (folder / "RESULTS.md").read_text(encoding="utf-8")
    for part in ("Symptom", "Hypothesis", "Test", "Fix"):
        results = results.replace(f"**{part}**: TODO:", f"**{part}**: the step took 12 ms;")
    table = "| Variant | step (ms) |\n|---|---:|\n| a | 1 |\n| b | 2 |"
    (folder / "RESULTS.md").write_text(results.replace("No run has been measured yet.", table), encoding="utf-8")
    measured = {"a": {"step (ms)": 1.0}, "b": {"step (ms)": 2.0}}
    make_run(tmp_path, "lab/kv-cache", lab="kv-cache", results=measured)
    assert not [what for what in needs(tmp_path) if what.startswith(("L2", "L3"))]


@pytest.mark.parametrize("there", ["a folder", "an empty folder", "a file", "a dead link"])
def test_nothing_is_overwritten(tmp_path: Path, there: str) -> None:
    place = tmp_path / "lab/kv-cache"
    place.parent.mkdir()
    if there == "a folder":
        write(tmp_path, {"lab/kv-cache/README.md": "mine\n"})
    elif there == "a file":
        place.write_text("mine\n", encoding="utf-8")
    elif there == "a dead link":
        place.symlink_to("nowhere")
    else:
        place.mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError, match="is there already"):
        new_lab(tmp_path, TOPIC, {})
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_that_appears_meanwhile_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.rename

    def late(self: Path, target: Path) -> Path:
        write(tmp_path, {"lab/kv-cache/README.md": "mine\n"})
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", late)
    with pytest.raises(Exception, match="lab/kv-cache cannot be made"):
        new_lab(tmp_path, TOPIC, {})
    assert (tmp_path / "lab/kv-cache/README.md").read_text(encoding="utf-8") == "mine\n"
    assert not list((tmp_path / "lab").glob(".*"))


@pytest.mark.parametrize("name", ["../up", "a/b", "Upper", "a b", ".hidden", "-"])
def test_names_that_are_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is no name for a lab"):
        new_lab(tmp_path, TOPIC, {}, name)
    assert not list(tmp_path.iterdir())


def test_what_a_killed_process_left_goes_after_an_hour(tmp_path: Path) -> None:
    import os
    import time

    left = tmp_path / "lab" / ".kv-cache.0123abcd.tmp"
    left.mkdir(parents=True)
    new_lab(tmp_path, TOPIC, {}, "one")
    assert left.exists()
    os.utime(left, (time.time() - 7200,) * 2)
    new_lab(tmp_path, TOPIC, {}, "two")
    assert not left.exists()
    shutil.rmtree(tmp_path / "lab" / "two")
