"""Answer sheets: what simulated learners know of a note, written by hand without its wording."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import yaml

from agent.domain.errors import WorkspaceError
from agent.domain.note import Note
from evals.adversarial.cases import Split, split_of
from evals.adversarial.pins import CASES, note_named, stale


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Answers to one claim: true ones in two wordings, one too weak to count, and a false one."""

    knows: tuple[str, str]
    weak: str
    wrong: str


@dataclass(frozen=True, slots=True)
class Belief:
    """Answers to one misconception: two that deny it, one that agrees with it."""

    denies: tuple[str, str]
    voices: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """The answers on one note, by block id."""

    note: Note
    split: Split
    claims: Mapping[str, Knowledge]
    misconceptions: Mapping[str, Belief]


@cache
def load_sheets() -> tuple[Sheet, ...]:
    """Read every sheet, each complete for its note.

    Raises:
        WorkspaceError: a sheet lacks a claim that the quiz may ask, or the claim was edited since.
    """
    return tuple(
        _sheet(path.read_text(encoding="utf-8")) for path in sorted((CASES / "quiz/answer_sheets").glob("*.yaml"))
    )


def _sheet(text: str) -> Sheet:
    data = yaml.safe_load(text)
    note = note_named(data["note"])
    claims = {id: Knowledge(tuple(a["knows"]), a["weak"], a["wrong"]) for id, a in data["claims"].items()}
    beliefs = {id: Belief(tuple(a["denies"]), a["voices"]) for id, a in data["misconceptions"].items()}
    needed = {c.id for c in (*note.core, *note.boundaries, *note.terms)} | {m.id for m in note.misconceptions}
    lacking = sorted(needed - claims.keys() - beliefs.keys())
    if lacking:
        raise WorkspaceError(f"The answer sheet of {note.id!r} has no answers to ^{', ^'.join(lacking)}; write them.")
    edited = stale([(note.id, id) for id in needed])
    if edited:
        names = ", ^".join(item.block for item in edited)
        raise WorkspaceError(
            f"{note.id}: ^{names} changed since the answer sheet was written; read it again, then "
            "`python -m evals.adversarial --pin`."
        )
    return Sheet(note, split_of(note.id), claims, beliefs)
