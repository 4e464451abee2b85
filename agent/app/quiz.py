"""Running a quiz: one thread under its lock, a message in, events out."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pydantic import ValidationError

from agent.adapters.checkpoints.sqlite import Threads, config
from agent.app.container import App
from agent.app.note_gap import WorkspaceNoteGaps
from agent.app.wordings import ModelWordings, NoWordings
from agent.domain.asking import upcoming
from agent.domain.attempt import Attempt, Question, Turn
from agent.domain.errors import BusyError, ConflictError, GateError, StudyError, UsageError
from agent.domain.happened import quiz_finished, quiz_paused
from agent.domain.note import Note
from agent.domain.proposal import Proposal
from agent.domain.quiz import for_recheck, history_of
from agent.domain.text import neutralise
from agent.ports import Journal, Recorded, Wordings
from agent.workspace.files import locked, sweep
from agent.workspace.workspace import Appeal, Workspace

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.types import StateSnapshot

    from graphs.quiz import QuizContext

Event = dict[str, Any]
WAIT_FOR_THREAD = 0.2  # seconds; a quiz in another terminal will not end while we wait


@dataclass(frozen=True, slots=True)
class WorkspaceNotes:
    """The `Notes` port on the workspace."""

    workspace: Workspace

    def note(self, topic: str) -> Note:
        """Read a topic's note."""
        return self.workspace.note(topic)

    def sha256(self, note: Note) -> str:
        """Hash its file."""
        return self.workspace.note_sha256(note)


@dataclass(frozen=True, slots=True)
class WorkspaceJournal:
    """The `Journal` port on the workspace."""

    app: App

    def attempts(self, topic: str) -> list[Attempt]:
        """Read earlier attempts."""
        return self.app.workspace.topic_attempts(topic)

    def record(self, attempt: Attempt) -> Recorded:
        """Write an attempt and draft its session."""
        path, session = self.app.workspace.record(attempt)
        self.app.workspace.events.try_add(quiz_finished(attempt, path, session))
        return Recorded(path, session)

    def appeal(self, *, attempt: str, topic: str, question: Question, answer: str, verdict: str, case: str) -> str:
        """Store an appeal."""
        record = Appeal(
            id=f"{attempt}-{question.claim}",
            attempt=attempt,
            topic=topic,
            claim=question.claim,
            question=question.text,
            answer=answer,
            verdict=verdict,
            case=case,
            at=self.app.clock.now().isoformat(),
        )
        found = self.app.workspace.appeals.find(record.id)
        return found[0] if found else self.app.workspace.appeals.write(self.app.clock.now(), record)


def quiz_context(app: App, wordings: Wordings, journal: Journal) -> "QuizContext":
    """Bind the ports of the quiz to the workspace."""
    from graphs.quiz import QuizContext

    return QuizContext(
        notes=WorkspaceNotes(app.workspace),
        journal=journal,
        grader=app.grader,
        wordings=wordings,
        clock=app.clock,
        policy=app.policy,
        versions=app.versions,
        gaps=WorkspaceNoteGaps(app),
    )


@dataclass(frozen=True, slots=True)
class OpenQuiz:
    """A paused quiz."""

    thread: str
    topic: str
    answers: int
    started: str


