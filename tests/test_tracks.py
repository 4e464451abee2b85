"""The notes that ship: well formed, complete, and their worked examples print what they say."""

from pathlib import Path

import pytest

from agent.domain.note import Note
from agent.workspace.files import read_text
from agent.workspace.link_check import dead_links
from agent.workspace.note_fences import run_fences
from agent.workspace.note_file import parse_note
from agent.workspace.notes import check_notes, note_files
from agent.workspace.roadmap_file import parse_roadmap
from agent.workspace.topic_map import README, current_map

ROOT = Path(__file__).parents[1]


def _notes() -> list[Note]:
    return [parse_note(read_text(ROOT, path), path) for path in note_files(ROOT)]


def test_every_row_has_a_note_without_findings() -> None:
    findings = check_notes(ROOT, parse_roadmap(read_text(ROOT, "roadmap.md")))
    assert findings == [], "\n".join(map(str, findings))


def test_there_is_enough_to_ask() -> None:
    notes = _notes()
    assert len(notes) == 44
    assert sum(len(note.claims) for note in notes) >= 350
    assert sum(len(claim.questions) for note in notes for claim in note.claims) >= 800


@pytest.mark.parametrize("path", note_files(ROOT))
def test_the_worked_example_prints_what_the_note_says(path: str) -> None:
    findings = run_fences(parse_note(read_text(ROOT, path), path))
    assert findings == [], "\n".join(map(str, findings))


def test_the_topic_map_is_current() -> None:
    text, wanted = current_map(ROOT)
    assert text == wanted, "run `python -m agent.workspace.topic_map`"
    assert dead_links(ROOT, README, text) == []
