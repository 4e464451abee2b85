"""The quiz as pure rules: what to ask next, what an answer earned, and when a topic counts as explained.

A quiz is the list of its turns; everything else is a fold over them, so that a resumed quiz, a recheck of a stored
attempt and the simulation in `evals/` all come to the same result. L1 asks for conceptual clarity, key terms and
boundaries: every core claim, at least one boundary and one term, in the learner's own words, and no misconception
left as voiced.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from agent.domain.appeal import after_appeal
from agent.domain.attempt import Attempt, Judged, Question, Standing, Turn, content_hash
from agent.domain.calibration import Bands
from agent.domain.note import Claim, Misconception, Note
from agent.domain.probing import CORRECTION, is_about, likeliest, nearness, probe, stance
from agent.domain.text import content_stems

CARRY_OVER = timedelta(days=14)
HELP = ("hint", "explain")
TRIES = {"boundary": 2, "term": 2}  # how many different boundaries and terms are asked at most

QUIZ_BANDS = Bands(accept=0.4, reject=0.13, contradict=0.9)
"""Where a quiz acts on the local grader's probabilities.

A single verdict may be wrong more often than the grader's own bands allow, because L1 rests on seven or more of them;
`evals/simulate` measures what they lead to together (docs/quiz-policy.md). "Contradicted" is said only where the grader
is very sure: it is the most insulting mistake, and a follow-up costs less.
"""


@dataclass(frozen=True, slots=True)
class Policy:
    """Thresholds on the grader's calibrated probabilities; `evals/simulate` shows what they lead to.

    An answer to the claim's own question is the stronger witness: words that happen to touch another claim
    need more certainty (`unasked`) and a share of that claim's own content words (`unasked_share`). `both`: the mean
    probability of an answer and of the one to the follow-up from which the two together cover a claim that neither
    covers alone. `voiced`: how sure the grader must be that a false statement was asserted while something else was
    asked. `nearer`: by how much, in log-odds, an answer to a false statement may be nearer to that than to its
    correction and still set it right; more where it opens with a denial (`nearer_denied`), less where it opens by
    agreeing (`nearer_agreed`). `max_turns` bounds the answers on claims; the misconceptions are put after them.
    """

    unasked: float = 0.9
    unasked_share: float = 0.4
    both: float = 0.34
    voiced: float = 0.8
    nearer: float = 1.0
    nearer_denied: float = 2.0
    nearer_agreed: float = -0.5
    max_turns: int = 16


@dataclass(frozen=True, slots=True)
class History:
    """What earlier sittings left.

    `carried`: covers that still count, and misconceptions voiced and not taken back since. Per claim, the indices of
    the questions put (`asked`) and of those that were hinted or explained (`helped`).
    """

    carried: Mapping[str, Standing] = field(default_factory=dict)
    asked: Mapping[str, frozenset[int]] = field(default_factory=dict)
    helped: Mapping[str, frozenset[int]] = field(default_factory=dict)


def claim_hash(text: str) -> str:
    """Pin a claim's text: a cover is carried over only while the claim still says the same."""
    return content_hash(text)[:16]


def history_of(note: Note, attempts: Iterable[Attempt], now: datetime, policy: Policy) -> History:
    """Fold earlier attempts on the note's topic, of which the last 14 days count.

    What they earned is recomputed from their turns; an attempt that was changed after it was recorded counts for
    nothing.
    """
    covers: dict[str, Standing] = {}
    voiced: dict[str, Standing] = {}
    asked: dict[str, frozenset[int]] = {}
    helped: dict[str, frozenset[int]] = {}
    for attempt in sorted(attempts, key=lambda a: a.finished):
        if attempt.topic != note.id or attempt.sha256 != attempt.computed_hash():
            continue
        table = standings(note, attempt.turns, History(voiced, helped=helped), policy)
        for standing in table.values():
            own = standing.model_copy(update={"origin": attempt.id}) if standing.origin == "quiz" else standing
            if standing.status == "covered" and standing.covered_at is not None:
                # A clock that went backwards must not make a cover last longer: the future counts as expired.
                if timedelta(0) <= now - standing.covered_at <= CARRY_OVER:
                    covers[standing.claim] = own
            elif standing.status == "voiced" and now - attempt.finished <= CARRY_OVER:
                voiced[standing.claim] = own
            elif standing.status == "corrected":
                voiced.pop(standing.claim, None)
        for turn in attempt.turns:
            claim, index = turn.question.claim, turn.question.index
            asked[claim] = asked.get(claim, frozenset()) | {index}
            if turn.action in HELP:
                helped[claim] = helped.get(claim, frozenset()) | {index}
    return History(covers | voiced, asked, helped)


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


