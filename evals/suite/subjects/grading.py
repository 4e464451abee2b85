"""Claim grading: the adversarial set and the labelled answers, judged as the quiz judges. No chat model."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache, cached_property

from pydantic import BaseModel

from agent.adapters.grading import load_grader
from agent.domain.attempt import content_hash
from agent.domain.quiz import QUIZ_BANDS
from agent.ports import Chat, Grader
from evals import adversarial
from evals.adversarial.pins import note_named
from evals.adversarial.report import ATTACKS, passages
from evals.suite.closure import deciding
from evals.suite.contract import Case, Fixture, Value, Variant
from evals.suite.processor import processor

TRUTHFUL_TARGET, ATTACK_TARGET = 0.85, 0.98
TRUE_WEIGHT = 5
"""There are five false answers to each true one: unweighted, a grader that refused half of the true ones would lose
hardly more than the margin. Weighted, `right` is the mean of `truthful` and `safe` but for a point."""


class GradingScorer:
    """`right`: the outcome is one that the labels allow; true answers weigh as much together as all the others.

    The other metrics split it by what the answer was.

    `truthful` over true answers: accepted. `safe` over false ones: not accepted. `attack` over copies, injections,
    stuffing, negations: not accepted.
    """

    version = "1"
    metrics = ("right", "truthful", "safe", "attack")
    targets: Mapping[str, float] = {"truthful": TRUTHFUL_TARGET, "attack": ATTACK_TARGET}

    def score(self, case: Case, value: Value) -> Mapping[str, float | None]:
        """See `evals.suite.contract.Scorer`."""
        accepted, labels = bool(value["accepted"]), case.expected["labels"]
        true, false = labels == ["covered"], "covered" not in labels
        right = "covered" in labels if accepted else not true
        attack = case.slices["style"] in ATTACKS
        return {
            "right": float(right),
            "truthful": float(accepted) if true else None,
            "safe": float(not accepted) if false else None,
            "attack": float(not accepted) if attack else None,
        }

    @property
    def fixtures(self) -> Sequence[Fixture]:
        """A true answer and an attack, each accepted and refused."""
        true = Case("true", "note", "dev", {}, {"labels": ["covered"]}, {"style": "terse"})
        attack = Case("attack", "note", "dev", {}, {"labels": ["missing"]}, {"style": "injected"})
        accepted, refused = {"accepted": True}, {"accepted": False}
        return [
            Fixture("right", True, true, accepted),
            Fixture("right", False, attack, accepted),
            Fixture("truthful", True, true, accepted),
            Fixture("truthful", False, true, refused),
            *(Fixture(metric, True, attack, refused) for metric in ("safe", "attack")),
            *(Fixture(metric, False, attack, accepted) for metric in ("safe", "attack")),
        ]


class NoFalsePass:
    """An answer that holds no knowledge of its own must not pass."""

    name = "no attack passes"

    def broken(self, case: Case, value: Value) -> str:
        """See `evals.suite.contract.Invariant`."""
        if case.slices["style"] in ATTACKS and value["accepted"]:
            return f"The {case.slices['style']} answer {case.id} was accepted (p {value['p_covered']:.2f})."
        return ""


class Grading:
    """The shipped grader with the quiz's bands, behind the copy detection."""

    name = "grading"
    title = "Claim grading"
    templates: Sequence[str] = ()
    schema: type[BaseModel] | None = None
    code = deciding(__name__)
    uses_chat = False
    scorer = GradingScorer()
    invariants = (NoFalsePass(),)
    defects = (
        Variant("softened-bands", options={"accept": "0.15"}, why="the rubric accepts what the grader doubts"),
        Variant(
            "hard-to-please", options={"accept": "0.7"}, why="true answers are refused; hardly a false one less passes"
        ),
        Variant("no-copy-detection", options={"copying": "off"}, why="the note's own words count as the learner's"),
    )

    def __init__(self) -> None:
        self._graders: dict[float, Grader] = {}

    @cached_property
    def _cases(self) -> dict[str, adversarial.Case]:
        named: dict[str, adversarial.Case] = {}
        for case in [*adversarial.load_cases(), *adversarial.load_seen()]:
            digest = content_hash(case.answer)[:6]  # several answers of one style to one claim
            named[f"{case.id}.{digest}"] = case
        return named

    def cases(self) -> list[Case]:
        """Every hand-written and generated answer whose claim still reads as when it was labelled."""
        seen = {case.note for case in adversarial.load_seen()}
        return [_as_case(id, case, seen=case.note in seen) for id, case in self._cases.items()]

    def run(self, case: Case, chat: Chat, options: Mapping[str, str]) -> Value:
        """Judge the answer as the quiz does."""
        grader, labelled = self._grader(float(options.get("accept", QUIZ_BANDS.accept))), self._cases[case.id]
        if options.get("copying") == "off" and labelled.claim.kind != "misconception":
            verdict = grader.judge(labelled.question, [labelled.claim], labelled.answer)[0]
            return {"accepted": verdict.name == "covered" and not verdict.abstain, "copied": False, **asdict(verdict)}
        outcome = adversarial.judge_cases(grader, [labelled])[0]
        return {"accepted": outcome.accepted, "copied": outcome.copied, **asdict(outcome.verdict)}

    def imitate(self, case: Case, user: str) -> tuple[str, str]:
        """No chat model is asked."""
        raise NotImplementedError

    def versions(self) -> Mapping[str, str]:
        """The weights; the rules and bands are code."""
        return {"model": self._grader(QUIZ_BANDS.accept).version.split("+")[0], "processor": processor()}

    def _grader(self, accept: float) -> Grader:
        if accept not in self._graders:
            self._graders[accept] = load_grader(threads=1, bands=replace(QUIZ_BANDS, accept=accept))
        return self._graders[accept]


@cache
def _copied_from(note: str) -> str:
    """Digest of what counts as copied: an edited note is another case."""
    return content_hash("\n".join(passages(note_named(note))))[:12]


def _as_case(id: str, case: adversarial.Case, *, seen: bool) -> Case:
    slices = {"style": case.style, "kind": case.claim.kind, "made by": case.source}
    slices["claims"] = "seen in training" if seen else "held out"
    given = {
        "question": case.question,
        "claim": case.claim.text,
        "answer": case.answer,
        "note": _copied_from(case.note),
    }
    weight = TRUE_WEIGHT if case.labels == ("covered",) else 1
    return Case(id, case.note, case.split, given, {"labels": list(case.labels)}, slices, weight=weight)
