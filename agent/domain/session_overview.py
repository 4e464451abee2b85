"""A session on one screen: its sections, how many entries each has, and the first of them."""

import re
from collections.abc import Sequence

from agent.domain.text import one_line

MOST_SHOWN = 4  # first entries of a section
LOG = "Log"  # all events once more: only counted
MIN_WIDTH = 40
_CITED = re.compile(r" \(\[e\d.*$")


def fits(text: str, rows: int, width: int) -> bool:
    """Whether a text needs no more than so many rows of a terminal."""
    return sum(max(1, -(-len(line) // max(width, 1))) for line in text.splitlines()) <= rows


def overview(text: str, rows: int, width: int) -> str:
    """Give a session's title, and of each section its heading, its number of entries and as many as there is room for.

    Nested lines (the learner's words, remarks) and cited events are left out; lines are cut at `width`.
    """
    title, sections = _sections(text)
    shown = next((n for n in range(MOST_SHOWN, 0, -1) if _height(sections, n) <= rows), 0)
    lines = [title]
    for heading, entries in sections:
        first = [] if heading == LOG else entries[:shown]
        count = f"{len(entries)}" + (f", the first {len(first)}" if 0 < len(first) < len(entries) else "")
        lines.append(f"{heading} ({count})" if entries else f"{heading}: none")
        lines += [f"  {one_line(entry, max(width, MIN_WIDTH) - 3)}" for entry in first]
    return "\n".join(lines) + "\n"


def _height(sections: Sequence[tuple[str, list[str]]], shown: int) -> int:
    return 1 + sum(1 + (0 if heading == LOG else min(shown, len(entries))) for heading, entries in sections)


def _sections(text: str) -> tuple[str, list[tuple[str, list[str]]]]:
    title, sections = "", list[tuple[str, list[str]]]()
    for line in text.splitlines():
        if line.startswith("# "):
            title = title or line[2:].strip()
        elif line.startswith("## "):
            sections.append((line[3:].strip(), []))
        elif line.startswith(("- ", "* ")) and sections:
            sections[-1][1].append(_CITED.sub("", line[2:].removeprefix("[ ] ").strip()))
    return title, sections