def standings(note: Note, turns: Sequence[Turn], history: History, policy: Policy) -> dict[str, Standing]:
    """Fold the turns into where every claim and misconception of the note stands, in the note's order."""
    table: dict[str, Standing] = {}
    for claim in note.claims:
        fresh = Standing(claim=claim.id, kind=claim.kind, status="open", claim_hash=claim_hash(claim.text))
        table[claim.id] = history.carried.get(claim.id, fresh)
    for item in note.misconceptions:
        carried = history.carried.get(item.id)
        if carried is not None and carried.claim_hash == claim_hash(item.statement):
            table[item.id] = carried
    helped: set[str] = set()
    for turn in turns:
        asked = turn.question.claim
        if turn.action in HELP or turn.question.index in history.helped.get(asked, ()):
            helped.add(asked)
        _note_action(table, turn, helped)
        corrections = {v.claim.removesuffix(CORRECTION): v for v in turn.verdicts if v.claim.endswith(CORRECTION)}
        for verdict in turn.verdicts:
            if verdict.kind == "misconception":
                _hear_misconception(table, turn, verdict, corrections.get(verdict.claim), policy)
            elif verdict.claim_hash == getattr(table.get(verdict.claim), "claim_hash", None) and (
                verdict.claim == asked or _says_unasked(note, verdict, policy)
            ):
                table[verdict.claim] = _hear(table[verdict.claim], turn, verdict, helped, policy)
    return table


def _note_action(table: dict[str, Standing], turn: Turn, helped: set[str]) -> None:
    """Record what a message that is no answer of the learner's own does to the claim asked."""
    before = table.get(turn.question.claim)
    passed_over = turn.copied or turn.action in ("skip", "explain")
    if before is None and turn.question.kind == "probe" and passed_over:
        # What holds instead was not said: the statement is left standing.
        table[turn.question.claim] = Standing(claim=turn.question.claim, kind="misconception", status="missing")
        return
    if before is not None and turn.action == "appeal":
        table[before.claim] = after_appeal(table, before, helped=before.claim in helped)
        return
    if before is None or before.status not in ("open", "missing", "contradicted"):
        return
    if turn.action == "skip" or turn.copied:
        table[before.claim] = before.model_copy(update={"status": "missing"})
    elif turn.action == "explain":
        table[before.claim] = before.model_copy(update={"status": "helped"})


def _hear(before: Standing, turn: Turn, verdict: Judged, helped: set[str], policy: Policy) -> Standing:
    """Give the claim's standing after one verdict on it."""
    if before.status in ("covered", "appealed"):
        return before
    asked = turn.question.claim == verdict.claim
    sure = _sure(verdict, "covered") or _both_cover(before, turn, verdict, policy)
    if turn.copied or not sure:
        if not asked or before.status == "helped":
            return before
        status = "contradicted" if _sure(verdict, "contradicted") else "missing"
        return before.model_copy(update={"status": status, "p_covered": verdict.p_covered, "quote": ""})
    with_help = verdict.claim in helped
    return before.model_copy(
        update={
            "status": "helped" if with_help else "covered",
            "p_covered": verdict.p_covered,
            "quote": verdict.quote,
            "covered_at": None if with_help else turn.at,
        }
    )