class QuizRun:
    """One quiz thread. Messages go in, events come out; the state is on disk after each of them."""

    def __init__(self, app: App, threads: Threads, thread: str) -> None:
        from graphs.quiz import build_quiz

        self.thread = thread
        self._app, self._threads = app, threads
        self._graph: CompiledStateGraph[Any, Any, Any, Any] = threads.compile(build_quiz())
        self._config = config(thread)
        chat = app.chat
        self._wordings = ModelWordings(chat, self._note) if chat is not None else None
        self._context = quiz_context(app, self._wordings or NoWordings(), WorkspaceJournal(app))
        self._heard: dict[str, Any] = {}  # the state after the last message of this sitting

    @property
    def state(self) -> dict[str, Any]:
        """The thread's state as it is on disk."""
        return dict(self._graph.get_state(self._config).values)

    def begin(self, topic: str, scope: Sequence[str] = ()) -> Iterator[Event]:
        """Start a new quiz, with a `scope` a re-check of these claims, and ask the first question."""
        if self._threads.notice:
            yield {"event": "notice", "text": self._threads.notice}
        yield from self._run({"topic": topic, "quiz_id": self.thread, "scope": list(scope)})

    def resume(self) -> Iterator[Event]:
        """Go on where the thread stands: finish what a dead process began, then put the question that is open."""
        snapshot = self._graph.get_state(self._config)
        self._check_version(snapshot.values)
        # Not `next`: it leaves out a step that was done and saved, but not yet taken into the state.
        if snapshot.tasks:
            shown = _turns_before(snapshot)
            yield from self._run(None, shown)
        elif snapshot.values.get("phase") == "closed":
            yield from self._closed(snapshot.values)
        else:
            yield self._question(snapshot.values)
            self._prepare(snapshot.values)

    def send(self, message: str) -> Iterator[Event]:
        """Take a message of the learner."""
        if self._wordings is not None:
            self._wordings.pause()
        yield from self._run({"message": message})

    def close(self) -> None:
        """Stop the background work; the thread stays as it is. A sitting left in the middle is an event of its day."""
        if self._wordings is not None:
            self._wordings.close()
        state = self._heard
        if state.get("phase") == "asking":
            answers = sum(turn["action"] == "answer" for turn in state.get("turns", []))
            if answers:  # who only looked at the first question has not studied
                event = quiz_paused(self.thread, state["topic"], answers, self._app.clock.now())
                self._app.workspace.events.try_add(event)

    def _run(self, given: dict[str, Any] | None, turns_before: int | None = None) -> Iterator[Event]:
        if turns_before is None:
            turns_before = len(self.state.get("turns", []))
        moved = False
        try:
            for step in self._graph.stream(
                given, self._config, context=self._context, stream_mode="updates", durability="sync"
            ):
                moved = True
                for update in step.values():
                    for turn in (update or {}).get("turns", [])[turns_before:]:
                        yield _turn_event(Turn.model_validate(turn), update)
        except StudyError:
            if "phase" not in self.state:
                self._threads.delete(self.thread)  # it never began, so there is nothing to go on with
            raise
        state = self.state
        if given is not None and "message" in given:
            self._heard = state
        if moved and state.get("notice"):
            yield {"event": "notice", "text": neutralise(state["notice"])}
        if state.get("phase") == "closed":
            yield from self._closed(state)
        else:
            yield self._question(state)
            self._prepare(state)

    def _closed(self, state: dict[str, Any]) -> Iterator[Event]:
        result = state["result"]
        try:
            proposal = self._propose(result)
        finally:
            self._threads.delete(self.thread)
        yield {"event": "result", **result, "proposal": proposal.id if proposal else None}

    def _propose(self, result: dict[str, Any]) -> Proposal | None:
        if result["attempt"] is None:
            return None
        try:
            if result.get("scope"):
                return self._app.promotions.propose_from_recheck(result["attempt"])
            if not result["passed"]:
                return None
            return self._app.promotions.propose_from_attempt(result["attempt"])
        except GateError:
            raise
        except StudyError:
            return None  # the attempt is on file; `study review` proposes it as soon as it can be

    def _question(self, state: dict[str, Any]) -> Event:
        question = state["question"]
        answers = sum(turn["action"] == "answer" for turn in state["turns"])
        return {
            "event": "question",
            "thread": self.thread,
            "n": answers + 1,
            "claim": question["claim"],
            "kind": question["kind"],
            "source": question["source"],
            "text": neutralise(question["text"]),
        }

    def _prepare(self, state: dict[str, Any]) -> None:
        if self._wordings is None:
            return
        from datetime import datetime

        note = self._app.workspace.note(state["topic"])
        now = Question.model_validate(state["question"])
        claim = note.claim(now.claim)
        if claim is not None:
            self._app.expect(now.text, claim.text)
        turns = [Turn.model_validate(turn) for turn in state["turns"]]
        earlier = self._app.workspace.topic_attempts(state["topic"])
        history = history_of(note, earlier, datetime.fromisoformat(state["started"]), self._app.policy)
        scope = state.get("scope") or []
        history = for_recheck(history) if scope else history
        self._wordings.prepare(upcoming(note, turns, history, self._app.policy, now=now, scope=scope)[:2])

    def _note(self) -> Note:
        return self._app.workspace.note(self.state["topic"])

    def _check_version(self, state: dict[str, Any]) -> None:
        from graphs.quiz import FLOW_VERSION

        fits = state.get("flow_version", FLOW_VERSION) == FLOW_VERSION
        try:
            for turn in state.get("turns", []):
                Turn.model_validate(turn)
            if state.get("question"):
                Question.model_validate(state["question"])
        except ValidationError:
            fits = False
        if not fits:
            self._threads.delete(self.thread)
            raise StudyError(
                "This quiz was begun by another version and cannot go on; start it anew (earlier attempts count)."
            )


