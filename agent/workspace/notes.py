"""The notes below `tracks/`: finding, reading and checking them."""

from collections.abc import Mapping
from pathlib import Path

from agent.domain.errors import WorkspaceError
from agent.domain.finding import Finding
from agent.domain.note import Note
from agent.domain.note_checks import check_note, check_together
from agent.domain.roadmap import Roadmap, Topic
from agent.workspace.files import read_text
from agent.workspace.front_matter import split_front_matter
from agent.workspace.link_check import dead_links
from agent.workspace.note_file import note_path, parse_note, read_note
from agent.workspace.roadmap_file import parse_roadmap


def note_files(root: Path) -> list[str]:
    """List the notes' paths, `tracks/<track>/<id>.md`, sorted; a README is none."""
    found = (file.relative_to(root).as_posix() for file in (root / "tracks").glob("*/*.md"))
    return sorted(path for path in found if not path.lower().endswith("/readme.md"))


def load_roadmap(root: Path) -> Roadmap:
    """Read `roadmap.md`, its reworded rows bound to the notes that follow them.

    Raises:
        WorkspaceError: naming the line that cannot be understood.
    """
    text = read_text(root, "roadmap.md")
    roadmap = parse_roadmap(text)
    followed = note_topics(root, roadmap)
    return parse_roadmap(text, note_topics=followed) if followed else roadmap


def note_topics(root: Path, roadmap: Roadmap) -> Mapping[str, str]:
    """Map row texts to note ids for the notes whose id is no row's: see `parse_roadmap`.

    `roadmap` is one read without such a map. Notes that cannot be read are left out; `check_notes` names them.
    """
    ids = {topic.id for topic in roadmap.topics}
    orphans = [path for path in note_files(root) if Path(path).stem not in ids]
    found: dict[str, str] = {}
    for path in orphans:
        try:
            fields, _ = split_front_matter(read_text(root, path), path)
        except WorkspaceError:
            continue
        if isinstance(fields.get("topic"), str):
            found[" ".join(fields["topic"].split())] = Path(path).stem
    return found


def load_note(root: Path, topic: Topic) -> Note:
    """Read the note of a topic.

    Raises:
        WorkspaceError: there is none, in a sentence that says how to write it; or it is malformed, with the line.
    """
    path = note_path(topic.track, topic.id)
    if path not in note_files(root):
        # A note may lie in another track's folder after its row moved.
        path = next((p for p in note_files(root) if Path(p).stem == topic.id), "")
    if not path:
        raise WorkspaceError(f"{topic.text!r} has no track note yet; draft one with `study note new {topic.id}`.")
    return parse_note(read_text(root, path), path)


def check_notes(root: Path, roadmap: Roadmap, *, missing: bool = True) -> list[Finding]:
    """Check every note of the workspace; `missing` says whether a row without a note counts."""
    notes: list[Note] = []
    findings: list[Finding] = []
    for path in note_files(root):
        try:
            text = read_text(root, path)
            note, malformed = read_note(text, path)
        except WorkspaceError as error:
            findings.append(Finding(path, 0, "format", str(error)))
            continue
        notes.append(note)
        findings += [*malformed, *check_note(note), *dead_links(root, path, text)]
    return sorted([*findings, *check_together(notes, roadmap, missing=missing)])
