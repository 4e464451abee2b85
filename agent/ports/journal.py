"""Ports of the quiz: the answer key, the learner's history, fresh wordings, and time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from agent.domain.attempt import Attempt, Question
from agent.domain.note import Note


class Clock(Protocol):
    """The time. Passed in, so that a test or a simulation can set it."""

    def now(self) -> datetime:
        """Give the time in UTC, with its zone."""
        ...


class Notes(Protocol):
    """The answer keys."""

    def note(self, topic: str) -> Note:
        """Read the note of a topic.

        Raises:
            WorkspaceError: the topic has no note, or it is malformed.
        """
        ...

    def sha256(self, note: Note) -> str:
        """Hash the note's file as it is now."""
        ...


@dataclass(frozen=True, slots=True)
class Recorded:
    """Where a finished attempt and its session draft were written, relative to the workspace."""

    attempt: str
    session: str


class Journal(Protocol):
    """The learner's history of quizzes."""

    def attempts(self, topic: str) -> list[Attempt]:
        """Read the earlier attempts on a topic."""
        ...

    def record(self, attempt: Attempt) -> Recorded:
        """Write a finished attempt and draft its session; idempotent by the attempt's id."""
        ...

    def appeal(self, *, attempt: str, topic: str, question: Question, answer: str, verdict: str, case: str) -> str:
        """Store the learner's case against a verdict and give its path; idempotent by attempt and claim."""
        ...


class NoteGaps(Protocol):
    """Statements of the learner that the notes lack."""

    def said(self, statement: str) -> str:
        """Give the place (`path:line`) where the notes say it already, "" where they do not."""
        ...

    def propose(self, *, topic: str, statement: str, question: Question, appeal: str) -> None:
        """Propose that the topic's note gains it, on the appeal at this path; nothing is written into the note.

        Raises:
            UsageError: it says too little.
        """
        ...


class Wordings(Protocol):
    """Fresh wordings of authored questions and hints, where a chat model is there to make them."""

    def reworded(self, question: Question) -> str | None:
        """Give a rewording that is ready and passed its checks; None at once where there is none."""
        ...

    def hint(self, question: Question, answer: str) -> str | None:
        """Give a Socratic hint that does not say the answer; None where no model is there or its hint leaked."""
        ...
