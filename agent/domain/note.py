"""A track note: the answer key of one topic. `tracks/README.md` describes the format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from agent.domain.roadmap import Topic
from agent.domain.verdict import ClaimKind, ClaimText

Checked = Literal["full", "abstract", "not reached"]


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement that a learner can be asked for: kind `core`, `claim`, `boundary` or `term`.

    `text` and `questions` are plain text: no block id, no `(core)`, no emphasis, no back-ticks. A term reads
    `GQA: several query heads share …`.
    `line` is its bullet's line in the note, from 1.
    """

    id: str
    kind: ClaimKind
    text: str
    questions: tuple[str, ...]
    line: int

    def as_claim_text(self) -> ClaimText:
        """Give the claim as a grader takes it."""
        return ClaimText(id=self.id, text=self.text, kind=self.kind)


@dataclass(frozen=True, slots=True)
class Misconception:
    """A false statement, as a learner would say it, and what is true instead."""

    id: str
    statement: str
    correction: str
    line: int

    def as_claim_text(self) -> ClaimText:
        """Give the false statement as a grader takes it: covered means that the learner voiced it."""
        return ClaimText(id=self.id, text=self.statement, kind="misconception")


@dataclass(frozen=True, slots=True)
class Fence:
    """A code block; `info` follows the back-ticks (`python run`, `output`), `line` is that of the opening."""

    info: str
    code: str
    line: int


@dataclass(frozen=True, slots=True)
class Source:
    """A source and how much of it the note's author read; `checked` is None where the line does not say."""

    text: str
    checked: Checked | None
    line: int


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note. `claims` holds the bullets of Claims, Boundaries and Terms, in the order of the file.

    `topic` is the roadmap row's text, `towards` maps `L2`, `L3`, `L4` to their texts, `fences` are those of the
    worked example, `sections` maps the lower-cased title of every `##` heading to its line, `path` is relative to
    the workspace.
    """

    id: str
    topic: str
    title: str
    requires: tuple[str, ...]
    intro: str
    claims: tuple[Claim, ...]
    misconceptions: tuple[Misconception, ...]
    worked_example: str
    towards: Mapping[str, str]
    sources: tuple[Source, ...]
    fences: tuple[Fence, ...] = ()
    path: str = ""
    sections: Mapping[str, int] = field(default_factory=dict)

    @property
    def core(self) -> tuple[Claim, ...]:
        """What somebody at L1 must be able to say."""
        return self._of("core")

    @property
    def boundaries(self) -> tuple[Claim, ...]:
        """Where the topic's claims stop being true, and what it is not."""
        return self._of("boundary")

    @property
    def terms(self) -> tuple[Claim, ...]:
        """Key terms with their meaning."""
        return self._of("term")

    def claim(self, id: str) -> Claim | None:
        """Find the claim, boundary or term with this block id."""
        return next((claim for claim in self.claims if claim.id == id), None)

    def misconception(self, id: str) -> Misconception | None:
        """Find the misconception with this block id."""
        return next((item for item in self.misconceptions if item.id == id), None)

    def _of(self, kind: ClaimKind) -> tuple[Claim, ...]:
        return tuple(claim for claim in self.claims if claim.kind == kind)


def note_of(topic: Topic, notes: Sequence[Note]) -> Note | None:
    """Find the note of a roadmap row: the one with its id, else the one whose `topic` is the row's text."""
    by_id = next((note for note in notes if note.id == topic.id), None)
    return by_id or next((note for note in notes if note.topic == topic.text), None)
