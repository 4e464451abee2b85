"""One quiz of one simulated learner, through the graph that the product runs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, uuid5

from agent.domain.attempt import Attempt, Question, Turn
from agent.domain.note import Note
from agent.domain.quiz import Policy
from agent.domain.verdict import ClaimText, Verdict
from agent.ports import Grader, Recorded
from agent.workspace.files import write_text
from evals.simulation.learners import Learner

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

_START = datetime(2026, 1, 1, tzinfo=UTC)
_ANSWERS = 40  # a quiz that still asks then does not end by itself


class CachedGrader:
    """Keeps verdicts by (question, claim, answer), in memory and optionally in a file.

    Claims are judged by themselves, so one call for several is the same as several calls. The first of a call is the
    one that was asked about, and judged by other bands; it is kept apart, and stays first in what is judged anew.
    """

    def __init__(self, grader: Grader, path: Path | None = None) -> None:
        self._grader, self._path = grader, path
        self._known: dict[str, list[Any]] = self._kept() if path is not None else {}

    @property
    def version(self) -> str:
        """The grader's."""
        return self._grader.version

    def judge(self, question: str, claims: Sequence[ClaimText], answer: str) -> list[Verdict]:
        """Judge the claims that were not judged before."""
        keys = [json.dumps([question, claim.id, claim.text, answer, i == 0]) for i, claim in enumerate(claims)]
        new = [(key, claim) for key, claim in zip(keys, claims, strict=True) if key not in self._known]
        if new and new[0][0] != keys[0]:
            new.insert(0, (keys[0], claims[0]))
        if new:
            for (key, _), v in zip(new, self._grader.judge(question, [c for _, c in new], answer), strict=True):
                self._known[key] = [v.claim, v.name, v.p_covered, v.p_contradicted, v.quote, v.abstain]
        return [Verdict(*self._known[key]) for key in keys]

    def save(self) -> None:
        """Write the file, where one was given, whole or not at all."""
        if self._path is not None:
            text = json.dumps({"version": self.version, "verdicts": self._known}, ensure_ascii=False)
            write_text(self._path.parent, self._path.name, text)

    def _kept(self) -> dict[str, list[Any]]:
        """The file's verdicts by the same grader; an unreadable file counts as none, for it only saves time."""
        assert self._path is not None
        try:
            rows = json.loads(self._path.read_text(encoding="utf-8"))
            return dict(rows["verdicts"]) if rows["version"] == self.version else {}
        except (OSError, ValueError, KeyError, TypeError):
            return {}


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a quiz: `answers` counts the learner's messages."""

    learner: Learner
    passed: bool
    answers: int
    attempt: Attempt


class _Notes:
    def __init__(self, note: Note) -> None:
        self._note = note

    def note(self, topic: str) -> Note:
        return self._note

    def sha256(self, note: Note) -> str:
        return "0" * 64


class _Journal:
    """Keeps the attempt of this quiz; a simulated learner has no earlier ones."""

    def __init__(self) -> None:
        self.recorded: list[Attempt] = []

    def attempts(self, topic: str) -> list[Attempt]:
        return []

    def record(self, attempt: Attempt) -> Recorded:
        self.recorded.append(attempt)
        return Recorded("", "")

    def appeal(self, *, attempt: str, topic: str, question: Question, answer: str, verdict: str, case: str) -> str:
        return ""


class _Wordings:
    def reworded(self, question: Question) -> str | None:
        return None

    def hint(self, question: Question, answer: str) -> str | None:
        return None


class _Clock:
    def __init__(self) -> None:
        self._now = _START

    def now(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now


@cache
def _graph() -> "CompiledStateGraph[Any, Any, Any, Any]":
    from langgraph.checkpoint.memory import InMemorySaver

    from graphs.quiz import build_quiz

    return build_quiz().compile(checkpointer=InMemorySaver())


def play(learner: Learner, grader: Grader, policy: Policy) -> Played:
    """Let a learner answer until the quiz closes."""
    from graphs.quiz import QuizContext

    graph, journal = _graph(), _Journal()
    id = str(uuid5(NAMESPACE_OID, f"{learner.kind}/{learner.sheet.note.id}/{learner.seed}"))
    context = QuizContext(
        notes=_Notes(learner.sheet.note),
        journal=journal,
        grader=grader,
        wordings=_Wordings(),
        clock=_Clock(),
        policy=policy,
        versions={"grader": grader.version},
    )
    config: Any = {"configurable": {"thread_id": id}}
    state = graph.invoke({"topic": learner.sheet.note.id, "quiz_id": id}, config, context=context)
    for count in range(_ANSWERS):
        if state["phase"] == "closed":
            break
        message = learner.answer(Question.model_validate(state["question"]), count)
        # A slash at the start would be a command.
        state = graph.invoke({"message": message}, config, context=context)
    graph.checkpointer.delete_thread(id)  # type: ignore[union-attr]
    attempt = journal.recorded[0]
    answers = sum(turn.action == "answer" for turn in attempt.turns)
    return Played(learner, attempt.passed, answers, attempt)


def asked(played: Played) -> list[tuple[Turn, bool]]:
    """Pairs of a turn and whether the claim that it asked was accepted in that turn."""
    out: list[tuple[Turn, bool]] = []
    for turn in played.attempt.turns:
        verdict = next((v for v in turn.verdicts if v.claim == turn.question.claim), None)
        sure = verdict is not None and verdict.name == "covered" and not verdict.abstain and not turn.copied
        out.append((turn, sure))
    return out
