"""What a quiz asks next: a choice made anew from the turns so far."""

from collections.abc import Mapping, Sequence

from agent.domain.attempt import Question, Standing, Turn
from agent.domain.note import Claim, Note
from agent.domain.pass_rule import answered, unmet, unsettled
from agent.domain.probing import likeliest, probe
from agent.domain.quiz import History, Policy, standings, status_of

TRIES = {"boundary": 2, "term": 2}  # how many different boundaries and terms are asked at most


def unfit(note: Note) -> str:
    """Say why a note cannot be quizzed from; "" when it can."""
    groups = {"core claim": note.core, "boundary": note.boundaries, "term": note.terms}
    for name, group in groups.items():
        if not group:
            return f"it has no {name}"
    for claim in note.claims:
        if "TODO" in claim.text or any("TODO" in question for question in claim.questions):
            return f"^{claim.id} still says TODO"
        if not claim.questions:
            return f"^{claim.id} has no question"
    return ""


def next_question(
    note: Note, turns: Sequence[Turn], history: History, policy: Policy, scope: Sequence[str] = ()
) -> Question | None:
    """Choose what to ask after these turns; None when the quiz is over.

    In order: one reworded follow-up to the answer just given, a voiced misconception, core claims, a boundary,
    a term, and last the misconceptions, the one that the answers came closest to first, until one is left standing.
    Where nothing at all is left to ask, one that was set right in an earlier sitting.
    A re-check asks for the claims of its `scope` and no more.
    """
    table = standings(note, turns, history, policy)
    on_claims = [turn for turn in turns if turn.action == "answer" and note.claim(turn.question.claim) is not None]
    is_spent = len(on_claims) >= policy.max_turns
    follow_up = _follow_up(note, turns, table, history)
    if follow_up is not None and (not is_spent or note.claim(follow_up.claim) is None):
        return follow_up
    put = {turn.question.claim for turn in turns if turn.action != "appeal"}
    if not is_spent:
        for misconception in note.misconceptions:
            if status_of(table, misconception.id) == "voiced" and misconception.id not in put:
                return probe(misconception)
        for claim in _plan(note, table, scope):
            if claim.id not in put:
                return _question(claim, "ask", turns, history)
    if scope or unmet(note, table):
        return None
    waiting = unsettled(note, turns, table)
    if not waiting and not answered(turns):
        # What is carried over alone passes nobody: one that was set right in an earlier sitting is put again.
        waiting = [m for m in note.misconceptions if m.id not in put]
    nearest = likeliest(waiting, turns)
    return probe(nearest) if nearest is not None else None


def upcoming(
    note: Note, turns: Sequence[Turn], history: History, policy: Policy, *, now: Question, scope: Sequence[str] = ()
) -> list[Question]:
    """List the authored questions that are likely to be asked after `now`, so that they can be reworded meanwhile."""
    plan = _plan(note, standings(note, turns, history, policy), scope)
    put = {turn.question.claim for turn in turns} | {now.claim}
    return [_question(claim, "ask", turns, history) for claim in plan if claim.id not in put]


def _plan(note: Note, table: Mapping[str, Standing], scope: Sequence[str]) -> list[Claim]:
    """List the claims that the quiz still needs, most important first; of a re-check in its own order."""
    if scope:
        return [claim for id in scope if (claim := note.claim(id)) is not None and table[id].status == "open"]
    wanted = [claim for claim in note.core if table[claim.id].status == "open"]
    for kind, group in (("boundary", note.boundaries), ("term", note.terms)):
        tried = [claim for claim in group if table[claim.id].status not in ("open", "covered")]
        if not any(table[claim.id].status == "covered" for claim in group) and len(tried) < TRIES[kind]:
            wanted += [claim for claim in group if table[claim.id].status == "open"][:1]
    return wanted


def _follow_up(note: Note, turns: Sequence[Turn], table: Mapping[str, Standing], history: History) -> Question | None:
    """Choose the one further question on the claim just asked, where the answer left it undecided."""
    # An appeal is about an earlier answer: whatever was open stays open, unless it was just that claim.
    last = next((turn for turn in reversed(turns) if turn.action != "appeal"), None)
    if last is None:
        return None
    if last.action == "hint":
        return last.question
    if last.action != "answer" or last.question.kind in ("follow_up", "own_words"):
        return None
    misconception = note.misconception(last.question.claim)
    if misconception is not None:
        left = status_of(table, misconception.id) in ("voiced", "missing")
        return probe(misconception, again=True) if left else None
    claim = note.claim(last.question.claim)
    if claim is None or table[claim.id].status not in ("open", "missing", "contradicted"):
        return None
    if last.copied:
        return last.question.model_copy(update={"kind": "own_words"})
    return _question(claim, "follow_up", turns, history)


def _question(claim: Claim, kind: str, turns: Sequence[Turn], history: History) -> Question:
    """Choose an authored question of the claim: first one never put, then one not put in this sitting."""
    now = {turn.question.index for turn in turns if turn.question.claim == claim.id}
    before, helped = history.asked.get(claim.id, frozenset()), history.helped.get(claim.id, frozenset())
    index = min(range(len(claim.questions)), key=lambda i: (i in helped, i in now, i in before, i))
    return Question.model_validate(
        {"claim": claim.id, "kind": kind, "text": claim.questions[index], "index": index, "source": "authored"}
    )
