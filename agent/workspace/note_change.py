"""Adding a statement to a note: what an approved `NoteChange` does to the file, as a step that may repeat."""

import re

from agent.domain.change import NoteChange
from agent.domain.errors import ConflictError, WorkspaceError
from agent.domain.text import one_line
from agent.workspace.files import read_text, write_text
from agent.workspace.note_file import read_note
from agent.workspace.workspace import Workspace

SECTION = "## Additions"
# Sections that close a note; what is added stands before the first of them.
_CLOSING = re.compile(r"^## +(?:Worked example|Towards\b|Sources)", re.IGNORECASE)


def preview_note(workspace: Workspace, change: NoteChange) -> tuple[str, str]:
    """Give the note before and after, rebased on the file as it is now.

    Raises:
        ConflictError: the note is gone, has the block already, or would not be well formed any more.
    """
    try:
        before = read_text(workspace.root, change.path)
        was = read_note(before, change.path)[1]
        after = with_statement(before, change.block, change.after)
        faults = [fault for fault in read_note(after, change.path)[1] if fault.message not in {f.message for f in was}]
    except WorkspaceError as error:
        raise ConflictError(str(error)) from None
    if _has(before, change.block):
        raise ConflictError(f"{change.path} has a block ^{change.block} already; reject the proposal.")
    if faults:
        raise ConflictError(f"{change.path} would not be well formed: {faults[0].message}")
    return before, after


def apply_note(workspace: Workspace, change: NoteChange) -> None:
    """Write an approved statement into its note; a second time it changes nothing.

    Raises:
        ConflictError: see `preview_note`.
    """
    if not _has(read_text(workspace.root, change.path), change.block):
        write_text(workspace.root, change.path, preview_note(workspace, change)[1])


def with_statement(text: str, block: str, statement: str) -> str:
    """The note's text with one more bullet below `## Additions`, which is made before the closing sections.

    Every other byte stays, line endings included.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.split(newline)
    bullet = f"- {one_line(statement, 600)} ^{block}"
    fenced = _fenced(lines)
    heads = [n for n, line in enumerate(lines) if line.startswith("## ") and not fenced[n]]
    own = next((n for n in heads if lines[n].rstrip() == SECTION), None)
    if own is not None:
        end = next((n for n in heads if n > own), len(lines))
        while end > own + 1 and not lines[end - 1].strip():
            end -= 1
        gap = [""] if end == own + 1 else []
        return newline.join([*lines[:end], *gap, bullet, *lines[end:]])
    at = next((n for n in heads if _CLOSING.match(lines[n])), len(lines))
    head = lines[:at]
    while head and not head[-1].strip():
        head.pop()
    return newline.join([*head, "", SECTION, "", bullet, "", *lines[at:]])


def _fenced(lines: list[str]) -> list[bool]:
    """Whether each line lies in a code block."""
    inside, result = "", []
    for line in lines:
        mark = line.lstrip()[:3]
        if mark in ("```", "~~~") and inside in ("", mark):
            result.append(True)
            inside = "" if inside else mark
            continue
        result.append(bool(inside))
    return result


def _has(text: str, block: str) -> bool:
    return re.search(rf"(?m)(?<!\S)\^{re.escape(block)}\s*$", text) is not None
