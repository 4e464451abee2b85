"""A quiz thread on a real checkpoint database, with the workspace behind its ports kept in memory."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.adapters.checkpoints import open_threads
from agent.adapters.checkpoints.sqlite import Threads, config
from agent.domain.attempt import Attempt, Question
from agent.domain.note import Note
from agent.ports import Grader, Recorded, Wordings
from graphs.quiz import QuizContext, build_quiz
from tests.helpers.fakes import FakeClock, MarkGrader
from tests.helpers.sittings import POLICY, quiz_note

THREAD = "6f3c1f0e-58e6-4d7a-9f65-3f3f6f0f1a11"


class MemoryNotes:
    """One note, which a test may edit."""

    def __init__(self, note: Note) -> None:
        self.current = note

    def note(self, topic: str) -> Note:
        """Give it."""
        assert topic == self.current.id
        return self.current

    def sha256(self, note: Note) -> str:
        """Give a hash of nothing."""
        return "0" * 64


class MemoryJournal:
    """Earlier attempts, and what the quiz records. `dies`: the process dies after the next record was written."""

    def __init__(self, earlier: Sequence[Attempt]) -> None:
        self.earlier = list(earlier)
        self.recorded: list[Attempt] = []
        self.appeals: list[dict[str, Any]] = []
        self.dies = False

    def attempts(self, topic: str) -> list[Attempt]:
        """Give what is on file."""
        return [*self.earlier, *self.recorded]

    def record(self, attempt: Attempt) -> Recorded:
        """Keep every call, to see what was written twice."""
        self.recorded.append(attempt)
        if self.dies:
            self.dies = False
            raise RuntimeError("died")
        return Recorded("progress/attempts/a.json", "sessions/s.md")

    def appeal(self, **values: Any) -> str:
        """Keep it."""
        self.appeals.append(values)
        return "progress/appeals/a.json"


class ListedWordings:
    """Rewordings and hints from lists; None where there is none left."""

    def __init__(self, rewordings: Sequence[str] = (), hints: Sequence[str] = ()) -> None:
        self._rewordings, self._hints = list(rewordings), list(hints)

    def reworded(self, question: Question) -> str | None:
        """Give the next one."""
        return self._rewordings.pop(0) if self._rewordings else None

    def hint(self, question: Question, answer: str) -> str | None:
        """Give the next one."""
        return self._hints.pop(0) if self._hints else None


class QuizBench:
    """One thread: messages in, state out."""

    def __init__(self, threads: Threads, context: QuizContext) -> None:
        self.graph = threads.compile(build_quiz())
        self.context = context

    def run(self, given: dict[str, Any] | None) -> dict[str, Any]:
        """Run to the next question."""
        self.graph.invoke(given, config(THREAD), context=self.context, durability="sync")
        return self.state

    def begin(self) -> dict[str, Any]:
        """Open the quiz."""
        return self.run({"topic": self.context.notes.note("kv-cache-scaling").id, "quiz_id": THREAD})

    def send(self, *messages: str) -> dict[str, Any]:
        """Send messages one after the other; give the state after the last."""
        for message in messages:
            self.run({"message": message})
        return self.state

    @property
    def state(self) -> dict[str, Any]:
        """The thread as it is on disk."""
        return dict(self.graph.get_state(config(THREAD)).values)

    @property
    def asked(self) -> str:
        """The open question, `kind claim`; "" where there is none."""
        question = self.state.get("question")
        return f"{question['kind']} {question['claim']}" if question else ""


@contextmanager
def quiz_bench(
    root: Path,
    *,
    note: Note | None = None,
    grader: Grader | None = None,
    earlier: Sequence[Attempt] = (),
    wordings: Wordings | None = None,
    journal: MemoryJournal | None = None,
) -> Iterator[QuizBench]:
    """Open the thread; opened again it goes on where it was, as in another process."""
    context = QuizContext(
        notes=MemoryNotes(note or quiz_note()),
        journal=journal or MemoryJournal(earlier),
        grader=grader or MarkGrader(),
        wordings=wordings or ListedWordings(),
        clock=FakeClock(),
        policy=POLICY,
        versions={"grader": "marks@1"},
    )
    with open_threads(root) as threads:
        yield QuizBench(threads, context)