def _says_unasked(note: Note, verdict: Judged, policy: Policy) -> bool:
    """Tell whether an answer to another question says a claim: the grader is surer, and the words are there.

    Claims of one note are neighbours, and a grader of this size takes one for the other ("the cache is 8 times
    smaller" for a claim on prefix sharing). What was not asked for therefore counts only in much of its own words.
    """
    claim = note.claim(verdict.claim)
    wanted = content_stems(claim.text) if claim is not None else set()
    shared = len(wanted & content_stems(verdict.quote))
    return verdict.p_covered >= policy.unasked and shared >= policy.unasked_share * len(wanted)


def _both_cover(before: Standing, turn: Turn, verdict: Judged, policy: Policy) -> bool:
    """Tell whether an answer and the one to the follow-up cover the claim together, where the grader was unsure twice.

    Two wordings of what is known vary around the same probability; their mean tells a truth from a falsehood better
    than the luckier of the two. `before` holds the probability of the first answer.
    """
    if turn.question.kind != "follow_up" or turn.question.claim != verdict.claim or before.status != "missing":
        return False
    return not _sure(verdict, "contradicted") and (before.p_covered + verdict.p_covered) / 2 >= policy.both


def _hear_misconception(
    table: dict[str, Standing], turn: Turn, verdict: Judged, correction: Judged | None, policy: Policy
) -> None:
    """Record a false statement as voiced, as set right, or as put to the learner and left standing."""
    before = table.get(verdict.claim)
    status = before.status if before is not None else "open"
    if turn.question.claim == verdict.claim:
        now = "missing" if turn.copied else _answered_probe(turn, verdict, correction, policy)
        if now == "missing" and status == "voiced":
            now = status
    else:
        now = status if turn.copied else _heard_in_passing(status, verdict, correction, policy)
    if now == status:
        return
    values = {
        "claim": verdict.claim,
        "kind": "misconception",
        "status": now,
        "p_covered": verdict.p_covered,
        "quote": verdict.quote,
        "claim_hash": verdict.claim_hash,
    }
    table[verdict.claim] = Standing.model_validate(values)


def _answered_probe(turn: Turn, verdict: Judged, correction: Judged | None, policy: Policy) -> str:
    """Tell what the answer to a false statement leaves it as: set right, voiced, or missing what holds instead."""
    limits = {"agrees": policy.nearer_agreed, "denies": policy.nearer_denied, "": policy.nearer}
    opening = stance(turn.text)
    if is_about(verdict, correction):
        if nearness(verdict, correction) <= limits[opening]:
            return "corrected"
        if opening != "denies" and verdict.p_covered >= 0.5:
            return "voiced"
    return "missing"


def _heard_in_passing(status: str, verdict: Judged, correction: Judged | None, policy: Policy) -> str:
    """Tell what an answer to another question leaves a false statement as.

    The two share most of their words; it counts as voiced only if it is what the answer says more.
    """
    more = correction is None or verdict.p_covered > correction.p_covered
    if status != "corrected" and _sure(verdict, "covered") and verdict.p_covered >= policy.voiced and more:
        return "voiced"
    said = correction is not None and _sure(correction, "covered") and correction.p_covered >= policy.voiced
    if status in ("voiced", "missing") and (_sure(verdict, "contradicted") or (said and not more)):
        return "corrected"
    return status


def _sure(verdict: Judged, name: str) -> bool:
    return verdict.name == name and not verdict.abstain


def for_recheck(history: History) -> History:
    """Give the history of a re-check, in which nothing that was explained before counts as explained."""
    voiced = {claim: standing for claim, standing in history.carried.items() if standing.status != "covered"}
    return replace(history, carried=voiced)


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
        reasons += [f"The misconception ^{m.id} was not put to you yet." for m in _unsettled(note, turns, table)]
    return tuple(reasons)


