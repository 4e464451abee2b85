"""A quiz attempt as it is kept in `progress/attempts/`: every question, answer and verdict, and what came of it."""

import hashlib
import json
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

from agent.domain.verdict import ClaimKind, VerdictName

Action = Literal["answer", "hint", "skip", "explain", "appeal"]
QuestionKind = Literal["ask", "follow_up", "own_words", "probe"]


def content_hash(value: Any) -> str:
    """Hash JSON-plain data: sha256 over its canonical form (sorted keys, no spaces, UTF-8)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Record(BaseModel):
    """Base of everything that is stored as JSON: immutable, and unknown keys are an error, not a silent loss."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Question(Record):
    """A question as it was put. `index` is the authored question it is, or was reworded from."""

    claim: str
    kind: QuestionKind
    text: str
    source: Literal["authored", "model"] = "authored"
    index: int = Field(default=0, ge=0)


class Judged(Record):
    """One claim's verdict on one answer; `claim_hash` pins the text that was judged.

    Kind `misconception`: the claim is a false statement of the note, and covered means that it was asserted.
    """

    claim: str
    kind: ClaimKind
    name: VerdictName
    p_covered: float = Field(ge=0, le=1)
    p_contradicted: float = Field(ge=0, le=1)
    quote: str = ""
    abstain: bool = False
    claim_hash: str = ""

    def surely(self, name: VerdictName) -> bool:
        """Whether this is the verdict, and not a guess."""
        return self.name == name and not self.abstain


class Turn(Record):
    """One message of the learner to one question. `text` is the learner's own; a hint keeps what was shown."""

    question: Question
    action: Action
    text: str
    at: datetime
    copied: bool = False
    shown: str = ""
    verdicts: tuple[Judged, ...] = ()

    @field_validator("at")
    @classmethod
    def _utc(cls, value: datetime) -> datetime:
        if value.utcoffset() is None:
            raise ValueError("a time needs its zone")
        return value


Status = Literal["covered", "missing", "contradicted", "helped", "appealed", "open", "corrected", "voiced"]


class Standing(Record):
    """Where one claim stands at the end of a quiz.

    `helped`: answered after a hint or an explanation, so it counts only in a later sitting. `appealed`: the learner
    disputes the verdict. `open`: never asked. `voiced` and `corrected` are for misconceptions. `origin` is `quiz`
    or the id of the earlier attempt that it was carried over from. `claim_hash` pins the text that was judged.
    `covered_at`: when it was covered or set right without help, which is what carries over.
    """

    claim: str
    kind: ClaimKind
    status: Status
    p_covered: float = 0.0
    quote: str = ""
    origin: str = "quiz"
    claim_hash: str = ""
    covered_at: datetime | None = None


class Attempt(Record):
    """A finished quiz. `id` is a UUID, times are UTC; `sha256` is the content hash of everything else.

    `scope` lists the claims of a re-check; a quiz for a level has none, and neither had attempts of before: an empty
    scope leaves no trace in the hash.
    """

    id: str
    topic: str
    note: str
    note_sha256: str
    started: datetime
    finished: datetime
    state: Literal["passed", "not_passed", "stopped"]
    reasons: tuple[str, ...]
    standings: tuple[Standing, ...]
    turns: tuple[Turn, ...]
    versions: dict[str, str]
    scope: tuple[str, ...] = ()
    sha256: str = ""

    @property
    def passed(self) -> bool:
        """What the attempt says of itself; a gate recomputes it (`agent.domain.pass_rule.recheck`)."""
        return self.state == "passed"

    def computed_hash(self) -> str:
        """Hash the content, leaving out the stored hash."""
        absent = set() if self.scope else {"scope"}
        return content_hash(self.model_dump(mode="json", exclude={"sha256"} | absent))

    def sealed(self) -> Self:
        """Give the attempt with its hash filled in."""
        return self.model_copy(update={"sha256": self.computed_hash()})
