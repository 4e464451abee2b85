"""The workspace: the one door to the user's files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.domain.attempt import Attempt, Record
from agent.domain.errors import StudyError, UsageError, WorkspaceError
from agent.domain.level import Level
from agent.domain.note import Note
from agent.domain.proposal import LedgerEntry, Proposal
from agent.domain.roadmap import EvidenceLink, Roadmap, Topic
from agent.workspace.events import Events
from agent.workspace.files import locked, read_text, sha256_of, write_text
from agent.workspace.records import Records
from agent.workspace.roadmap_file import edit_topic, parse_roadmap

ROADMAP = "roadmap.md"


class Appeal(Record):
    """A learner's case against a verdict; once accepted it becomes an eval case."""

    id: str
    attempt: str
    topic: str
    claim: str
    question: str
    answer: str
    verdict: str
    case: str
    at: str


class Workspace:
    """Reads and writes below one root. Every method reads the disk anew: the files belong to the user."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.attempts = Records(root, "attempts", Attempt, lambda a: a.id)
        self.proposals = Records(root, "proposals", Proposal, lambda p: p.id, compact=True)
        self.ledger = Records(root, "ledger", LedgerEntry, lambda e: e.id)
        self.appeals = Records(root, "appeals", Appeal, lambda a: a.id)
        self.events = Events(root)

    def roadmap_text(self) -> str:
        """Read roadmap.md as it is, byte order mark and line endings included."""
        return read_text(self.root, ROADMAP)

    def roadmap(self) -> Roadmap:
        """Parse roadmap.md; a row whose text was reworded keeps the id that its note has."""
        return self.parse(self.roadmap_text())

    def parse(self, text: str) -> Roadmap:
        """Parse a roadmap's text, one of another day too, with the ids that the notes of today give its rows."""
        roadmap = parse_roadmap(text, ROADMAP)
        followed = self._note_topics(roadmap)
        return parse_roadmap(text, ROADMAP, followed) if followed else roadmap

    def _note_topics(self, roadmap: Roadmap) -> dict[str, str]:
        """Map the row text that a note names to the note's id, for notes whose id is no row's."""
        ids = {topic.id for topic in roadmap.topics}
        followed: dict[str, str] = {}
        for path in sorted(self.root.glob("tracks/*/*.md")):
            if path.stem not in ids and path.name != "README.md":
                from agent.workspace.note_file import parse_note  # seldom needed, and slow to load

                try:
                    note = parse_note(read_text(self.root, path.relative_to(self.root).as_posix()), path.name)
                except WorkspaceError:
                    continue  # `study check` reports it
                followed[note.topic] = note.id
        return followed

    def edited_row(
        self,
        topic_id: str,
        *,
        level: Level | None = None,
        links: Sequence[EvidenceLink] = (),
        status: str | None = None,
    ) -> str:
        """Give roadmap.md's text with cells of one row changed and every other byte kept."""
        text = self.roadmap_text()
        followed = self._note_topics(parse_roadmap(text, ROADMAP))
        return edit_topic(text, topic_id, level=level, evidence=links, status=status, note_topics=followed)

    def topic(self, query: str) -> Topic:
        """Find the one topic that a user means.

        Raises:
            UsageError: none or several match; the message lists the candidates.
        """
        found = self.roadmap().find(query)
        if len(found) == 1:
            return found[0]
        if not found:
            raise UsageError(f"No topic matches {query!r}; `study status` lists all of them.")
        names = ", ".join(topic.id for topic in found[:8])
        raise UsageError(f"{query!r} could be any of {names}{', …' if len(found) > 8 else ''}; give one id.")

    def note_path(self, topic: Topic) -> str:
        """Give where the topic's note is or would be, relative to the root."""
        return f"tracks/{topic.track}/{topic.id}.md"

    def note(self, topic_id: str) -> Note:
        """Read the note of a topic.

        Raises:
            WorkspaceError: the topic has none, or it is malformed.
        """
        from agent.workspace.note_file import parse_note

        topic = self.roadmap().topic(topic_id)
        if topic is None:
            raise WorkspaceError(f"roadmap.md has no topic {topic_id!r} any more; `study status` lists what it has.")
        path = self.note_path(topic)
        if not (self.root / path).is_file():
            moved = next((p for p in sorted(self.root.glob(f"tracks/*/{topic_id}.md"))), None)
            if moved is None:
                raise WorkspaceError(
                    f"{topic.text!r} has no note yet, so there is nothing to quiz from; "
                    f"`study note new {topic.id}` drafts {path} for you to finish."
                )
            path = moved.relative_to(self.root).as_posix()
        return parse_note(read_text(self.root, path), path)

    def note_sha256(self, note: Note) -> str:
        """Hash the note's file."""
        return sha256_of(self.root, note.path)

    def topic_attempts(self, topic: str) -> list[Attempt]:
        """Read the readable attempts on a topic; a damaged one counts for nothing and is `study check`'s to report."""
        return [a for a in self.attempts.readable()[0] if a.topic == topic]

    def attempts_by_id(self) -> Mapping[str, Attempt]:
        """Read every readable attempt by its id."""
        return {a.id: a for a in self.attempts.readable()[0]}

    def record(self, attempt: Attempt) -> tuple[str, str]:
        """Write a finished attempt and its session draft; give both paths. Doing it twice changes nothing."""
        from agent.workspace.session_file import render_session

        with locked(self.root):
            existing = self.attempts.find(attempt.id)
            path = existing[0] if existing else self.attempts.write(attempt.finished, attempt)
            session = self.session_of(attempt)
            if not (self.root / session).exists():
                write_text(self.root, session, render_session(attempt, self.note(attempt.topic)))
            return path, session

    def session_of(self, attempt: Attempt) -> str:
        """Give the path of an attempt's session: the file that names the attempt, else where it would be drafted.

        The name holds the local day: drafted in one time zone it is not to be looked for under another zone's day.
        """
        from agent.workspace.session_file import read_session, session_path

        drafted = session_path(attempt)
        for file in sorted((self.root / "sessions").glob(f"????-??-??-{attempt.topic}-quiz-{attempt.id[:4]}*.md")):
            path = f"sessions/{file.name}"
            try:
                if attempt.id in read_session(self.root, path).attempts:
                    return path
            except WorkspaceError:
                continue  # `study check` reports it
        taken = (self.root / drafted).exists()
        return drafted.removesuffix(".md") + f"{attempt.id[4:8]}.md" if taken else drafted

    def problems(self) -> list[str]:
        """Say, a sentence each, which records cannot be read."""
        found: list[str] = []
        for records in (self.attempts, self.proposals, self.ledger, self.appeals, self.events.records):
            try:
                found += records.readable()[1]
            except StudyError as error:
                found.append(str(error))
        return found
