"""Keeping the topic map in `tracks/README.md` current: `python -m agent.workspace.topic_map [ROOT]`."""

import sys
from pathlib import Path

from agent.domain.topic_map import replace_map, topic_map
from agent.workspace.files import read_text, write_text
from agent.workspace.note_file import read_note
from agent.workspace.notes import note_files
from agent.workspace.workspace import Workspace

README = "tracks/README.md"


def current_map(root: Path) -> tuple[str, str]:
    """Read `tracks/README.md` and give it as it is and as it should be.

    Raises:
        WorkspaceError: the roadmap or a note cannot be read.
    """
    notes = [read_note(read_text(root, path), path)[0] for path in note_files(root)]
    text = read_text(root, README)
    return text, replace_map(text, topic_map(notes, Workspace(root).roadmap()))


def write_map(root: Path) -> bool:
    """Write the map where it is not current; tells whether it was written."""
    text, wanted = current_map(root)
    if text != wanted:
        write_text(root, README, wanted)
    return text != wanted


if __name__ == "__main__":
    write_map(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
