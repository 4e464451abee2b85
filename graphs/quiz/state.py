"""State of a quiz: JSON-plain, without note text; everything about progress follows from `turns`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

from agent.domain.quiz import Policy
from agent.ports import Clock, Grader, Journal, NoteGaps, Notes, Wordings

# Raised when a thread of an older shape could not go on with the nodes of this one.
FLOW_VERSION = 1


def keep_first(before: str, given: str) -> str:
    """Keep what a thread began with: a later message must not move its turns to another topic or attempt."""
    return before or given


def keep_first_list(before: list[str], given: list[str]) -> list[str]:
    """Keep what a thread began with, as above."""
    return before or given


class QuizInput(TypedDict, total=False):
    """A run's input: the first one names `topic`, and a UUID as `quiz_id` or none; every later one is a `message`.

    `scope` makes it a re-check, which asks for these claims of the note and proposes no level.
    """

    topic: Annotated[str, keep_first]
    quiz_id: Annotated[str, keep_first]
    scope: Annotated[list[str], keep_first_list]
    message: str


class QuizState(QuizInput, total=False):
    """What a checkpoint holds.

    `turns` are `agent.domain.attempt.Turn` and `question` is a `Question`, both as JSON. `phase` routes the next
    run. `notice` is one sentence about the last message for the learner, `heard` the claims that the last answer
    covered, `settled` what it made of misconceptions: the `claim`, whether it is `set_right` (and the `quote` that did
    it) or else asked `again`. `result` is set when the quiz closed.
    """

    flow_version: int
    phase: Literal["asking", "closed"]
    started: str
    turns: list[dict[str, Any]]
    question: dict[str, Any] | None
    stop: bool
    heard: list[str]
    settled: list[dict[str, Any]]
    notice: str
    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class QuizContext:
    """What the nodes need from outside, given to each run. `versions` is recorded with the attempt.

    Without `gaps`, `/note` is an appeal and no more.
    """

    notes: Notes
    journal: Journal
    grader: Grader
    wordings: Wordings
    clock: Clock
    policy: Policy
    versions: Mapping[str, str]
    gaps: NoteGaps | None = None
