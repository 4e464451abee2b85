"""Editing one line of roadmap.md's lists, a milestone's box or the quarter focus; every other byte stays."""

import re
from typing import Any

from agent.domain.change import TICKED, LineChange
from agent.domain.errors import ConflictError, WorkspaceError
from agent.domain.roadmap import FocusLine, MilestoneBullet, Roadmap
from agent.workspace.inline import escape_text, plain_text
from agent.workspace.lines import line_spans
from agent.workspace.roadmap_file import parse_roadmap

_BOX = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+\[(?P<box>[ xX])\]")
# The label with its emphasis ends at the first colon.
_FOCUS = re.compile(r"(?P<marker>\s*(?:[-*+]|\d+[.)])\s+)(?P<label>[^:]*:[*_]*\s*)?(?P<text>.*?)\s*")


def lines_like(roadmap: Roadmap, change: LineChange, text: str) -> list[FocusLine | MilestoneBullet]:
    """List the lines of a change's list that read so."""
    if change.part == "focus":
        return [line for line in roadmap.focus if line.whole == text]
    own = (b for milestone in roadmap.milestones if milestone.title == change.heading for b in milestone.bullets)
    return [bullet for bullet in own if bullet.whole == text]


def edited_line(text: str, change: LineChange, path: str = "roadmap.md") -> str:
    """Give a roadmap's text with the line of a change as it would be.

    Raises:
        ConflictError: there is no line that reads as the change says, or two of them.
        WorkspaceError: the line cannot be changed without touching anything else.
    """
    roadmap = parse_roadmap(text, path)
    places = lines_like(roadmap, change, change.before) if change.before else list(roadmap.focus[-1:])
    if len(places) != 1:
        found = "no line" if not places else "two lines"
        what = f"reading “{change.before}”" if change.before else "of a quarter focus to add one below"
        raise ConflictError(f"{path} has {found} {what} (in {change.heading!r}).")
    span = line_spans(text)[places[0].line - 1]
    edit = _with_box if change.part == "milestone" else _with_focus
    edited = edit(text, span, change) if change.before != change.after else text
    if edited is None or _content(parse_roadmap(edited, path)) != _wanted(roadmap, change):
        raise WorkspaceError(
            f"{path}:{places[0].line}: this line cannot be changed without harm; write it as one plain list item."
        )
    return edited


def _with_box(text: str, span: tuple[int, int], change: LineChange) -> str | None:
    box = _BOX.match(text, *span)
    if box is None:
        return None
    mark = "x" if change.after.startswith(TICKED) else " "
    return text[: box.start("box")] + mark + text[box.end("box") :]


def _with_focus(text: str, span: tuple[int, int], change: LineChange) -> str | None:
    line = _FOCUS.fullmatch(text, *span)
    if line is None:
        return None
    label, colon, words = change.after.partition(": ")
    words = escape_text(words if colon else change.after)
    end = span[1]
    line_break = "\r\n" if text[end : end + 2] == "\r\n" else text[end : end + 1]
    if not change.before:
        bold = f"**{escape_text(label)}:** {words}" if colon else words
        return text[:end] + (line_break or "\n") + line["marker"] + bold + text[end:]
    if not change.after:
        return text[: span[0]] + text[end + len(line_break) :]
    kept = line["label"] or ""
    if colon and plain_text(kept).rstrip(": ") != label:
        return None  # another label is another line
    return text[: line.start("text")] + words + text[line.end("text") :]


def _content(roadmap: Roadmap) -> tuple[Any, ...]:
    """Give everything that the roadmap says, without line numbers."""
    rows = [(t.id, t.text, t.track, t.module, t.level, t.evidence, t.status) for t in roadmap.topics]
    bullets = [(m.title, [b.whole for b in m.bullets], m.evidence_required) for m in roadmap.milestones]
    return rows, [line.whole for line in roadmap.focus], bullets, roadmap.rules


def _wanted(roadmap: Roadmap, change: LineChange) -> tuple[Any, ...]:
    rows, focus, bullets, rules = _content(roadmap)
    after = " ".join(change.after.split())
    if change.part == "milestone":
        own = [
            (t, [change.after if t == change.heading and w == change.before else w for w in ws], e)
            for t, ws, e in bullets
        ]
        return rows, focus, own, rules
    if not change.before:
        return rows, [*focus, after], bullets, rules
    kept = ([after] if whole == change.before else [whole] for whole in focus)
    return rows, [whole for part in kept for whole in part if whole], bullets, rules
