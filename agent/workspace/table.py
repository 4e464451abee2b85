"""Rows of a GFM table as spans of the source, so that one cell can change and nothing else."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_PIPE = re.compile(r"(?<!\\)\|")
_BLANK = " \t\f\v"


@dataclass(frozen=True, slots=True)
class Row:
    """One table row: `cells` are spans in the whole text, padding included, as `start` and `end` are its own."""

    line: int
    cells: tuple[tuple[int, int], ...]
    start: int
    end: int
    closed: bool


def split_row(text: str, start: int, end: int, line: int) -> Row:
    r"""Find the cells of the row in `text[start:end]`; a `|` ends a cell unless a backslash stands before it.

    That holds inside code spans too, as on GitHub and in Obsidian. `line` counts from 1.
    """
    while start < end and text[start] in _BLANK:
        start += 1
    while end > start and text[end - 1] in _BLANK:
        end -= 1
    bars = [match.start() for match in _PIPE.finditer(text, start, end)]
    edges = [start - 1, *bars, end]
    cells = [(left + 1, right) for left, right in pairwise(edges)]
    if cells and cells[0][0] == cells[0][1]:
        cells.pop(0)
    closed = bool(bars) and bars[-1] == end - 1
    if closed and cells:
        cells.pop()
    return Row(line=line, cells=tuple(cells), start=start, end=end, closed=closed)


def cell_source(text: str, row: Row, column: int) -> str:
    r"""Read the markdown of a cell, `\|` unescaped; "" where the row is too short."""
    if column >= len(row.cells):
        return ""
    start, end = row.cells[column]
    return text[start:end].strip(_BLANK).replace("\\|", "|")


def replace_cell(text: str, row: Row, column: int, source: str) -> str:
    """Write markdown into a cell, each `|` in it escaped, and leave every other character as it is.

    The padding before it stays; the padding behind it gives or takes what keeps the next `|` in place.
    A row that is too short gets the missing cells.
    """
    source = source.replace("|", "\\|")
    if column >= len(row.cells):
        return _append_cells(text, row, column, source)
    start, end = row.cells[column]
    old = text[start:end]
    content = old.strip(_BLANK)
    if content:
        lead, trail = old[: len(old) - len(old.lstrip(_BLANK))], old[len(old.rstrip(_BLANK)) :]
    else:
        lead, trail = old[:1] or " ", old[1:] or " "
    width = len(trail) + len(content) - len(source)
    # A cell that was aligned by padding stays aligned; one with a single space keeps a single space.
    padding = " " * max(width, 1) if len(trail) > 1 else trail
    if not padding and source.endswith("\\") and text[end : end + 1] == "|":
        padding = " "
    return text[:start] + lead + source + padding + text[end:]


def _append_cells(text: str, row: Row, column: int, source: str) -> str:
    cells = [""] * (column - len(row.cells)) + [source]
    added = "|".join(f" {cell} " if cell else " " for cell in cells)
    if row.closed:
        return text[: row.end] + added + "|" + text[row.end :]
    return text[: row.end] + " |" + added.rstrip(_BLANK) + text[row.end :]


def column_names(headers: Sequence[str]) -> dict[str, int]:
    """Map the columns that a topic table knows to their places, whatever their order; others are left out.

    Raises:
        ValueError: two columns carry the same known name.
    """
    found: dict[str, int] = {}
    for place, header in enumerate(headers):
        words = header.casefold().split()
        name = words[0] if words else ""
        if name not in {"module", "topic", "level", "evidence", "status"}:
            continue
        if name in found:
            raise ValueError(f"two columns are named {header!r}")
        found[name] = place
    return found
