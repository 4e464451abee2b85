"""What a learner's own decisions say about the grader: appeals that they approved, and verdicts that they let stand."""

from collections.abc import Iterable
from dataclasses import dataclass

from agent.domain.attempt import Attempt, Judged, Turn
from agent.domain.calibration import Scaling, fit_personal_head
from agent.domain.ledger import sound
from agent.domain.proposal import LedgerEntry


@dataclass(frozen=True, slots=True)
class Corrections:
    """Rows of (p(covered), was it covered). `appeals` were won at the review; `conceded` refusals were let stand."""

    appeals: tuple[float, ...] = ()
    conceded: tuple[float, ...] = ()

    def fitted(self) -> Scaling | None:
        """The personal correction; None without an accepted appeal, so that nothing changes."""
        if not self.appeals:
            return None
        return fit_personal_head([(p, True) for p in self.appeals] + [(p, False) for p in self.conceded])


def corrections(attempts: Iterable[Attempt], ledger: Iterable[LedgerEntry], scorer: str) -> Corrections:
    """Collect the corrections of all attempts that an approved decision rests on and that were not changed since.

    Only those graded by `scorer`, the first part of a local grader's version, count: the probabilities of other
    weights are on another scale.

    Covers that the grader gave by itself are no rows: it would learn from its own opinion.
    """
    approved = {e.attempt for e in sound(tuple(ledger)) if e.decision == "approved"}
    appeals: list[float] = []
    conceded: list[float] = []
    for attempt in attempts:
        if attempt.id not in approved or attempt.sha256 != attempt.computed_hash():
            continue
        if scorer not in attempt.versions.get("grader", "").split("+"):
            continue
        appealed = {s.claim for s in attempt.standings if s.status == "appealed"}
        last: dict[str, Judged] = {}
        for turn in attempt.turns:
            verdict = _own_verdict(turn)
            if verdict is not None:
                last[verdict.claim] = verdict
        appeals += [last[claim].p_covered for claim in sorted(appealed & last.keys())]
        refused = {c: v for c, v in last.items() if v.name != "covered" and not v.abstain and c not in appealed}
        conceded += [refused[claim].p_covered for claim in sorted(refused)]
    return Corrections(tuple(appeals), tuple(conceded))


def _own_verdict(turn: Turn) -> Judged | None:
    """The verdict on the claim that was asked, where the answer was the learner's own."""
    if turn.action != "answer" or turn.copied:
        return None
    asked = (v for v in turn.verdicts if v.claim == turn.question.claim and v.kind != "misconception")
    return next(asked, None)
