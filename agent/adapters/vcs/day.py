"""What git knows of a span of time: commits that touched notes and labs, and what is not committed yet."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agent.adapters.vcs.history import read_git
from agent.domain.event import Event, event_id
from agent.domain.text import one_line

FOLDERS = ("tracks", "lab")
MAX_COMMITS = 500
MAX_FILES = 100  # of one event, and of what is not committed
MAX_BYTES = 5 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Touched:
    path: str
    added: int
    deleted: int


def change_events(root: Path, start: datetime, end: datetime, now: datetime) -> list[Event]:
    """Give an event for each commit in the span, and for each changed file that is not committed if the span is now.

    Nothing outside a work tree, and nothing where git fails: a session can do without. Records of lab runs are left
    out, they have events of their own.
    """
    if read_git(root, "rev-parse", "--is-inside-work-tree").strip() != b"true":
        return []
    events = list(_commits(root, start, end))
    if start <= now < end:
        events += _uncommitted(root, start, now)
    return events


def _commits(root: Path, start: datetime, end: datetime) -> Iterator[Event]:
    since, until = int(start.timestamp()), int(end.timestamp())
    log = ["log", "--no-merges", "--no-renames", "--relative", "-z", "--numstat", f"--max-count={MAX_COMMITS}"]
    # Git's own bounds are by the second and inclusive; the exact ones are checked below.
    out = read_git(
        root, *log, f"--since=@{since}", f"--until=@{until}", "--format=%x1e%H%x1f%ct%x1f%s%x1f", "--", *FOLDERS
    )
    for part in out.decode("utf-8", "replace").split("\x1e")[1:]:
        commit, seconds, subject, rest = part.split("\x1f", 3)
        files = list(_numstat(rest))
        at = datetime.fromtimestamp(int(seconds), UTC)
        if files and start <= at < end:
            yield _event(
                event_id("change", commit),
                at,
                f"Commit {commit[:7]} “{one_line(subject, 120)}”",
                files,
                commit[:12],
            )


def _uncommitted(root: Path, start: datetime, now: datetime) -> Iterator[Event]:
    changed = list(_numstat(read_git(root, "diff", "--no-renames", "--relative", "--numstat", "-z", "HEAD", "--",
                                     *FOLDERS).decode("utf-8", "replace")))  # fmt: skip
    others = read_git(root, "ls-files", "--others", "--exclude-standard", "-z", "--", *FOLDERS)
    names = [name for name in others.decode("utf-8", "replace").split("\0") if name and not _is_run(name)]
    changed += [_Touched(name, _line_count(root / name), 0) for name in names]
    for file in changed[:MAX_FILES]:
        at, content = _state(root / file.path, now)
        if at >= start:
            key = f"{file.path}:{content}"
            yield _event(event_id("change", key), min(at, now), f"Changed, not committed yet: {file.path}", [file], "")


def _event(id: str, at: datetime, what: str, files: list[_Touched], commit: str) -> Event:
    added, deleted = sum(file.added for file in files), sum(file.deleted for file in files)
    notes = {Path(file.path).stem if file.path.startswith("tracks/") else "" for file in files}
    labs = {file.path.split("/")[1] for file in files if file.path.startswith("lab/")}
    data: dict[str, bool | int | float | str | None] = {
        "commit": commit,
        "files": len(files),
        "added": added,
        "deleted": deleted,
    }
    if len(labs) == 1 and notes == {""}:
        data["lab"] = labs.pop()
    many = f"{len(files)} files, " if len(files) > 1 else f"{files[0].path}, " if commit else ""
    return Event(
        id=id,
        at=at,
        kind="change",
        topic=notes.pop() if len(notes) == 1 else "",
        text=f"{what}: {many}+{added} −{deleted} lines.",
        data=data,
        refs=tuple(file.path for file in files[:MAX_FILES]),
    )


def _numstat(text: str) -> Iterator[_Touched]:
    """Read `added TAB deleted TAB path`, separated by NUL; a binary file has `-` for its numbers."""
    for entry in text.split("\0"):
        added, _, rest = entry.strip("\n").partition("\t")
        deleted, _, path = rest.partition("\t")
        if path and not _is_run(path):
            yield _Touched(path, int(added) if added.isdigit() else 0, int(deleted) if deleted.isdigit() else 0)


def _is_run(path: str) -> bool:
    parts = path.split("/")
    return len(parts) > 3 and parts[0] == "lab" and parts[2] == "runs"


def _line_count(path: Path) -> int:
    data = _bytes(path)
    return 0 if b"\0" in data else data.count(b"\n")


def _state(path: Path, now: datetime) -> tuple[datetime, str]:
    """Give when a file was last written and what it holds, as a hash; now, where it was deleted."""
    try:
        at = datetime.fromtimestamp(path.lstat().st_mtime, UTC)
    except OSError:
        return now, "deleted"
    return at, hashlib.sha256(_bytes(path)).hexdigest()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.is_file() and path.lstat().st_size <= MAX_BYTES else b""
    except OSError:
        return b""
