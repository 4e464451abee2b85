"""Changes of notes and labs as git knows them, with a real git."""

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.adapters.vcs.day import change_events

START = datetime(2026, 11, 24, tzinfo=UTC)
END = START + timedelta(days=1)
NOON = START + timedelta(hours=12)


def git(root: Path, *args: str, at: datetime = NOON) -> None:
    dated = {**os.environ, "GIT_AUTHOR_DATE": at.isoformat(), "GIT_COMMITTER_DATE": at.isoformat()}
    subprocess.run(["git", "-C", str(root), *args], check=True, capture_output=True, env=dated)


def commit(root: Path, message: str, at: datetime = NOON, **files: str) -> None:
    for name, text in files.items():
        write(root, name.replace("__", "/"), text, at)
    git(root, "add", "-A")
    git(root, "commit", "-qm", message, at=at)


def write(root: Path, path: str, text: str, at: datetime = NOON) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, encoding="utf-8")
    os.utime(root / path, (at.timestamp(), at.timestamp()))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    commit(tmp_path, "before", START - timedelta(seconds=1), tracks__a__rope="one\n")
    return tmp_path


def test_a_commit_of_the_day_is_an_event(root: Path) -> None:
    commit(root, "Explain \x1b[2Jpaging", tracks__a__paged="1\n2\n", lab__x__run="3\n", roadmap="x\n")
    (event,) = change_events(root, START, END, END)
    assert (event.kind, event.at, event.topic) == ("change", NOON, "")
    assert event.refs == ("lab/x/run", "tracks/a/paged")
    assert (event.data["files"], event.data["added"], event.data["deleted"]) == (2, 3, 0)
    assert event.text.endswith("paging”: 2 files, +3 −0 lines.")
    assert "\x1b" not in event.text
    assert change_events(root, START, END, END) == [event]


def test_only_notes_and_labs_of_the_day_count(root: Path) -> None:
    commit(root, "elsewhere", roadmap="x\n", sessions__s="y\n", lab__x__runs__r="z\n")
    commit(root, "next day", END, tracks__b="z\n")
    assert change_events(root, START, END, END) == []


def test_a_commit_of_one_note_has_its_topic(root: Path) -> None:
    write(root, "tracks/02-infra/kv-cache.md", "a\n")
    commit(root, "note")
    (event,) = change_events(root, START, END, END)
    assert event.topic == "kv-cache"
    assert "tracks/02-infra/kv-cache.md, +1 −0 lines" in event.text


def test_what_is_not_committed_counts_today(root: Path) -> None:
    write(root, "tracks/a/rope", "one\ntwo\n", NOON)
    write(root, "lab/x/new file.py", "print(1)\n", NOON)
    write(root, "lab/x/old.py", "print(1)\n", START - timedelta(days=2))
    events = change_events(root, START, END, NOON + timedelta(hours=1))
    assert [(event.refs, event.data["added"], event.data["commit"]) for event in events] == [
        (("tracks/a/rope",), 1, ""),
        (("lab/x/new file.py",), 1, ""),
    ]
    assert events[1].data["lab"] == "x"
    assert change_events(root, START, END, END) == []  # yesterday's day: the state of now says nothing of it


def test_a_file_that_grows_is_another_event_and_one_that_stays_is_not(root: Path) -> None:
    now = NOON + timedelta(hours=1)
    write(root, "tracks/a/rope", "one\ntwo\n")
    first = change_events(root, START, END, now)
    assert change_events(root, START, END, now) == first
    write(root, "tracks/a/rope", "one\ntwo\nthree\n")
    assert [e.id for e in change_events(root, START, END, now)] != [e.id for e in first]


def test_a_deleted_and_a_binary_file(root: Path) -> None:
    (root / "tracks/a/rope").unlink()
    (root / "lab").mkdir()
    (root / "lab" / "data.bin").write_bytes(b"\0\1\n" * 10)
    os.utime(root / "lab" / "data.bin", (NOON.timestamp(), NOON.timestamp()))
    deleted, binary = change_events(root, START, END, NOON)
    assert (deleted.data["added"], deleted.data["deleted"]) == (0, 1)
    assert binary.data["added"] == 0


@pytest.mark.parametrize("make", [lambda _: None, lambda root: git(root, "init", "-q")], ids=["no git", "no commit"])
def test_without_history_there_is_nothing(tmp_path: Path, make: object) -> None:
    make(tmp_path)  # type: ignore[operator]
    assert change_events(tmp_path, START, END, NOON) == []


def test_a_workspace_inside_a_larger_repository(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    inner = tmp_path / "study"
    write(inner, "tracks/a/rope", "1\n")
    write(tmp_path, "tracks/elsewhere", "1\n")
    commit(tmp_path, "both")
    (event,) = change_events(inner, START, END, END)
    assert event.refs == ("tracks/a/rope",)
