"""Pins: the claims that cases were written for, by the hash of their text.

An answer is labelled against one wording of a claim. Where the note was edited since, its labels are unknown: the
claim's cases are left out and counted as unmeasured until somebody has read them again and pinned the new text.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from agent.domain.errors import WorkspaceError
from agent.domain.note import Note
from agent.domain.quiz import claim_hash
from agent.workspace.note_file import parse_note

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "evals" / "cases"
PINS = CASES / "pins.json"


@dataclass(frozen=True, slots=True)
class Stale:
    """A pinned block whose text is not what the cases were written for; `text` is the text now, "" when gone."""

    note: str
    block: str
    text: str


@cache
def notes() -> dict[str, Note]:
    """All notes of the project by id."""
    found = {}
    for path in sorted((ROOT / "tracks").glob("*/*.md")):
        note = parse_note(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix())
        found[note.id] = note
    return found


def note_named(name: str) -> Note:
    """Give the note with this id.

    Raises:
        WorkspaceError: cases name a note that is not there.
    """
    if name not in notes():
        raise WorkspaceError(f"The cases name the note {name!r}, which tracks/ does not have; correct them.")
    return notes()[name]


def text_of(note: Note, block: str) -> str:
    """Give what a block states: a claim's text, or a misconception's statement and correction; "" when absent."""
    claim, misconception = note.claim(block), note.misconception(block)
    if claim is not None:
        return claim.text
    return f"{misconception.statement} {misconception.correction}" if misconception else ""


def read_pins(path: Path = PINS) -> dict[str, str]:
    """Read `note^block` → hash."""
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def write_pins(blocks: list[tuple[str, str]], path: Path = PINS) -> None:
    """Pin the blocks to their texts of now."""
    pins = {f"{note}^{block}": claim_hash(text_of(note_named(note), block)) for note, block in sorted(set(blocks))}
    path.write_text(json.dumps(pins, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def stale(blocks: list[tuple[str, str]], path: Path = PINS) -> list[Stale]:
    """List the blocks that are not pinned to the text of now."""
    pins = read_pins(path)
    out = []
    for note, block in sorted(set(blocks)):
        text = text_of(note_named(note), block)
        if not text or pins.get(f"{note}^{block}") != claim_hash(text):
            out.append(Stale(note, block, text))
    return out
