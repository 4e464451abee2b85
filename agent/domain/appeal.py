"""Appeals: which verdict a learner's `/appeal` disputes, and whether it can count.

At most one core claim of a quiz may rest on an appeal, and at most one misconception may be taken off by one; the
proposal says so. A further appeal is kept for the judge's sake and changes nothing: it must not spoil the attempt.
"""

from collections.abc import Mapping, Sequence

from agent.domain.attempt import Question, Standing, Turn
from agent.domain.verdict import ClaimKind

MAY_REST = ("core", "misconception")


def disputed(turns: Sequence[Turn], table: Mapping[str, Standing], pending: Question | None) -> Question | None:
    """Give the last answer's question with the claim whose verdict an appeal is about; None where there is none.

    That is the claim that was asked; where the quiz now comes back to a misconception heard in passing, it is that.
    """
    last = next((turn for turn in reversed(turns) if turn.action == "answer"), None)
    if last is None or last.copied:
        return None
    claim = last.question.claim
    heard = table.get(pending.claim) if pending is not None else None
    if heard is not None and heard.kind == "misconception" and heard.status == "voiced":
        claim = heard.claim
    if not any(verdict.claim == claim for verdict in last.verdicts):
        return None
    return last.question.model_copy(update={"claim": claim})


def resting(table: Mapping[str, Standing], claim: str, kind: ClaimKind) -> str:
    """Name the other claim of this kind that rests on an appeal already, "" where none does."""
    of_kind = (s.claim for s in table.values() if s.kind == kind and s.status == "appealed" and s.claim != claim)
    return next(of_kind, "") if kind in MAY_REST else ""


def after_appeal(table: Mapping[str, Standing], before: Standing, *, helped: bool) -> Standing:
    """Give a standing after an appeal; one that cannot count, or against nothing, leaves it as it is."""
    open_to = ("voiced", "missing") if before.kind == "misconception" else ("open", "missing", "contradicted")
    if before.status not in open_to or resting(table, before.claim, before.kind):
        return before
    # An appeal disputes the judge; it does not undo a hint.
    return before.model_copy(update={"status": "helped" if helped else "appealed"})


def notice(table: Mapping[str, Standing], claim: str) -> str:
    """Say what an appeal leads to, from the standings before it."""
    standing = table[claim]
    other = resting(table, claim, standing.kind)
    if other:
        return (
            f"Noted in progress/appeals/, but it does not count here: ^{other} rests on an appeal already, and only "
            f"one {'core claim' if standing.kind == 'core' else standing.kind} of a quiz may. The verdict stays."
        )
    if standing.kind not in MAY_REST:
        return "Noted in progress/appeals/. It changes nothing here: a boundary or term has to be explained."
    what = "core claim" if standing.kind == "core" else "misconception"
    return f"Noted in progress/appeals/. One {what} of a quiz may rest on an appeal; the proposal will say so."