def _unsettled(note: Note, turns: Sequence[Turn], table: Mapping[str, Standing]) -> list[Misconception]:
    """List the misconceptions that were neither put to the learner nor taken back."""
    put = {turn.question.claim for turn in turns if turn.action != "appeal"}
    return [m for m in note.misconceptions if m.id not in put and _status(table, m.id) != "corrected"]


def _phrase(status: str) -> str:
    return {
        "open": "not reached yet",
        "helped": "explained with help, so it counts in a later sitting",
        "missing": "not explained",
        "contradicted": "contradicted",
    }.get(status, status)


def next_question(
    note: Note, turns: Sequence[Turn], history: History, policy: Policy, scope: Sequence[str] = ()
) -> Question | None:
    """Choose what to ask after these turns; None when the quiz is over.

    In order: one reworded follow-up to the answer just given, a voiced misconception, core claims, a boundary,
    a term, and last the misconceptions, the one that the answers came closest to first, until one is left standing.
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
            if _status(table, misconception.id) == "voiced" and misconception.id not in put:
                return probe(misconception)
        for claim in _plan(note, table, scope):
            if claim.id not in put:
                return _question(claim, "ask", turns, history)
    if scope or unmet(note, table):
        return None
    nearest = likeliest(_unsettled(note, turns, table), turns)
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
        left = _status(table, misconception.id) in ("voiced", "missing")
        return probe(misconception, again=True) if left else None
    claim = note.claim(last.question.claim)
    if claim is None or table[claim.id].status not in ("open", "missing", "contradicted"):
        return None
    if last.copied:
        return last.question.model_copy(update={"kind": "own_words"})
    return _question(claim, "follow_up", turns, history)


def _status(table: Mapping[str, Standing], claim: str) -> str:
    return table[claim].status if claim in table else "open"


def _question(claim: Claim, kind: str, turns: Sequence[Turn], history: History) -> Question:
    """Choose an authored question of the claim: first one never put, then one not put in this sitting."""
    now = {turn.question.index for turn in turns if turn.question.claim == claim.id}
    before, helped = history.asked.get(claim.id, frozenset()), history.helped.get(claim.id, frozenset())
    index = min(range(len(claim.questions)), key=lambda i: (i in helped, i in now, i in before, i))
    return Question.model_validate(
        {"claim": claim.id, "kind": kind, "text": claim.questions[index], "index": index, "source": "authored"}
    )


def recheck(attempt: Attempt, note: Note, earlier: Mapping[str, Attempt], policy: Policy) -> tuple[str, ...]:
    """Recompute a stored attempt from its own turns and say what speaks against it; empty when it holds.

    A hand-edited `passed`, a standing that no turn earned, a cover carried over from an attempt that does not have
    it (`earlier` maps ids to the attempts on file), a hint given before and a changed file are all found here.
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
    stored = {s.claim: s.status for s in attempt.standings}
    differs = [
        c.id
        for c in note.claims
        if stored.get(c.id) != table[c.id].status
        and (stored.get(c.id) == "covered" or table[c.id].status == "appealed")
    ]
    if differs:
        faults.append(f"The attempt says of ^{', ^'.join(differs)} what its answers do not bear out.")
    faults += unmet(note, table, answered=answered(attempt.turns))
    return tuple(faults)


def answered(turns: Sequence[Turn]) -> bool:
    """Whether the learner explained anything in this sitting: covered what was asked, or denied a false statement."""
    for turn in turns:
        if turn.action != "answer" or turn.copied:
            continue
        mine = {v.claim: v for v in turn.verdicts if v.claim.removesuffix(CORRECTION) == turn.question.claim}
        asked = mine.get(turn.question.claim)
        correction = mine.get(turn.question.claim + CORRECTION)
        if any(v.kind != "misconception" and _sure(v, "covered") for v in mine.values()):
            return True
        denied = asked is not None and asked.kind == "misconception" and is_about(asked, correction)
        if denied and asked is not None and nearness(asked, correction) <= 0:
            return True
    return False
