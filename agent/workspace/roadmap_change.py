"""What each kind of change does to its file: the text before and after, and the write as a step that may repeat."""

from agent.domain.change import AnyChange, Change, LineChange, NoteChange, StatusChange, status_to_write
from agent.domain.errors import ConflictError
from agent.domain.roadmap import EvidenceLink, Topic
from agent.workspace.evidence import row_paths
from agent.workspace.files import write_text
from agent.workspace.note_change import apply_note, preview_note
from agent.workspace.roadmap_lines import edited_line, lines_like
from agent.workspace.workspace import ROADMAP, Workspace


def row_of(workspace: Workspace, topic_id: str) -> Topic:
    """Find a row by its id.

    Raises:
        ConflictError: it is gone.
    """
    topic = workspace.roadmap().topic(topic_id)
    if topic is None:
        raise ConflictError(f"roadmap.md has no row for {topic_id!r} any more.")
    return topic


def file_of(change: AnyChange) -> str:
    """Give the file that a change is made in."""
    return change.path if isinstance(change, NoteChange) else ROADMAP


def preview_change(workspace: Workspace, change: AnyChange) -> tuple[str, str]:
    """Give the change's file before and after, rebased on the file as it is now.

    Raises:
        ConflictError: the row or line is gone, or it does not say any more what the change starts from.
    """
    if isinstance(change, NoteChange):
        return preview_note(workspace, change)
    before = workspace.roadmap_text()
    if isinstance(change, LineChange):
        return before, edited_line(before, change)
    topic = row_of(workspace, change.topic)
    if isinstance(change, StatusChange):
        if (topic.level, topic.status) != (change.level, change.from_status):
            raise ConflictError(
                f"{topic.text!r} is {topic.status or 'without status'} at {topic.level} now, not "
                f"{change.from_status or 'without status'} at {change.level}: roadmap.md was edited meanwhile."
            )
        # What shows that something was forgotten is no evidence of the row's level.
        links = _new_links(topic, change) if change.status == "Verified" else []
        return before, workspace.edited_row(topic.id, links=links, status=change.status)
    if topic.level != change.from_level:
        raise ConflictError(
            f"{topic.text!r} is at {topic.level} now, not at {change.from_level}: roadmap.md was edited meanwhile."
        )
    wanted = status_to_write(change, topic.status)
    status = wanted if wanted != topic.status else None
    links = _new_links(topic, change)
    return before, workspace.edited_row(topic.id, level=change.to_level, links=links, status=status)


def apply_change(workspace: Workspace, change: AnyChange) -> None:
    """Write an approved change into its file; a second time it changes nothing.

    Raises:
        ConflictError: the approval was interrupted, and the row or line was edited since.
    """
    if isinstance(change, LineChange):
        _apply_line(workspace, change)
        return
    if isinstance(change, NoteChange):
        apply_note(workspace, change)
        return
    topic = row_of(workspace, change.topic)
    if isinstance(change, StatusChange):
        if topic.status != change.status:
            write_text(workspace.root, ROADMAP, preview_change(workspace, change)[1])
    elif topic.level == change.from_level:
        write_text(workspace.root, ROADMAP, preview_change(workspace, change)[1])
    elif topic.level != change.to_level:
        raise ConflictError(
            f"The approved change of {topic.text!r} to {change.to_level} was interrupted, and the row says "
            f"{topic.level} now; set it back to {change.from_level}, then run `study review`."
        )
    elif links := _new_links(topic, change):
        write_text(workspace.root, ROADMAP, workspace.edited_row(topic.id, links=links))


def _apply_line(workspace: Workspace, change: LineChange) -> None:
    text = workspace.roadmap_text()
    roadmap = workspace.parse(text)
    if change.before and lines_like(roadmap, change, change.before):
        write_text(workspace.root, ROADMAP, edited_line(text, change))
    elif change.after and not lines_like(roadmap, change, change.after):
        if change.before:
            raise ConflictError(
                f"An approved change of “{change.before}” was interrupted, and the line is gone from roadmap.md; "
                "restore it, then run `study review`."
            )
        write_text(workspace.root, ROADMAP, edited_line(text, change))


def _new_links(topic: Topic, change: Change | StatusChange) -> list[EvidenceLink]:
    have = row_paths(topic)
    fresh = (e for e in change.evidence if e.path not in have)
    return [EvidenceLink(label=e.label or e.path, target=e.path) for e in fresh]