def _turns_before(snapshot: "StateSnapshot") -> int:
    """Count the turns without one whose step was saved as a process died: nobody has seen its verdict."""
    turns = len(snapshot.values.get("turns", []))
    return turns - any("turns" in (task.result or {}) for task in snapshot.tasks)


def _turn_event(turn: Turn, update: dict[str, Any]) -> Event:
    number = len(update["turns"])
    if turn.action != "answer":
        return {"event": turn.action, "n": number, "claim": turn.question.claim}
    return {
        "event": "judged",
        "n": number,
        "claim": turn.question.claim,
        "copied": turn.copied,
        "covered": update.get("heard", []),
        "misconceptions": update.get("settled", []),
        "verdicts": [
            {
                "claim": v.claim,
                "kind": v.kind,
                "verdict": v.name,
                "p": round(v.p_covered, 3),
                "abstain": v.abstain,
                "quote": v.quote,
            }
            for v in turn.verdicts
        ],
    }


def open_quizzes(threads: Threads) -> list[OpenQuiz]:
    """List the quizzes that wait for an answer, the latest first."""
    from graphs.quiz import build_quiz

    graph = threads.compile(build_quiz())
    found = (_open_quiz(threads, graph, thread) for thread in threads.ids())
    return [quiz for quiz in found if quiz is not None]


def _open_quiz(threads: Threads, graph: "CompiledStateGraph[Any, Any, Any, Any]", thread: str) -> OpenQuiz | None:
    if "quiz_id" not in threads.saved(thread):
        return None  # an approval's thread, which this graph must not read
    values = graph.get_state(config(thread)).values
    if values.get("quiz_id") != thread or "topic" not in values:
        return None
    # Whatever version wrote them: counting must not fail, `QuizRun.resume` tells whether they fit.
    turns = [turn for turn in values.get("turns", []) if isinstance(turn, dict)]
    answers = sum(turn.get("action") == "answer" for turn in turns)
    return OpenQuiz(thread, values["topic"], answers, values.get("started", ""))


def thread_lock(thread: str) -> str:
    """Name the lock of a thread."""
    return f"thread-{thread}"


def tidy(app: App, threads: Threads) -> None:
    """Forget what dead processes left: threads that nobody can go on with, old locks, unfinished files.

    A thread whose lock is held is in use. Conversations with the notes are kept for follow-ups.
    """
    for thread in threads.ids():
        if _is_stale(threads, thread):
            with suppress(BusyError), locked(app.settings.root, thread_lock(thread), seconds=0):
                if _is_stale(threads, thread):
                    threads.delete(thread)
    sweep(app.settings.root)


def _is_stale(threads: Threads, thread: str) -> bool:
    """Whether nobody can go on: a quiz that never began, or an approval.

    Approvals are asked anew: the proposal, or the draft of a session, is a file.
    """
    from graphs.quiz import build_quiz

    saved = threads.saved(thread)
    if "quiz_id" in saved:
        return _open_quiz(threads, threads.compile(build_quiz()), thread) is None
    return "proposal" in saved or "day" in saved or not saved


@contextmanager
def quiz_run(app: App, *, topic: str | None = None, thread: str | None = None, new: bool = False) -> Iterator[QuizRun]:
    """Open a quiz under its lock: the thread named, the paused one on the topic, or a new one.

    Raises:
        BusyError: it is open in another terminal.
        ConflictError: it was finished in another terminal a moment ago.
        UsageError: there is no such thread.
    """
    with app.threads() as threads:
        tidy(app, threads)
        paused = open_quizzes(threads)
        chosen = _choose(paused, topic, thread, new=new)
        busy = (
            "This quiz is open in another terminal; go on there, or start another one with --new."
            if chosen is not None
            else ""
        )
        name = chosen or str(uuid4())
        with locked(app.settings.root, thread_lock(name), seconds=WAIT_FOR_THREAD, busy=busy):
            run = QuizRun(app, threads, name)
            if chosen is not None and not run.state:
                raise ConflictError("This quiz was just finished in another terminal; `study quiz` starts another one.")
            try:
                yield run
            finally:
                run.close()


def _choose(paused: list[OpenQuiz], topic: str | None, thread: str | None, *, new: bool) -> str | None:
    if new:
        return None
    if thread is not None:
        match = [quiz.thread for quiz in paused if quiz.thread == thread or quiz.thread.startswith(thread)]
        if len(match) != 1:
            raise UsageError(f"There is no paused quiz {thread!r}; `study resume --list` lists them.")
        return match[0]
    return next((quiz.thread for quiz in paused if topic is None or quiz.topic == topic), None)
