"""Sessions of days on disk: a draft waits in `sessions/`, and what a human decided is done once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from agent.domain.errors import ConflictError, WorkspaceError
from agent.domain.event import counted
from agent.domain.happened import session_written
from agent.domain.session_draft import SessionDraft
from agent.ports.sessions import SessionDecision, Waiting
from agent.workspace.day_session import DaySession, day_path, event_key, read_day_session, render_day, with_body
from agent.workspace.events import named_id
from agent.workspace.files import locked, sync_folder, write_text
from agent.workspace.session_file import approved_text
from agent.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of a decision; `paths` are the files that belong to it, for one commit."""

    decision: str
    message: str
    paths: tuple[str, ...] = ()


class SessionStore:
    """Writes the sessions of days. `clock` gives the time in UTC."""

    def __init__(self, workspace: Workspace, clock: Callable[[], datetime]) -> None:
        self._workspace, self._clock = workspace, clock

    def keep(self, draft: SessionDraft, replaces: DaySession | None = None) -> Waiting:
        """Write a draft where it waits; `replaces` is the one of before, which goes unless somebody edited it.

        Raises:
            ConflictError: a session that was edited, or is none of a draft any more, lies there.
        """
        root = self._workspace.root
        with locked(root):
            path = replaces.path if replaces is not None else day_path(draft.day)
            if (root / path).exists():
                there = read_day_session(root, path)
                if not there.draft or there.touched:
                    raise ConflictError(f"{path} was edited or approved meanwhile; run `study summarize` again.")
            text = render_day(draft)
            write_text(root, path, text)
            return waiting(read_day_session(root, path))

    def settle(self, path: str, sha256: str, decision: SessionDecision, body: str = "") -> Settled:
        """Carry out a decision on the draft with this hash; see the port `Sessions`.

        Raises:
            ConflictError: the draft is another one now, or gone.
        """
        if decision == "later":
            return Settled("later", "The draft stays; `study summarize` shows it again.")
        with locked(self._workspace.root):
            session = self._read(path)
            if not session.draft:
                return Settled("already", f"{path} was approved before; nothing was changed.")
            if session.sha256 != sha256:
                raise ConflictError(f"{path} was edited meanwhile: this is how it is now.")
            if decision == "reject":
                return self._discard(session)
            if decision == "edit":
                write_text(self._workspace.root, path, with_body(session, body))
                return Settled("edited", "This is the session as you edited it.")
            write_text(self._workspace.root, path, approved_text(session.text))
            return self._approved(session)

    def record(self, session: DaySession) -> str | None:
        """See to it that an approved session has its event, also where a process died in between; give its path."""
        at, count = self._clock(), len(session.keys)
        event = session_written(session.path, at, session.path.rsplit("/", 1)[-1][:10], count)
        return self._workspace.events.try_add(event)

    def _read(self, path: str) -> DaySession:
        if not (self._workspace.root / path).exists():
            raise ConflictError(f"{path} is gone: it was rejected or removed; `study summarize` drafts it anew.")
        return read_day_session(self._workspace.root, path)

    def _approved(self, session: DaySession) -> Settled:
        event = self.record(session)
        files = self._workspace.events.records.files()
        told = [path for path in files if event_key(named_id(path)) in session.keys]
        paths = (session.path, *told, *((event,) if event else ()))
        return Settled("approved", f"{session.path} is written, with {counted(len(session.keys), 'event')}.", paths)

    def _discard(self, session: DaySession) -> Settled:
        file = self._workspace.root / session.path
        try:
            file.unlink(missing_ok=True)
            sync_folder(file.parent)
        except OSError as error:
            raise WorkspaceError(f"{session.path} cannot be removed: {error.strerror}; try again.") from None
        return Settled("rejected", "The draft is gone; `study summarize` drafts the day anew.")


def waiting(session: DaySession, missing: int = 0) -> Waiting:
    """Give a draft as the graph's port has it."""
    return Waiting(session.path, session.text, session.sha256, missing)
