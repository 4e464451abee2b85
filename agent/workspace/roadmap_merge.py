"""Merging two versions of roadmap.md row by row: neighbouring rows are no conflict, and evidence adds up.

Git merges lines, so that two rows next to each other that were promoted on two machines conflict. What was approved on
either side is taken; where both changed the same row, its links are joined and its level is the merged ledger's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agent.domain.errors import WorkspaceError
from agent.domain.level import Level
from agent.domain.roadmap import Topic
from agent.workspace.roadmap_file import edit_topic, parse_roadmap, topic_rows
from agent.workspace.workspace import ROADMAP

LineMerge = Callable[[str, str, str], tuple[str, int]]


@dataclass(frozen=True, slots=True)
class RoadmapMerge:
    """The merged text, how many conflicts are left in it as markers, and a sentence for each row that both changed."""

    text: str
    conflicts: int
    notes: tuple[str, ...] = ()


def merge_roadmaps(
    base: str, ours: str, theirs: str, levels: Mapping[str, Level], merge_lines: LineMerge
) -> RoadmapMerge:
    """Merge two descendants of a roadmap; `merge_lines(ours, base, theirs)` merges what is no row, as git does."""
    try:
        was, mine, other = (_rows(text) for text in (base, ours, theirs))
    except WorkspaceError:  # one side is no roadmap that can be read: lines are all there is
        text, conflicts = merge_lines(ours, base, theirs)
        return RoadmapMerge(text, conflicts)
    agreed: dict[str, str] = {}
    notes: list[str] = []
    for id in was.keys() & mine.keys() & other.keys():
        if mine[id] == was[id] or mine[id] == other[id]:
            agreed[id] = other[id]
        elif other[id] == was[id]:
            agreed[id] = mine[id]
        elif (joined := _joined(id, ours, theirs, levels)) is not None:
            agreed[id], note = joined
            notes.append(note)
    # A row that is the same in all three is no conflict for its neighbours either.
    base, ours, theirs = (_with_rows(text, agreed) for text in (base, ours, theirs))
    text, conflicts = merge_lines(ours, base, theirs)
    return RoadmapMerge(text, conflicts, tuple(sorted(notes)))


def _rows(text: str) -> dict[str, str]:
    return {id: text[row.row.start : row.row.end] for id, row in topic_rows(text, ROADMAP)}


def _with_rows(text: str, rows: Mapping[str, str]) -> str:
    for id, row in reversed(topic_rows(text, ROADMAP)):
        if id in rows:
            text = text[: row.row.start] + rows[id] + text[row.row.end :]
    return text


def _joined(id: str, ours: str, theirs: str, levels: Mapping[str, Level]) -> tuple[str, str] | None:
    """Join a row that both sides changed; None where they differ in more than decisions write, or in a bare level."""
    mine, other = _topic(ours, id), _topic(theirs, id)
    if mine is None or other is None or (mine.text, mine.module) != (other.text, other.module):
        return None
    level = levels.get(id, Level.L0)
    if level not in (mine.level, other.level):
        return None
    leading = mine if mine.level == level else other
    edited = edit_topic(ours, id, level=level, evidence=other.evidence, status=leading.status)
    sides = f"{mine.level}" if mine.level == other.level else f"{mine.level} here and {other.level} there"
    note = f"{mine.text!r} was decided on both sides ({sides}): it has the links of both, at the ledger's {level}."
    return _rows(edited)[id], note


def _topic(text: str, id: str) -> Topic | None:
    return parse_roadmap(text, ROADMAP).topic(id)
