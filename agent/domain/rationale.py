"""A model's opinion of a change's evidence. It counts for nothing, and is shown only where it contradicts nothing.

The gate alone decides whether a level may be proposed; what a model says has to agree with it, cite what exists, get
the numbers right and claim no change. One fault and all of it is dropped.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, Field, field_validator

from agent.domain.gate import Requirement
from agent.domain.level import Level
from agent.domain.text import fold, one_line, words

MAX_COMMENT = 500
MAX_EXCERPT = 260
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_PATH = re.compile(r"(?<![\w/.-])[\w.-]+(?:/[\w.-]+)+")
_ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){0,3}(?:-[0-9a-f]{12})?\b")
_LEVEL = re.compile(r"\bl\s?([0-9])\b|\blevels? (?:of )?([0-9])\b")
_DONE = (
    "promoted|approved|upgraded|raised|demoted|lowered|changed|granted|awarded|advanced|moved|accepted|confirmed|set"
)
# A change that is told as made, or made by the sentence itself.
_CHANGE = re.compile(
    rf"\b(?:was|were|is|are|been|being|has|have|had|got|gets|now)\s+(?:\w+\s+){{0,2}}(?:{_DONE})\b"
    rf"|\b(?:i|we)\s+(?:\w+\s+)?(?:approve|promote|raise|upgrade|grant|confirm|accept|{_DONE})\b"
    r"|\b(?:is|are|stands?|moves?|rises?|goes|advances?|reache[sd]|becomes?|became)\s+(?:now\s+|already\s+)?(?:at|to)?\s*"
    r"(?:level\s+)?l?[1-5]\b(?!\s*(?:of|/|claims?|core|runs?|variants?))"
    r"|\bcongratulations\b"
)
_NOT = r"(?:not|no|never|n't|cannot|lacks?|without|missing|insufficient|incomplete|fails?)"
_ENOUGH = re.compile(
    r"\b(?:ready|qualif\w+|meets?|met|satisf\w+|sufficient|enough|fulfil\w*|deserves?|complete[sd]?|open|approve)\b"
)
_SENTENCE_END = re.compile(r"[.!?](?=\s)")
_DENIED = re.compile(rf"\b{_NOT}\b")


class Rationale(BaseModel):
    """What the model is asked for: the gate as it was told, the evidence it speaks of, and what it thinks of it."""

    gate: Literal["open", "closed"]
    cites: list[str] = Field(min_length=1, max_length=4)
    strength: Literal["strong", "fair", "thin"]
    comment: str = Field(min_length=1, max_length=MAX_COMMENT)

    @field_validator("comment", mode="before")
    @classmethod
    def _sentences_that_fit(cls, value: object) -> object:
        """Cut a comment that is too long after its last whole sentence; what is left is checked like any other."""
        if not isinstance(value, str) or len(value) <= MAX_COMMENT:
            return value
        ends = [match.end() for match in _SENTENCE_END.finditer(value) if match.end() <= MAX_COMMENT]
        return value[: ends[-1]] if ends else value


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A piece of evidence as the model sees it: `name` is short (`E1`), `summary` what code read in the file."""

    name: str
    path: str
    summary: str


@dataclass(frozen=True, slots=True)
class GateReport:
    """A change, what its gates say, and its evidence. `attempt` is the id of the quiz behind it, "" without one."""

    topic: str
    topic_text: str
    from_level: Level
    to_level: Level
    requirements: tuple[Requirement, ...]
    exhibits: tuple[Exhibit, ...]
    attempt: str = ""

    @property
    def gate(self) -> Literal["open", "closed"]:
        """The gate's decision, which is not the model's to make."""
        return "open" if all(requirement.met for requirement in self.requirements) else "closed"

    @property
    def for_model(self) -> str:
        """The report as lines for a prompt."""
        lines = [f"Change: {one_line(self.topic_text)}, {self.from_level} to {self.to_level}"]
        for item in self.requirements:
            mark = "met" if item.met else f"missing ({one_line(item.reason, MAX_EXCERPT)})"
            lines.append(f"{item.level} {one_line(item.what)}: {mark}")
        lines += [f"[{e.name}] {one_line(e.path)}: {one_line(e.summary, MAX_EXCERPT)}" for e in self.exhibits]
        return "\n".join(lines)


def rationale_fault(given: Rationale, report: GateReport) -> str:
    """Say in a clause why an opinion is not shown; "" where nothing speaks against it."""
    if given.gate != report.gate:
        return f"it says that the gate is {given.gate}, and it is {report.gate}"
    known = {name for exhibit in report.exhibits for name in (exhibit.name, exhibit.path)} | {report.attempt} - {""}
    foreign = next((name for name in given.cites if name.strip("[] ") not in known), None)
    if foreign is not None:
        return f"it cites {foreign[:80]!r}, which is no evidence of this change"
    text = " ".join(fold(given.comment).split())
    return next((found for found in _faults(text, given, report) if found), "")


def _faults(text: str, given: Rationale, report: GateReport) -> Iterable[str]:
    source = fold(f"{report.for_model} {report.attempt} {report.topic}")
    yield _unknown_name(text, source, report)
    allowed = set(_NUMBER.findall(source))
    yield next((f"the number {n} is in no evidence" for n in _NUMBER.findall(text) if n not in allowed), "")
    levels = {int(report.from_level), int(report.to_level), *(int(r.level) for r in report.requirements)}
    said = [int(match[1] or match[2]) for match in _LEVEL.finditer(text)]
    yield next((f"the level {n} is not what this is about" for n in said if n not in levels), "")
    claimed = next((found[0] for found in _CHANGE.finditer(text) if not _is_reason(text, found, report)), "")
    yield f"it tells a change as made ({claimed!r}), and nothing is changed before a person decides" if claimed else ""
    yield _contradiction(text, report.gate)
    if len(words(given.comment)) < 4:
        yield "it says nothing"


def _unknown_name(text: str, source: str, report: GateReport) -> str:
    names = {exhibit.name.casefold() for exhibit in report.exhibits}
    for label in re.findall(r"\be\d+\b", text):
        if label not in names:
            return f"there is no {label.upper()}"
    for name in [*_PATH.findall(text), *_ID.findall(text)]:
        if name.rstrip(".") not in source:
            return f"{name[:80]!r} is in no evidence"
    return ""


def _is_reason(text: str, found: re.Match[str], report: GateReport) -> bool:
    """Whether it is, with the words before it, what code gives as a reason: "the attempt was changed after …"."""
    before = text[: found.start()].split()[-2:]
    reasons = fold(" ".join(requirement.reason for requirement in report.requirements))
    return len(before) == 2 and " ".join([*before, found[0]]) in " ".join(reasons.split())


def _contradiction(text: str, gate: str) -> str:
    """A closed gate must not be called open, nor an open one closed; a strength or weakness may be named either way."""
    for sentence in re.split(r"(?<=[.!?;])\s+", text):
        enough, denied = _ENOUGH.search(sentence), _DENIED.search(sentence)
        if gate == "closed" and enough and not denied:
            return f"the gate is closed, and it says {enough[0]!r}"
        if gate == "open" and re.search(r"\b(?:gate|requirements?)\b", sentence) and denied:
            return "the gate is open, and it says otherwise"
    return ""
