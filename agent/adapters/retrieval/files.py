"""Which files of the workspace are indexed, and what a file says about itself."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agent.domain.chunking import TextKind

ROOTS = ("tracks", "sessions", "lab", "roadmap.md")
SUFFIXES: dict[str, TextKind] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".rst": "text",
    ".py": "text",
    ".toml": "text",
    ".yaml": "text",
    ".yml": "text",
    ".sh": "text",
    ".sql": "text",
}
# What a lab feeds to its code (answers to judge, corpora) says nothing of the learner's, and much of it is wrong.
DATA = re.compile(r"lab/[^/]+/data/")
MAX_BYTES = 4_000_000
MAX_LINE = 50_000
MAX_MTIME_NS = 2**62  # the year 2116: what lies behind it is a broken clock, and SQLite's integers end soon after
_FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(.*?)\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|$)", re.DOTALL)
_ISO_DAY = re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)")
_TOPICS = re.compile(r"^(?:id|topics):[ \t]*(.*)$((?:\n[ \t]*-[ \t]+.*$)*)", re.MULTILINE)
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Found:
    """A file by its workspace-relative POSIX path; `skip` says in a few words why it is left out, else "".

    `title` stands for a heading where the text has none.
    """

    path: str
    size: int
    mtime_ns: int
    skip: str = ""
    title: str = ""

    @property
    def kind(self) -> TextKind:
        """How the chunker reads it."""
        return SUFFIXES.get(os.path.splitext(self.path)[1].lower(), "text")  # noqa: PTH122  (no Path a file)


class Source(Protocol):
    """Where the texts come from: the workspace, or a corpus that is measured."""

    def scan(self) -> Iterator[Found]:
        """All files, in no order that matters; never raises for one of them."""
        ...

    def read(self, found: Found) -> bytes:
        """Content of a file.

        Raises:
            OSError: it cannot be read.
        """
        ...


class WorkspaceFiles:
    """The files below `ROOTS` of a workspace."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def scan(self) -> Iterator[Found]:
        """See `Source.scan`."""
        return scan(self._root)

    def read(self, found: Found) -> bytes:
        """See `Source.read`."""
        return (self._root / found.path).read_bytes()

    def text(self, path: str) -> str | None:
        """See `agent.ports.retriever.Sources.text`."""
        if path.split("/")[0] not in ROOTS or any(part.startswith(".") for part in path.split("/")):
            return None
        resolved = os.path.realpath(self._root)
        found = next(_file(os.path.join(resolved, path), path, resolved))  # noqa: PTH118
        if found.skip:
            return None
        try:
            text, skip = decode(self.read(found))
        except OSError:
            return None
        return None if skip else text


def scan(root: Path) -> Iterator[Found]:
    """All files below the indexed roots, in no order that matters; never raises for one entry."""
    resolved = os.path.realpath(root)
    for name in ROOTS:
        path = os.path.join(resolved, name)  # noqa: PTH118  (strings: a thousand Path objects cost 10 ms)
        if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114
            yield from _folder(path, name, resolved)
        elif os.path.lexists(path):
            yield from _file(path, name, resolved)


def _folder(folder: str, relative: str, root: str) -> Iterator[Found]:
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        yield Found(relative, 0, 0, f"cannot be read ({error.strerror})")
        return
    for entry in entries:
        name = f"{relative}/{entry.name}"
        if entry.name.startswith(".") or entry.name == "__pycache__":
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _folder(entry.path, name, root)
        else:
            yield from _file(entry.path, name, root)


def _file(path: str, name: str, root: str) -> Iterator[Found]:
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            target = os.path.realpath(path)
            if any(part.startswith(".") for part in Path(os.path.relpath(target, root)).parts):
                yield Found(name, 0, 0, "a link that leaves the workspace's visible files")
                return
            status = os.stat(path)  # noqa: PTH116
            if stat.S_ISDIR(status.st_mode):
                yield Found(name, 0, 0, "a link to a folder")
                return
    except OSError as error:
        yield Found(name, 0, 0, f"cannot be read ({error.strerror})")
        return
    skip = ""
    if not _is_utf8(name):
        skip = "a name that is not UTF-8"
        name = name.encode("utf-8", "replace").decode("utf-8")
    elif not stat.S_ISREG(status.st_mode):
        skip = "not a regular file"
    elif os.path.splitext(name)[1].lower() not in SUFFIXES:  # noqa: PTH122
        skip = "not a text file by its name"
    elif DATA.match(name):
        skip = "a lab's data"
    elif status.st_size > MAX_BYTES:
        skip = f"{status.st_size / 1e6:.1f} MB, over the limit of {MAX_BYTES / 1e6:.0f} MB"
    yield Found(name, status.st_size, min(status.st_mtime_ns, MAX_MTIME_NS), skip)


def _is_utf8(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def decode(data: bytes) -> tuple[str, str]:
    """(text, reason to skip it); carriage returns become newlines, so that lines count as in an editor."""
    if b"\0" in data:
        return "", "binary (holds NUL bytes)"
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return "", f"not UTF-8 (byte {error.start})"
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    longest = max((len(line) for line in text.split("\n")), default=0)
    if longest > MAX_LINE:
        return "", f"a line of {longest} characters"
    return text, ""


def day(path: str) -> str:
    """The ISO date in the file's name, "" where it has none."""
    found = _ISO_DAY.search(path.rsplit("/", 1)[-1])
    return found[1] if found else ""


def topics(path: str, text: str) -> tuple[str, ...]:
    """Topic ids a file is about: its name, its folder in `lab/`, and `id` and `topics` of its front matter."""
    parts = path.split("/")
    names = {parts[-1].rsplit(".", 1)[0].lower()}
    if parts[0] == "lab" and len(parts) > 2:
        names.add(parts[1].lower())
    front = _FRONT_MATTER.match(text[:20_000])
    if front:
        for found in _TOPICS.finditer(front[1]):
            names.update(_SLUG.findall((found[1] + found[2]).lower()))
    return tuple(sorted(names))
