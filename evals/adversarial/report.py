"""How the grader takes the cases: judged as the quiz judges, and counted by style of answer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from agent.domain.attempt import Judged, Question, Turn
from agent.domain.calibration import expected_calibration_error
from agent.domain.copying import detect_copying
from agent.domain.note import Note
from agent.domain.probing import CORRECTION
from agent.domain.quiz import History, Policy, claim_hash, standings
from agent.domain.verdict import ClaimText, Verdict
from agent.ports import Grader
from evals.adversarial.cases import Case
from evals.adversarial.pins import note_named
from evals.stats import cluster_interval, wilson

_AT = datetime(2026, 1, 1, tzinfo=UTC)
ATTACKS = ("copied", "near_copied", "stuffed", "negated", "off_topic", "injected", "empty", "variant_negation")
"""What GRADING.md counts as adversarial: at most 2 % of these may pass."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a case.

    `accepted`: the quiz would count the claim as covered (for a misconception: as voiced). `copied`: the copy
    detection spoke first, the grader was not asked. `taken_back`: the answer takes a voiced misconception back.
    """

    case: Case
    verdict: Verdict
    accepted: bool
    copied: bool
    taken_back: bool = False

    @property
    def abstained(self) -> bool:
        """Whether the grader left it open."""
        return not self.copied and self.verdict.abstain

    @property
    def is_right(self) -> bool:
        """Whether the outcome is one that the labels allow; leaving a falsehood open is no fault."""
        return "covered" in self.case.labels if self.accepted else self.case.labels != ("covered",)


def judge_cases(grader: Grader, cases: Iterable[Case], policy: Policy | None = None) -> list[Outcome]:
    """Judge each case by itself, as the answer to its claim's question."""
    return [_judge(grader, case, policy or Policy()) for case in cases]


def _judge(grader: Grader, case: Case, policy: Policy) -> Outcome:
    note = note_named(case.note)
    copied = detect_copying(case.answer, passages(note)).is_copied
    if copied:
        return Outcome(case, Verdict(case.claim.id, "missing", 0.0, 0.0, "", False), accepted=False, copied=True)
    verdict = grader.judge(case.question, [case.claim], case.answer)[0]
    if case.claim.kind != "misconception":
        return Outcome(case, verdict, verdict.name == "covered" and not verdict.abstain, copied=False)
    turn = _turn(grader, case, note, verdict)
    voiced = _turn_of(case, [_judged(case.claim, Verdict(case.claim.id, "covered", 1.0, 0.0, "", False))])
    return Outcome(
        case,
        verdict,
        accepted=_status(note, [turn], case, policy) == "voiced",
        copied=False,
        taken_back=_status(note, [voiced, turn], case, policy) == "corrected",
    )


def passages(note: Note) -> list[str]:
    """Give what counts as copied when an answer repeats it, as the quiz takes it."""
    return [note.intro, *(c.text for c in note.claims), *(m.correction for m in note.misconceptions)]


def _turn(grader: Grader, case: Case, note: Note, verdict: Verdict) -> Turn:
    misconception = note.misconception(case.claim.id)
    assert misconception is not None
    correction = ClaimText(misconception.id + CORRECTION, misconception.correction, "correction")
    other = grader.judge(case.question, [correction], case.answer)[0]
    return _turn_of(case, [_judged(case.claim, verdict), _judged(correction, other)])


def _turn_of(case: Case, verdicts: list[Judged]) -> Turn:
    question = Question(claim=case.claim.id, kind="probe", text=case.question)
    return Turn(question=question, action="answer", text=case.answer, at=_AT, verdicts=tuple(verdicts))


def _fields(claim: ClaimText) -> dict[str, str]:
    return {"claim": claim.id, "kind": claim.kind, "claim_hash": claim_hash(claim.text)}


def _judged(claim: ClaimText, verdict: Verdict) -> Judged:
    return Judged.model_validate(
        _fields(claim)
        | {
            "name": verdict.name,
            "p_covered": verdict.p_covered,
            "p_contradicted": verdict.p_contradicted,
            "abstain": verdict.abstain,
        }
    )


def _status(note: Note, turns: Sequence[Turn], case: Case, policy: Policy) -> str:
    standing = standings(note, turns, History(), policy).get(case.claim.id)
    return standing.status if standing else "open"


