"""Lines of a text whose line endings and byte order mark stay as they are."""

import re

from agent.domain.errors import WorkspaceError

BOM = "\ufeff"

_LINE_END = re.compile("\r\n|\n|\r")
_CONFLICT = re.compile(r"^(?:<{7}|>{7})(?:[ \t].*)?$")


def line_spans(text: str) -> list[tuple[int, int]]:
    """Start and end of every line in `text`, ends without the line break (LF, CRLF or CR, as in CommonMark)."""
    spans, start = [], 0
    for match in _LINE_END.finditer(text):
        spans.append((start, match.start()))
        start = match.end()
    spans.append((start, len(text)))
    return spans


def refuse_damage(text: str, name: str) -> None:
    """Refuse NUL characters and the markers of an unfinished merge.

    Raises:
        WorkspaceError: naming the line.
    """
    for number, (start, end) in enumerate(line_spans(text), start=1):
        line = text[start:end]
        if "\0" in line:
            raise WorkspaceError(f"{name}:{number}: it holds a NUL character; delete it.")
        if _CONFLICT.match(line):
            raise WorkspaceError(f"{name}:{number}: {line[:7]!r} marks an unfinished merge; resolve it first.")
