"""Scripted stand-ins for the ports: time, a grader that a test steers claim by claim, a chat that can be held."""

import re
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pydantic import BaseModel

from agent.domain.errors import ModelError
from agent.domain.verdict import ClaimText, Verdict, VerdictName
from agent.ports import Prompt
from tests.helpers.scripted_chat import ScriptedChat

T = TypeVar("T", bound=BaseModel)
START = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)  # one day of the year in nearly every time zone
_MARK = re.compile(r"(?<!\S)(?P<sign>[+?!-])(?P<claim>[a-z][\w.-]*?)(?:@(?P<p>[01]\.\d+))?(?=\s|$)")


class FakeClock:
    """A clock that a test sets; each reading is a second later, so that nothing happens twice at one time."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start

    def now(self) -> datetime:
        """Give the time, and let a second pass."""
        self._now += timedelta(seconds=1)
        return self._now

    def advance(self, **delta: float) -> None:
        """Let time pass (or run backwards), given as `timedelta` takes it."""
        self._now += timedelta(**delta)


class MarkGrader:
    """Judges by marks in the answer: `+c0` covers the claim c0, `-c0` contradicts it, `?c0` makes it abstain.

    `+c0@0.85` sets the probability; `!c0` covers it with a quote that the learner never said. `calls` keeps what was
    asked: the question, the ids of the claims, the answer.
    """

    version = "marks@1"

    def __init__(self, wait: Callable[[str], None] = lambda _: None) -> None:
        self.calls: list[tuple[str, tuple[str, ...], str]] = []
        self._wait = wait

    def judge(self, question: str, claims: Sequence[ClaimText], answer: str) -> list[Verdict]:
        """One verdict a claim."""
        self._wait(answer)
        self.calls.append((question, tuple(claim.id for claim in claims), answer))
        marks = {found["claim"]: found for found in _MARK.finditer(answer)}
        return [self._verdict(claim.id, marks.get(claim.id), answer) for claim in claims]

    @staticmethod
    def _verdict(claim: str, mark: re.Match[str] | None, answer: str) -> Verdict:
        if mark is None:
            return Verdict(claim, "missing", 0.02, 0.02, "", abstain=False)
        p = float(mark["p"] or 0.97)
        if mark["sign"] == "-":
            return Verdict(claim, "contradicted", 1 - p, p, mark[0], abstain=False)
        if mark["sign"] == "?":
            name: VerdictName = "covered"
            return Verdict(claim, name, float(mark["p"] or 0.5), 0.1, mark[0], abstain=True)
        quote = "words that nobody said" if mark["sign"] == "!" else answer[: mark.end()].strip()
        return Verdict(claim, "covered", p, 0.01, quote, abstain=False)


def until(condition: Callable[[], object]) -> None:
    """Wait for another thread to come so far; half a minute at most."""
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("the other thread never came so far")


class HeldChat(ScriptedChat):
    """A scripted chat model that can be held in the middle of a reply and cancelled.

    `started` is set when a reply begins. While `held` is set to an event, replies wait for it. Without replies left
    it is a model that fails.
    """

    def __init__(self, *replies: str | dict[str, Any] | ModelError) -> None:
        super().__init__(*replies)
        self.started = threading.Event()
        self.held: threading.Event | None = None
        self.cancelled = 0

    def structured(self, prompt: Prompt, schema: type[T], *, max_tokens: int) -> T | None:
        """Give the next reply, once it is not held any more."""
        self.started.set()
        cancelled = self.cancelled
        if self.held is not None:
            assert self.held.wait(10), "nobody let the reply go on"
        if self.cancelled != cancelled:
            raise ModelError("The reply was cancelled.")
        if not self.replies:
            self.asked.append(prompt)
            raise ModelError("The model has nothing more to say.")
        return super().structured(prompt, schema, max_tokens=max_tokens)

    def cancel(self) -> None:
        """Give up the reply in progress."""
        self.cancelled += 1
        if self.held is not None:
            self.held.set()

    def close(self) -> None:
        """Nothing to close."""
