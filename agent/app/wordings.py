"""Fresh wordings of authored questions, made by the chat model while the learner types."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Protocol

from pydantic import BaseModel, Field

from agent.domain.attempt import Question
from agent.domain.errors import ModelError
from agent.domain.note import Note
from agent.domain.text import neutralise
from agent.domain.wording import wording_fault
from agent.ports import Chat
from graphs.prompts import prompt

MAX_TOKENS = 80


class RewordedQuestion(BaseModel):
    """What the model is asked for, reworded or as a hint."""

    question: str = Field(min_length=1, max_length=400)


@dataclass(frozen=True, slots=True)
class Wording:
    """A rewording as the model wrote it; `fault` says why it must not be asked, None where it may."""

    text: str
    fault: str | None


def reword(chat: Chat, question: str, *, claim: str, topic: str) -> Wording | None:
    """Let the model reword a question and judge the result; None where the reply has not the form asked for.

    The model is not told the claim: what a small model was told to keep secret, it wrote into the question.

    Raises:
        ModelError: the model failed.
    """
    request = prompt("quiz/reword", topic=topic, question=question)
    reply = chat.structured(request, RewordedQuestion, max_tokens=MAX_TOKENS)
    if reply is None:
        return None
    text = neutralise(reply.question).strip()
    return Wording(text, wording_fault(text, claim=claim, authored=question, topic=topic))


class CancellableChat(Chat, Protocol):
    """A chat model whose replies can be given up from another thread."""

    def cancel(self) -> None:
        """Give up every reply in progress."""
        ...


class NoWordings:
    """Without a chat model the authored questions are asked as they are."""

    def reworded(self, question: Question) -> str | None:
        """Give none."""
        return None

    def hint(self, question: Question, answer: str) -> str | None:
        """Give none."""
        return None


class ModelWordings:
    """Rewords the questions that are likely to come next, in one background thread.

    A failure of the model is never an error of the quiz: the authored question is asked. After `failures` in a row
    the model is left alone. Nothing that leaks or drifts is used, whatever the model wrote.
    """

    failures = 3

    def __init__(self, chat: CancellableChat, note: Callable[[], Note]) -> None:
        self._chat, self._note = chat, note
        self._ready: dict[tuple[str, int], str] = {}
        self._wanted: SimpleQueue[Question] = SimpleQueue()
        self._worker: threading.Thread | None = None
        self._failed = 0
        self._pauses = 0
        self._closed = threading.Event()
        self.rejected: list[tuple[str, str]] = []

    def prepare(self, questions: Sequence[Question]) -> None:
        """Begin to reword these, in order; returns at once."""
        self._drain()
        for question in questions:
            if (question.claim, question.index) not in self._ready:
                self._wanted.put(question)
        if self._worker is None or not self._worker.is_alive():
            self._worker = threading.Thread(target=self._work, name="wordings", daemon=True)
            self._worker.start()

    def pause(self) -> None:
        """Give up what is being written, so that the processor is free for the grader."""
        self._pauses += 1
        self._drain()
        self._chat.cancel()

    def close(self) -> None:
        """Stop for good."""
        self._closed.set()
        self.pause()
        if self._worker is not None:
            # One that waits for the model to load ends with the model; who leaves must not wait for that.
            self._worker.join(timeout=0.5)

    def reworded(self, question: Question) -> str | None:
        """Give a wording that is ready."""
        return self._ready.pop((question.claim, question.index), None)

    def hint(self, question: Question, answer: str) -> str | None:
        """Ask the model for a Socratic question; None where it fails or gives the answer away."""
        self.pause()
        secret, topic = self._secret(question)
        if not secret:
            return None
        said = answer[:600] or "nothing yet"
        try:
            request = prompt("quiz/hint", topic=topic, question=question.text, claim=secret, answer=said)
            reply = self._chat.structured(request, RewordedQuestion, max_tokens=MAX_TOKENS)
        except ModelError:
            return None
        if reply is None:
            return None
        text = neutralise(reply.question).strip()
        fault = wording_fault(text, claim=secret, authored=question.text, topic=topic)
        # A hint may well ask something else than the question did; it must only be a question that leaks nothing.
        return text if fault in (None, "asks something else") else None

    def _secret(self, question: Question) -> tuple[str, str]:
        note = self._note()
        claim = note.claim(question.claim)
        return (claim.text if claim else ""), note.topic

    def _work(self) -> None:
        while not self._closed.is_set() and self._failed < self.failures:
            try:
                question = self._wanted.get_nowait()
            except Empty:
                return
            pauses = self._pauses
            try:
                self._reword(question)
            except ModelError:
                # A reply that we gave up ourselves is no failure of the model.
                self._failed += self._pauses == pauses

    def _reword(self, question: Question) -> None:
        secret, topic = self._secret(question)
        wording = reword(self._chat, question.text, claim=secret, topic=topic)
        if wording is None:
            self._failed += 1
            return
        self._failed = 0
        if wording.fault is None:
            self._ready[(question.claim, question.index)] = wording.text
        else:
            self.rejected.append((wording.text, wording.fault))

    def _drain(self) -> None:
        while True:
            try:
                self._wanted.get_nowait()
            except Empty:
                return
