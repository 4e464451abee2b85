"""Gathering a day: its events that no session has yet, and what their quizzes showed."""

from collections.abc import Iterable, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING

from agent.domain.attempt import Attempt
from agent.domain.day import Day, Explained, Gap, explained_in, gaps_in, settled
from agent.domain.errors import WorkspaceError
from agent.domain.event import Event, text_of
from agent.domain.span import Span
from agent.workspace.day_session import DaySession, batch, day_sessions, event_key
from agent.workspace.workspace import Workspace

if TYPE_CHECKING:
    from agent.domain.note import Note


class DayMaterial:
    """What there is to say of a span of time; everything is read once, when it is made.

    `new` are the events that no session tells, `told` counts the others. `pending` is the draft that waits.
    """

    def __init__(self, workspace: Workspace, span: Span, zone: tzinfo | None = None) -> None:
        self._workspace, self.span, self._zone = workspace, span, zone
        events, self.problems = workspace.events.between(span.start, span.end)
        sessions, damaged = day_sessions(workspace.root, span.start.astimezone(zone).date())
        self.problems += damaged
        self.approved = [session for session in sessions if not session.draft]
        drafts = [s for s in sessions if s.draft and s.path.startswith(f"sessions/{span.date.isoformat()}-")]
        self.pending: DaySession | None = drafts[0] if drafts else None
        told = frozenset[str]().union(*(session.keys for session in self.approved))
        own = [event for event in events if not text_of(event.data, "session")]  # what a session says of itself
        self.new: tuple[Event, ...] = tuple(event for event in own if event_key(event.id) not in told)
        self.told = len(own) - len(self.new)
        self.sessions = tuple(s.path for s in self.approved if any(event_key(e.id) in s.keys for e in own))

    @property
    def stale(self) -> bool:
        """Whether the waiting draft lacks events and nobody has edited it, so that a new one loses nothing."""
        waiting = self.pending
        return waiting is None or (not waiting.touched and bool(self.missing))

    @property
    def missing(self) -> tuple[Event, ...]:
        """The new events that the waiting draft does not tell."""
        keys = self.pending.keys if self.pending is not None else frozenset()
        return tuple(event for event in self.new if event_key(event.id) not in keys)

    def day(self, ids: Iterable[str] | None = None) -> Day:
        """Give the day that a session is drafted from: the events named, else all new ones that one file can hold."""
        chosen = set(ids) if ids is not None else None
        events = batch([event for event in self.new if chosen is None or event.id in chosen])
        explained, gaps, attempts = self._shown(events)
        return Day(self.span.date, events, *settled(explained, gaps), self._zone, tuple(dict.fromkeys(attempts)))

    def _shown(self, events: Sequence[Event]) -> tuple[list[Explained], list[Gap], list[str]]:
        explained: list[Explained] = []
        gaps: list[Gap] = []
        attempts: list[str] = []
        for event in events:
            if event.kind == "quiz" and text_of(event.data, "state") != "paused":
                found = self._attempt(text_of(event.data, "attempt"))
                if found is not None:
                    attempts.append(found[0].id)
                    explained += explained_in(event, *found)
                    gaps += gaps_in(event, *found)
        return explained, gaps, attempts

    def _attempt(self, id: str) -> "tuple[Attempt, Note] | None":
        """Read an attempt and its note; one that is gone, edited or damaged shows nothing, and that is said."""
        try:
            found = self._workspace.attempts.find(id) if id else None
            if found is None:
                return None
            path, attempt = found
            if attempt.sha256 != attempt.computed_hash():
                self.problems.append(f"{path} was changed after it was recorded, so that nothing is quoted from it.")
                return None
            return attempt, self._workspace.note(attempt.topic)
        except WorkspaceError as error:
            self.problems.append(str(error))
            return None
