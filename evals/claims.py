"""`python -m evals.claims`: which claims of the notes the grader mistakes, for whoever writes the notes.

Every claim is held against itself and its systematic falsehoods; where labelled answers exist (the cases of the dev
split, and the answers that the grader was trained on, which flatter it), against those. Notes with sealed cases are
left out: one that is edited to please the grader would unseal them.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from agent.domain.note import Claim, Note
from agent.domain.verdict import ClaimText
from agent.ports import Grader
from evals.adversarial import variants
from evals.adversarial.cases import TRUTHFUL, load_cases
from evals.adversarial.pins import ROOT, notes
from evals.graders import quiz_grader

ANSWERS = ROOT / "lab" / "claim-grader" / "data" / "answers"
_TRUE, _FALSE = ("true",), ("wrong", "negated")


@dataclass(frozen=True, slots=True)
class Answer:
    """A labelled answer to a claim: `source` says where it comes from, `true` whether it states the claim."""

    note: str
    claim: str
    question: str
    text: str
    true: bool
    source: str


@dataclass(frozen=True, slots=True)
class Row:
    """What the grader did with one claim: counts of truthful answers refused and of falsehoods accepted."""

    note: str
    claim: str
    text: str
    refused: int
    truthful: int
    accepted: int
    false: int
    worst: str

    @property
    def mistakes(self) -> float:
        """Share of truthful answers refused plus share of falsehoods accepted; a false pass weighs twice."""
        return self.refused / max(1, self.truthful) + 2 * self.accepted / max(1, self.false)


@cache
def _sealed() -> frozenset[str]:
    return frozenset(case.note for case in load_cases("sealed", generated=False))


def is_sealed(note: str) -> bool:
    """Whether the note has sealed cases."""
    return note in _sealed()


def made(note: Note) -> Iterator[Answer]:
    """Each claim itself, and its falsehoods by rule."""
    for claim in note.claims:
        question = claim.questions[0] if claim.questions else ""
        yield Answer(note.id, claim.id, question, claim.text, True, "itself")
        for style, text in variants.of(claim.text, claim.text, question):
            if not variants.excluded(f"{note.id}^{claim.id}/claim", style):
                yield Answer(note.id, claim.id, question, text, False, style.removeprefix("variant_"))


def written() -> Iterator[Answer]:
    """The hand-written cases of the dev split on claims, and the answers that trained the grader."""
    for case in load_cases("dev", generated=False):
        if case.claim.kind != "misconception" and "covered" not in case.labels[1:]:
            true = case.style in TRUTHFUL
            yield Answer(case.note, case.claim.id, case.question, case.answer, true, case.style)
    for path in sorted(ANSWERS.glob("*.yaml")):
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        for block, styles in data["claims"].items():
            claim = notes()[data["note"]].claim(block)
            if claim is not None:
                yield from _trained(data["note"], claim, styles)


def _trained(note: str, claim: Claim, styles: dict[object, object]) -> Iterator[Answer]:
    index = styles.get("question", 0)
    for key, said in styles.items():
        style = "true" if key is True else str(key)
        if style in _TRUE + _FALSE and isinstance(index, int):
            for text in said if isinstance(said, list) else [said]:
                yield Answer(note, claim.id, claim.questions[index], str(text), style in _TRUE, f"trained {style}")


def rows(grader: Grader, answers: Sequence[Answer]) -> list[Row]:
    """Judge the answers one by one and count by claim, worst claim first."""
    groups: dict[tuple[str, str], list[Answer]] = {}
    for answer in answers:
        groups.setdefault((answer.note, answer.claim), []).append(answer)
    return sorted((_row(grader, group) for group in groups.values()), key=lambda r: (-r.mistakes, r.note, r.claim))


def _row(grader: Grader, group: Sequence[Answer]) -> Row:
    claim = notes()[group[0].note].claim(group[0].claim)
    assert claim is not None
    wrong: list[tuple[float, Answer]] = []
    for answer in group:
        verdict = grader.judge(answer.question, [ClaimText(claim.id, claim.text, claim.kind)], answer.text)[0]
        accepted = verdict.name == "covered" and not verdict.abstain
        if accepted != answer.true:
            wrong.append((abs(verdict.p_covered - answer.true), answer))
    worst = max(wrong, key=lambda w: (not w[1].true, w[0]), default=None)
    return Row(
        note=group[0].note,
        claim=claim.id,
        text=claim.text,
        refused=sum(a.true for _, a in wrong),
        truthful=sum(a.true for a in group),
        accepted=sum(not a.true for _, a in wrong),
        false=sum(not a.true for a in group),
        worst=f"{worst[1].source}: {worst[1].text}" if worst else "",
    )


def report(table: Sequence[Row], version: str, limit: int) -> str:
    """The page: totals, then the worst claims with the answer that was mistaken worst."""
    truthful, refused = sum(r.truthful for r in table), sum(r.refused for r in table)
    false, accepted = sum(r.false for r in table), sum(r.accepted for r in table)
    lines = [
        "# Claims that the grader mistakes",
        "",
        "Made by `python -m evals.claims`, at the quiz's bands, first answer only. A claim is held against itself, its",
        "systematic falsehoods (negation, number, direction), the dev cases and the answers that trained the grader;",
        "notes with sealed cases are left out. An abstention on a truthful answer counts as refused: the quiz asks",
        "once more.",
        "",
        f"Grader {version}. {len(table)} claims of {len({r.note for r in table})} notes: {refused} of {truthful} "
        f"truthful answers refused ({refused / max(1, truthful):.1%}), {accepted} of {false} falsehoods accepted "
        f"({accepted / max(1, false):.1%}).",
        "",
        f"The {min(limit, len(table))} worst claims:",
        "",
        "| claim | truthful refused | falsehoods accepted | mistaken worst |",
        "|---|---|---|---|",
    ]
    for row in table[:limit]:
        worst = row.worst.replace("|", "\\|").replace("\n", " ")
        worst = worst if len(worst) <= 160 else worst[:159].rstrip() + "…"
        name = f"{row.note} ^{row.claim}"
        lines.append(f"| {name} | {row.refused} of {row.truthful} | {row.accepted} of {row.false} | {worst} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the report; exit code 0."""
    parser = argparse.ArgumentParser(description="Find the claims of the notes that the grader mistakes.")
    parser.add_argument("--kind", default="local", help="local or lexical")
    parser.add_argument("--note", action="append", help="this note only (may be repeated)")
    parser.add_argument("--worst", type=int, default=60, help="how many claims to list")
    parser.add_argument("--out", type=Path, help="write the report there instead of printing it")
    given = parser.parse_args()
    answers = [a for note in notes().values() if not is_sealed(note.id) for a in made(note)] + list(written())
    chosen = [a for a in answers if not given.note or a.note in given.note]
    grader = quiz_grader(given.kind)
    text = report(rows(grader, chosen), grader.version, given.worst)
    if given.out:
        given.out.write_text(text, encoding="utf-8")
    else:
        print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
