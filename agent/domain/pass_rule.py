"""When a topic counts as explained: what a sitting still lacks for L1, and whether a stored attempt holds.

L1 asks for conceptual clarity, key terms and boundaries: every core claim, at least one boundary and one term, in the
learner's own words, and no misconception left as voiced.
"""

from collections.abc import Iterator, Mapping, Sequence

from agent.domain.attempt import Attempt, Standing, Turn
from agent.domain.note import Misconception, Note
from agent.domain.probing import CORRECTION, is_about, nearness
from agent.domain.quiz import Policy, claim_hash, history_of, standings, status_of


def unmet(
    note: Note,
    table: Mapping[str, Standing],
    *,
    answered: bool = True,
    scope: Sequence[str] = (),
    turns: Sequence[Turn] | None = None,
) -> tuple[str, ...]:
    """Say what is still missing for L1, in sentences; empty when the topic counts as explained.

    `answered`: whether the learner explained anything in this sitting; what was carried over alone passes nobody.
    `scope`: the claims of a re-check, which asks for nothing else. `turns`: where they are given, every misconception
    must have been put to the learner, so that leaving before that passes nobody.
    """
    reasons: list[str] = []
    if not answered:
        reasons.append("Nothing was explained in this sitting.")
    counted = {"covered", "appealed"}
    for claim in [c for c in note.claims if c.id in scope] if scope else note.core:
        if table[claim.id].status not in counted:
            what = "core claim" if claim.kind == "core" else claim.kind
            reasons.append(f"The {what} ^{claim.id} is {_phrase(table[claim.id].status)}.")
    for kind, group in (("boundary", note.boundaries), ("term", note.terms)):
        if not scope and not any(table[claim.id].status == "covered" for claim in group):
            reasons.append(f"No {kind} was explained.")
    for standing in table.values():
        if standing.kind == "misconception" and standing.status in ("voiced", "missing"):
            left = "voiced and not taken back" if standing.status == "voiced" else "put to you and not set right"
            reasons.append(f"The misconception ^{standing.claim} was {left}.")
    if turns is not None and not scope and not reasons:
        reasons += [f"The misconception ^{m.id} was not put to you yet." for m in unsettled(note, turns, table)]
    return tuple(reasons)


def unsettled(note: Note, turns: Sequence[Turn], table: Mapping[str, Standing]) -> list[Misconception]:
    """List the misconceptions that were neither put to the learner nor taken back."""
    put = {turn.question.claim for turn in turns if turn.action != "appeal"}
    return [m for m in note.misconceptions if m.id not in put and status_of(table, m.id) != "corrected"]


def _phrase(status: str) -> str:
    return {
        "open": "not reached yet",
        "helped": "explained with help, so it counts in a later sitting",
        "missing": "not explained",
        "contradicted": "contradicted",
    }.get(status, status)


def recheck(attempt: Attempt, note: Note, earlier: Mapping[str, Attempt], policy: Policy) -> tuple[str, ...]:
    """Recompute a stored attempt from its own turns and say what speaks against it; empty when it holds.

    A hand-edited `passed`, a standing that no turn earned, a cover or a misconception set right that is carried over
    from an attempt that does not have it (`earlier` maps ids to the attempts on file), a hint given before and a
    changed file are all found here.
    """
    if attempt.topic != note.id:
        return (f"The attempt is on {attempt.topic!r}, not on {note.id!r}.",)
    faults: list[str] = []
    if attempt.sha256 != attempt.computed_hash():
        faults.append("The attempt was changed after it was recorded: its hash does not match.")
    if attempt.state != "passed":
        faults.append("The attempt was not passed.")
    before = [a for a in earlier.values() if a.id != attempt.id and a.finished <= attempt.finished]
    table = standings(note, attempt.turns, history_of(note, before, attempt.started, policy), policy)
    judged = {s.claim: s.claim_hash for s in attempt.standings if s.claim_hash}
    edited = [c.id for c in note.claims if judged.get(c.id, claim_hash(c.text)) != claim_hash(c.text)]
    if edited:
        faults.append(f"The note's ^{', ^'.join(edited)} was edited after the attempt; a new quiz asks for it again.")
    faults += _not_borne_out(attempt, note, table)
    faults += unmet(note, table, answered=answered(attempt.turns))
    return tuple(faults)


def _not_borne_out(attempt: Attempt, note: Note, table: Mapping[str, Standing]) -> Iterator[str]:
    """Say which standings of a stored attempt its turns, and the attempts on file, do not come to."""
    carried = {s.claim for s in attempt.standings if s.status == "corrected" and s.origin != "quiz"}
    made_up = [m.id for m in note.misconceptions if m.id in carried and status_of(table, m.id) != "corrected"]
    if made_up:
        yield f"As the note reads now, no attempt on file set ^{', ^'.join(made_up)} right; a new quiz puts it again."
    stored = {s.claim: s.status for s in attempt.standings}
    differs = [
        id
        for id in [*(c.id for c in note.claims), *(m.id for m in note.misconceptions)]
        if id not in made_up
        and stored.get(id, "open") != status_of(table, id)
        and (stored.get(id) in ("covered", "corrected") or status_of(table, id) == "appealed")
    ]
    if differs:
        yield f"The attempt says of ^{', ^'.join(differs)} what its answers do not bear out."


def answered(turns: Sequence[Turn]) -> bool:
    """Whether the learner explained anything in this sitting: covered what was asked, or denied a false statement."""
    for turn in turns:
        if turn.action != "answer" or turn.copied:
            continue
        mine = {v.claim: v for v in turn.verdicts if v.claim.removesuffix(CORRECTION) == turn.question.claim}
        asked = mine.get(turn.question.claim)
        correction = mine.get(turn.question.claim + CORRECTION)
        if any(v.kind != "misconception" and v.surely("covered") for v in mine.values()):
            return True
        denied = asked is not None and asked.kind == "misconception" and is_about(asked, correction)
        if denied and asked is not None and nearness(asked, correction) <= 0:
            return True
    return False
