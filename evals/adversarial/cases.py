"""Cases: one answer to one pinned claim, with the verdicts that are right for it.

`evals/cases/grading/README.md` says how they were written and labelled. The answer sheets of the simulation
(`evals/cases/quiz/answer_sheets`) are cases too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from agent.domain.errors import WorkspaceError
from agent.domain.note import Note
from agent.domain.verdict import ClaimText, VerdictName
from evals.adversarial import templates, variants
from evals.adversarial.pins import CASES, Stale, note_named, stale

Split = Literal["dev", "sealed"]
Source = Literal["hand", "sheet", "template", "variant"]

TRUTHFUL = ("terse", "long", "informal", "esl", "analogy")
LABELS: dict[str, tuple[VerdictName, ...]] = {
    **dict.fromkeys(TRUTHFUL, ("covered",)),
    "analogy": ("covered", "missing"),
    "partial": ("missing",),
    "vague": ("missing",),
    "wrong": ("contradicted", "missing"),
    "negated": ("contradicted", "missing"),
    "swapped": ("contradicted", "missing"),
    "stuffed": ("missing",),
    "injected": ("missing",),
    "near_copied": ("missing",),
    "copied": ("missing",),
    "empty": ("missing",),
    "off_topic": ("missing",),
    "voices": ("covered",),
    "denies": ("contradicted", "missing"),
    "refutes": ("contradicted", "missing"),
    "unrelated": ("missing",),
}
"""The right verdict of a style first, then others that do no harm. On a misconception, covered means voiced."""


@dataclass(frozen=True, slots=True)
class Case:
    """An answer to a claim of a note. `labels` are the acceptable verdicts, the right one first."""

    note: str
    claim: ClaimText
    question: str
    style: str
    answer: str
    labels: tuple[VerdictName, ...]
    split: Split
    source: Source

    @property
    def id(self) -> str:
        """`note^block/style`."""
        return f"{self.note}^{self.claim.id}/{self.style}"


def load_cases(split: Split | None = None, *, generated: bool = True) -> list[Case]:
    """Read all cases of a split (None: both), without those on claims that were edited since.

    `generated`: with the cases from templates and systematic variants.

    Raises:
        WorkspaceError: a file names a note, a block or a style that does not exist.
    """
    edited = {(item.note, item.block) for item in stale_pins()}
    written = [case for case in _written() if (case.note, case.claim.id) not in edited]
    cases = written + (_generated(written) if generated else [])
    return [case for case in cases if split in (None, case.split)]


def load_seen() -> list[Case]:
    """Read the answers to claims that the grader saw in training, from `evals/cases/grading-seen`.

    The answers are others than the training's, yet they prove nothing about new claims: they guard against a change
    for the worse on the notes that have no held-out cases, and are published as a slice of their own.
    """
    edited = {(item.note, item.block) for item in stale_pins()}
    return [case for case in _seen() if (case.note, case.claim.id) not in edited]


def stale_pins() -> list[Stale]:
    """List the blocks whose text is not the one that their cases were written for."""
    return stale(blocks())


def blocks() -> list[tuple[str, str]]:
    """List (note, block) of everything that cases were written for."""
    return [(case.note, case.claim.id) for case in (*_written(), *_seen())]


@cache
def _splits() -> dict[str, Split]:
    return dict(_read(CASES / "grading" / "split.yml"))


def split_of(note: str) -> Split:
    """Say which split a note's cases belong to.

    Raises:
        WorkspaceError: split.yml does not name the note.
    """
    if note not in _splits():
        raise WorkspaceError(f"split.yml does not say where {note!r} belongs; add it as dev or sealed.")
    return _splits()[note]


@cache
def _written() -> tuple[Case, ...]:
    grading = [case for path in sorted((CASES / "grading").glob("*.yaml")) for case in _grading_file(path)]
    sheets = [case for path in sorted((CASES / "quiz" / "answer_sheets").glob("*.yaml")) for case in _sheet(path)]
    return (*grading, *sheets)


@cache
def _seen() -> tuple[Case, ...]:
    return tuple(case for path in sorted((CASES / "grading-seen").glob("*.yaml")) for case in _grading_file(path))


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _grading_file(path: Path) -> Iterator[Case]:
    data = _read(path)
    note = note_named(data["note"])
    for block, answers in data["items"].items():
        for name, answer in answers.items():
            style, _, number = name.rpartition("_")
            yield _case(note, block, style if number.isdigit() else name, answer, "hand")


def _sheet(path: Path) -> Iterator[Case]:
    data = _read(path)
    note = note_named(data["note"])
    for block, answers in data["claims"].items():
        yield _case(note, block, "terse", answers["knows"][0], "sheet")
        yield _case(note, block, "long", answers["knows"][1], "sheet")
        yield _case(note, block, "vague", answers["weak"], "sheet")
        yield _case(note, block, "wrong", answers["wrong"], "sheet")
    for block, answers in data["misconceptions"].items():
        yield _case(note, block, "denies", answers["denies"][0], "sheet")
        yield _case(note, block, "refutes", answers["denies"][1], "sheet")
        yield _case(note, block, "voices", answers["voices"], "sheet")


def _case(note: Note, block: str, style: str, answer: str | dict[str, Any], source: Source) -> Case:
    item = note.claim(block) or note.misconception(block)
    if item is None:
        raise WorkspaceError(f"The cases on {note.id!r} name the block {block!r}, which the note lacks; correct them.")
    if style not in LABELS:
        raise WorkspaceError(f"The case {note.id}^{block} has the style {style!r}; use one of {', '.join(LABELS)}.")
    claim = note.claim(block)
    question = claim.questions[0] if claim else variants.probe_text(item.as_claim_text().text)
    text, labels = answer, LABELS[style]
    if isinstance(answer, dict):
        text, labels = answer["text"], tuple(answer["labels"])
    return Case(note.id, item.as_claim_text(), question, style, str(text), labels, split_of(note.id), source)


def _generated(written: list[Case]) -> list[Case]:
    """Templates for each claim, another note's truthful answer, and variants of each claim and truthful answer."""
    firsts = {(c.note, c.claim.id): c for c in reversed(written) if c.claim.kind != "misconception"}
    order = sorted(firsts)
    out: list[Case] = []
    for place, key in enumerate(order):
        case = firsts[key]
        other = next(k for k in [*order[place:], *order] if k[0] != key[0])
        strange = [c.answer for c in written if (c.note, c.claim.id) == other and c.style in TRUTHFUL][:2]
        made = [*templates.answers(case.claim.text, case.question, place), *(("off_topic", text) for text in strange)]
        out += [_like(case, style, text, "template") for style, text in made]
        out += _variants(case, case.claim.text, f"{case.note}^{case.claim.id}/claim")
    for case in written:
        if case.style in TRUTHFUL and case.claim.kind != "misconception":
            out += _variants(case, case.answer, case.id)
    return out


def _variants(case: Case, text: str, id: str) -> list[Case]:
    made = variants.of(text, case.claim.text, case.question)
    return [_like(case, style, false, "variant") for style, false in made if not variants.excluded(id, style)]


def _like(case: Case, style: str, answer: str, source: Source) -> Case:
    labels: tuple[VerdictName, ...] = LABELS.get(style, ("contradicted", "missing"))
    return Case(case.note, case.claim, case.question, style, answer, labels, case.split, source)
