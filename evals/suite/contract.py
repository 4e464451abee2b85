"""The nouns of the suite: a case, the subject that runs it, the scorer and the invariants that look at the output."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import BaseModel

from agent.domain.errors import StudyError
from agent.ports import Chat

Split = Literal["dev", "sealed"]
Value = Mapping[str, Any]
"""What a subject made of a case: JSON-plain, so that it can be kept, shown and scored again."""


@dataclass(frozen=True, slots=True)
class Case:
    """One input with what is right for it.

    `id` is unique within the subject and stays the same while the case means the same. `source` is what it was made
    from (a note's id, a recorded day, a gate situation): cases of one source stand or fall together, so the tests
    take them as a cluster. `split`: `dev` cases raise an alarm, `sealed` ones may confirm it. `slices` name groups
    that are reported apart, e.g. `{"kind": "boundary", "track": "02"}`. `marker` is a text of the case that its
    rendered prompt holds word for word; our own endpoint knows the case by it ("" where no prompt is sent). `weight`:
    it counts as so many cases of its source, where one kind would drown another.
    """

    id: str
    source: str
    split: Split
    input: Mapping[str, Any]
    expected: Mapping[str, Any] = field(default_factory=dict)
    slices: Mapping[str, str] = field(default_factory=dict)
    marker: str = ""
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Variant:
    """What is changed against the working tree: other texts for templates, other options for a component.

    `templates` maps a name such as `ask/answer` to the whole text of the file. The working tree is `CURRENT`; the
    baseline's arm and each planted defect are other variants. `rule` is the text that a defect took away: our own
    endpoint obeys it where the prompt has it.
    """

    name: str
    templates: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    why: str = ""
    rule: str = ""


CURRENT = Variant("current")


class Unparsed(StudyError):
    """The model answered and the answer cannot be used: a failure of the subject, scored 0."""


@dataclass(frozen=True, slots=True)
class Fixture:
    """A value whose quality is known: on `metric` every good one must score above every bad one."""

    metric: str
    good: bool
    case: Case
    value: Value


class Scorer(Protocol):
    """Scores a value against its case. No model judges a primary metric."""

    @property
    def version(self) -> str:
        """Bumped when a score can change."""
        ...

    @property
    def metrics(self) -> Sequence[str]:
        """Every metric, the primary one first; all lie in 0..1 and more is better."""
        ...

    @property
    def targets(self) -> Mapping[str, float]:
        """What good systems reach, by metric; for the report only."""
        ...

    @property
    def fixtures(self) -> Sequence[Fixture]:
        """At least one good and one bad value a metric."""
        ...

    def score(self, case: Case, value: Value) -> Mapping[str, float | None]:
        """One number a metric; None where a metric does not apply to the case or could not be measured.

        The primary metric always applies.
        """
        ...


class Invariant(Protocol):
    """What must never happen, whatever the average says."""

    @property
    def name(self) -> str:
        """For the report."""
        ...

    def broken(self, case: Case, value: Value) -> str:
        """One sentence on how the value breaks it, "" where it holds."""
        ...


class Subject(Protocol):
    """A prompt or component under test."""

    @property
    def name(self) -> str:
        """For `--only`, the baseline and the report: `writing`, `grading`, `answering`, `drafting`, `rationale`."""
        ...

    @property
    def title(self) -> str:
        """What a reader of the report knows it as."""
        ...

    @property
    def templates(self) -> Sequence[str]:
        """The prompt templates that it renders, `ask/answer`; empty for a component without prompts."""
        ...

    @property
    def schema(self) -> type[BaseModel] | None:
        """The structured reply that it asks for, None where it reads plain text."""
        ...

    @property
    def code(self) -> Sequence[str]:
        """Modules (dotted) whose source decides outputs and scores besides its own: `closure.deciding(__name__)`."""
        ...

    @property
    def uses_chat(self) -> bool:
        """Whether `run` needs a chat model."""
        ...

    @property
    def scorer(self) -> Scorer:
        """Gives the numbers; its first metric is the primary one."""
        ...

    @property
    def invariants(self) -> Sequence[Invariant]:
        """Looked at for every output."""
        ...

    @property
    def defects(self) -> Sequence[Variant]:
        """Planted damage that the suite must notice, at least one."""
        ...

    def cases(self) -> Sequence[Case]:
        """All cases, both splits, in a fixed order."""
        ...

    def versions(self) -> Mapping[str, str]:
        """Further parts of the fingerprint: `model` of a component without chat, `retrieval` for an index."""
        ...

    def run(self, case: Case, chat: Chat, options: Mapping[str, str]) -> Value:
        """What the product makes of the case, through the product's own code.

        `chat` counts, caches and times every call, and knows afterwards which of them failed: a subject need not
        care. Templates of the variant are in force (`graphs.prompts.replaced`); `options` are the variant's.

        Raises:
            Unparsed: the model's answer cannot be used.
            ModelError: the model failed.
        """
        ...

    def imitate(self, case: Case, user: str) -> tuple[str, str]:
        """A perfect and a flawed raw reply to the case's rendered prompt `user`, for our own endpoint.

        The flawed one must score clearly lower on the primary metric. Never called where `uses_chat` is False.
        """
        ...