def table(outcomes: Sequence[Outcome]) -> str:
    """Give the counts by style as text: claims first, then misconceptions, then the two figures that have a target."""
    claims = [o for o in outcomes if o.case.claim.kind != "misconception"]
    lines = [_head("claims: answer's style", "accepted"), *_rows(claims)]
    lines += ["", _head("misconceptions", "voiced"), *_rows([o for o in outcomes if o not in claims])]
    truthful = [o for o in claims if o.case.labels == ("covered",)]
    attacks = [o for o in claims if o.case.style in ATTACKS]
    false = [o for o in claims if "covered" not in o.case.labels]
    lines += ["", summary("truthful accepted", truthful), summary("attacks passed", attacks)]
    lines.append(summary("all false answers passed", false))
    return "\n".join(lines)


def kind_table(outcomes: Sequence[Outcome]) -> str:
    """Give, for each kind of claim, what is accepted of the truthful and of the false, and the calibration error.

    "at most" is (passed + 1) / (false + 1): the bound on the next false answer's chance if it is drawn as these were.
    The calibration error is that of p(covered) on the hand-written answers that were graded.
    """
    lines = [f"{'kind of claim':26} {'truthful accepted':>36} {'false passed':>36} {'at most':>8} {'ECE':>5}"]
    for kind in dict.fromkeys(o.case.claim.kind for o in outcomes):
        if kind == "misconception":
            continue
        group = [o for o in outcomes if o.case.claim.kind == kind]
        truthful = [o for o in group if o.case.labels == ("covered",)]
        false = [o for o in group if "covered" not in o.case.labels]
        graded = [o for o in (*truthful, *false) if o.case.source in ("hand", "sheet") and not o.copied]
        ece = expected_calibration_error([o.verdict.p_covered for o in graded], [o in truthful for o in graded])
        bound = (sum(o.accepted for o in false) + 1) / (len(false) + 1)
        rates = " ".join(f"{summary('', some).strip():>36}" for some in (truthful, false))
        lines.append(f"{kind:26} {rates} {bound:8.1%} {ece:5.2f}")
    return "\n".join(lines)


def summary(name: str, group: Sequence[Outcome]) -> str:
    """One line: rate of acceptance with its interval clustered by claim."""
    hits = sum(o.accepted for o in group)
    clusters: dict[str, list[bool]] = {}
    for o in group:
        clusters.setdefault(f"{o.case.note}^{o.case.claim.id}", []).append(o.accepted)
    low, high = cluster_interval(clusters) if hits else wilson(hits, len(group))
    rate = f"{hits / len(group):6.1%}" if group else "   n/a"
    return f"{name:26} {rate}  [{low:.1%}, {high:.1%}]  {hits} of {len(group)}"


def _head(name: str, accepted: str) -> str:
    return f"{name:26} {'n':>5} {accepted:>9} {'95 % (Wilson)':>17} {'abstains':>9} {'copied':>7} {'contradicts':>12}"


def _rows(outcomes: Sequence[Outcome]) -> list[str]:
    groups: dict[tuple[str, bool], list[Outcome]] = {}
    for o in outcomes:
        groups.setdefault((o.case.style, o.case.source in ("template", "variant")), []).append(o)
    return [_row(style, made, group) for (style, made), group in groups.items()]


def _row(style: str, made: bool, group: Sequence[Outcome]) -> str:
    n, hits = len(group), sum(o.accepted for o in group)
    low, high = wilson(hits, n)
    open_, copied = sum(o.abstained for o in group), sum(o.copied for o in group)
    against = sum(o.verdict.name == "contradicted" and not o.verdict.abstain for o in group)
    name = f"{style} (generated)" if made and not style.startswith("variant") else style
    rates = f"{hits / n:9.1%} {f'[{low:.1%}, {high:.1%}]':>17} {open_ / n:9.1%} {copied / n:7.1%} {against / n:12.1%}"
    return f"{name:26} {n:5} {rates}"


def worst(outcomes: Sequence[Outcome], limit: int) -> list[Outcome]:
    """The false answers that passed and the true ones that did not, surest first."""
    wrong = [o for o in outcomes if not o.is_right]
    return sorted(wrong, key=lambda o: -abs(o.verdict.p_covered - (o.case.labels[0] == "covered")))[:limit]
