"""The quiz of one simulated learner, or two sittings of it, through the graph that the product runs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
    """What came of it: the last sitting's attempt; `answers` counts those of all sittings together."""

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
    """Keeps the attempts of one learner."""

    def __init__(self) -> None:
        self.recorded: list[Attempt] = []

    def attempts(self, topic: str) -> list[Attempt]:
        return self.recorded

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

    def sleep(self) -> None:
        self._now += timedelta(days=1)


@cache
def _graph() -> "CompiledStateGraph[Any, Any, Any, Any]":
    from langgraph.checkpoint.memory import InMemorySaver

    from graphs.quiz import build_quiz

    return build_quiz().compile(checkpointer=InMemorySaver())


def play(learner: Learner, grader: Grader, policy: Policy) -> Played:
    """Let a learner answer until the quiz closes; who sits twice does so the next day, where the first did not pass."""
    journal, clock = _Journal(), _Clock()
    _sit(learner, grader, policy, journal, clock)
    if learner.kind == "knows all, second sitting" and not journal.recorded[0].passed:
        clock.sleep()
        _sit(replace(learner, sitting=1), grader, policy, journal, clock)
    answers = sum(turn.action == "answer" for attempt in journal.recorded for turn in attempt.turns)
    return Played(learner, journal.recorded[-1].passed, answers, journal.recorded[-1])


def _sit(learner: Learner, grader: Grader, policy: Policy, journal: _Journal, clock: _Clock) -> None:
    from graphs.quiz import QuizContext

    graph = _graph()
    id = str(uuid5(NAMESPACE_OID, f"{learner.kind}/{learner.sheet.note.id}/{learner.seed}/{learner.sitting}"))
    context = QuizContext(
        notes=_Notes(learner.sheet.note),
        journal=journal,
        grader=grader,
        wordings=_Wordings(),
        clock=clock,
        policy=policy,
        versions={"grader": grader.version},
    )
    config: Any = {"configurable": {"thread_id": id}}
    state = graph.invoke({"topic": learner.sheet.note.id, "quiz_id": id}, config, context=context)
    may_appeal = learner.kind == "knows all, appeals"
    for count in range(_ANSWERS):
        if state["phase"] == "closed":
            break
        if may_appeal and _is_refused(state, learner.sheet.note):
            may_appeal = False  # one core claim may rest on an appeal
            message = "/appeal It is right, in other words than the note's."
        else:
            message = learner.answer(Question.model_validate(state["question"]), count)
        # A slash at the start of an answer would be a command.
        state = graph.invoke({"message": message}, config, context=context)
    graph.checkpointer.delete_thread(id)  # type: ignore[union-attr]


def _is_refused(state: Mapping[str, Any], note: Note) -> bool:
    """Whether the last answer was about a core claim, did not cover it, and the quiz goes on with something else."""
    if not state["turns"]:
        return False
    last = Turn.model_validate(state["turns"][-1])
    claim = note.claim(last.question.claim)
    is_left = claim is not None and state["question"]["claim"] != claim.id and claim.id not in state["heard"]
    return is_left and claim is not None and claim.kind == "core" and last.action == "answer"


def asked(played: Played) -> list[tuple[Turn, bool]]:
    """Pairs of a turn and whether the claim that it asked was accepted in that turn."""
    out: list[tuple[Turn, bool]] = []
    for turn in played.attempt.turns:
        verdict = next((v for v in turn.verdicts if v.claim == turn.question.claim), None)
        sure = verdict is not None and verdict.name == "covered" and not verdict.abstain and not turn.copied
        out.append((turn, sure))
    return out
