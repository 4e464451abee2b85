"""Summarizing a day: its session is drafted, waits in `sessions/`, and is written once a human approved it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal
from uuid import NAMESPACE_URL, uuid5

from pydantic import ValidationError

from agent.adapters.checkpoints.sqlite import Threads, config
from agent.adapters.vcs.day import change_events
from agent.app.commits import commit_decision
from agent.app.container import App
from agent.app.quiz import thread_lock, tidy
from agent.domain.day import Day
from agent.domain.errors import StudyError
from agent.domain.session_draft import SessionDraft
from agent.domain.span import span_of
from agent.ports.sessions import Found, SessionDecision, Waiting
from agent.workspace.day_material import DayMaterial
from agent.workspace.day_session import shown, split_body
from agent.workspace.files import locked
from agent.workspace.lab_runs import run_events
from agent.workspace.sessions import SessionStore, Settled, waiting

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

    from graphs.session import SessionContext

Event = dict[str, Any]
EMBED_NOW = 32  # chunks embedded at once; a session has a few
EMBEDDED_CHARS = 3_200  # of a day; ten seconds of reading for the embedded model
ENDPOINT_CHARS = 12_000  # an endpoint reads more of a day than the embedded model can in a minute


class WorkspaceSessions:
    """The `Sessions` port on the workspace."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._store = SessionStore(app.workspace, app.clock.now)

    def find(self, day: str, since: str) -> Found:
        """Look at a day; what git knows of it, and runs on record whose event was lost, become events first."""
        now = self.app.clock.now()
        span = span_of(day, since, now)
        for event in change_events(self.app.settings.root, span.start, span.end, now):
            self.app.workspace.events.try_add(event)
        for event in run_events(self.app.settings.root, span.start, span.end):
            self.app.workspace.events.try_add(event)
        material = self._material(day, since)
        for session in material.approved:
            self._store.record(session)
        made = material.day() if material.new else None
        return Found(
            day=made,
            waiting=None if material.stale or material.pending is None else self._waiting(material),
            told=material.told,
            sessions=material.sessions,
            problems=tuple(material.problems),
        )

    def day(self, day: str, since: str, ids: Iterable[str]) -> Day:
        """Give the day again with just these events."""
        return self._material(day, since).day(ids)

    def keep(self, draft: SessionDraft) -> Waiting:
        """Write a draft where it waits."""
        pending = self._material(draft.day.date.isoformat(), "").pending
        return self._store.keep(draft, pending)

    def settle(self, path: str, sha256: str, decision: SessionDecision, body: str = "") -> Settled:
        """Carry out a decision."""
        return self._store.settle(path, sha256, decision, body)

    def _material(self, day: str, since: str) -> DayMaterial:
        return DayMaterial(self.app.workspace, span_of(day, since, self.app.clock.now()))

    @staticmethod
    def _waiting(material: DayMaterial) -> Waiting:
        assert material.pending is not None  # noqa: S101
        return waiting(material.pending, len(material.missing))


def session_context(
    app: App,
    channel: Literal["terminal", "web", "api", "unauthenticated"] = "terminal",
    sessions: WorkspaceSessions | None = None,
) -> "SessionContext":
    """Bind the port of the session graph to the workspace."""
    from graphs.session import SessionContext

    chars = EMBEDDED_CHARS if app.settings.chat in ("local", "none") else ENDPOINT_CHARS
    return SessionContext(sessions or WorkspaceSessions(app), app.chat, channel, chars)


@dataclass(frozen=True, slots=True)
class Asked:
    """A draft that waits for its decision: the interrupt's id, the file, its text, and what was said before."""

    interrupt: str
    path: str
    text: str
    notice: str = ""
    missing: int = 0

    @property
    def body(self) -> str:
        """The part that the user edits: all but the front matter."""
        return split_body(self.text)[1]

    @property
    def shown(self) -> str:
        """The part that the user reads."""
        return shown(self.text)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What came of it, and what git made of that."""

    message: str
    decision: str
    commit: str = ""


class Summary:
    """The session of one day, under its lock."""

    def __init__(self, app: App, threads: Threads, day: str, since: str) -> None:
        from graphs.session import build_session

        self._app, self._threads = app, threads
        self._given = {"day": day, "since": since}
        self._graph: CompiledStateGraph[Any, Any, Any, Any] = threads.compile(build_session())
        self._thread = summary_thread(day)
        self._context = session_context(app)

    def ask(self) -> Iterator[Event]:
        """Draft the day, or take the draft that waits; what there is to decide then is `step`.

        What waits lies in a file, never in the checkpoint alone, so the thread starts anew.
        """
        self._threads.delete(self._thread)
        yield from self._graph.stream(
            self._given, config(self._thread), context=self._context, stream_mode="custom", durability="sync"
        )

    @property
    def step(self) -> Asked | Settlement:
        """What the thread waits for, or what came of it."""
        snapshot = self._graph.get_state(config(self._thread))
        if snapshot.interrupts:
            asked, value = snapshot.interrupts[0], snapshot.interrupts[0].value
            args = value["action_request"]["args"]
            return Asked(asked.id, args["path"], args["text"], value["notice"], value["missing"])
        outcome = snapshot.values["outcome"]
        self._threads.delete(self._thread)
        paths, message = outcome["paths"], outcome["message"]
        commit = commit_decision(self._app, paths, message) if paths else ""
        return Settlement(message, outcome["decision"], commit)

    def reply(self, asked: Asked, value: dict[str, Any]) -> Asked | Settlement:
        """Answer the question that was asked, and no other one."""
        from langgraph.types import Command

        pending = {item.id for item in self._graph.get_state(config(self._thread)).interrupts}
        if asked.interrupt not in pending:
            return Settlement("This question is not open any more; run `study summarize` again.", "conflict")
        try:
            command: Any = Command(resume={asked.interrupt: value})
            self._graph.invoke(command, config(self._thread), context=self._context, durability="sync")
        except ValidationError as error:  # the question stays open
            return replace(asked, notice=f"That is no decision: {error.errors()[0]['msg']}.")
        return self.step

    def index(self) -> None:
        """Let `study ask` find the session; what cannot be indexed now is when it is next asked."""
        with suppress(StudyError), self._app.index() as index:
            index.sync(embed=EMBED_NOW)


def summary_thread(day: str) -> str:
    """Give the thread of a day's session: always the same, so that one lock guards it."""
    return str(uuid5(NAMESPACE_URL, f"study:session:{day}"))


@contextmanager
def day_summary(app: App, day: str, since: str = "") -> Iterator[Summary]:
    """Open a day (`2026-11-24`, today, yesterday; "" is today) under its lock.

    Raises:
        BusyError: another terminal is at it.
        UsageError: the day or time cannot be understood.
    """
    date = span_of(day, since, app.clock.now()).date.isoformat()
    busy = "Another terminal is at this day's session."
    with app.threads() as threads, locked(app.settings.root, thread_lock(summary_thread(date)), seconds=0.2, busy=busy):
        tidy(app, threads)
        yield Summary(app, threads, date, since)
