"""The notes below `tracks/`: finding and checking them."""

import re
from pathlib import Path

from agent.domain.errors import WorkspaceError
from agent.domain.finding import Finding
from agent.domain.note import Note
from agent.domain.note_checks import check_note, check_together
from agent.domain.roadmap import Roadmap
from agent.workspace.files import read_text
from agent.workspace.link_check import dead_links
from agent.workspace.note_file import read_note


def note_files(root: Path) -> list[str]:
    """List the notes' paths, `tracks/<track>/<id>.md`, sorted; a README is none."""
    found = (file.relative_to(root).as_posix() for file in (root / "tracks").glob("*/*.md"))
    return sorted(path for path in found if not path.lower().endswith("/readme.md"))


def check_notes(root: Path, roadmap: Roadmap, *, missing: bool = True) -> list[Finding]:
    """Check every note of the workspace; `missing` says whether a row without a note counts."""
    notes: list[Note] = []
    findings: list[Finding] = []
    for path in note_files(root):
        try:
            text = read_text(root, path)
            note, malformed = read_note(text, path)
        except WorkspaceError as error:
            findings.append(_unreadable(path, str(error)))
            continue
        notes.append(note)
        findings += [*malformed, *check_note(note), *dead_links(root, path, text)]
    return sorted([*findings, *check_together(notes, roadmap, missing=missing)])


def _unreadable(path: str, message: str) -> Finding:
    """Take path and line out of a message that begins with them."""
    found = re.match(r":(\d+):?\s+", message.removeprefix(path)) if message.startswith(path) else None
    if found is None:
        return Finding(path, 0, "format", message.removeprefix(path).strip())
    return Finding(path, int(found[1]), "format", message.removeprefix(path)[found.end() :])
