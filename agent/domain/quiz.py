"""What the turns of a quiz have earned, as pure rules.

A quiz is the list of its turns; everything else is a fold over them, so that a resumed quiz, a recheck of a stored
attempt and the simulation in `evals/` all come to the same result. `agent.domain.asking` reads the fold to choose the
next question, `agent.domain.pass_rule` to say whether the topic counts as explained.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from agent.domain.appeal import after_appeal
from agent.domain.attempt import Attempt, Judged, Standing, Turn, content_hash
from agent.domain.calibration import Bands
from agent.domain.note import Note
from agent.domain.probing import CORRECTION, is_about, nearness, stance
from agent.domain.text import content_stems

CARRY_OVER = timedelta(days=14)
HELP = ("hint", "explain")

QUIZ_BANDS = Bands(accept=0.75, reject=0.28, contradict=0.9)
"""Where a quiz acts on the local grader's calibrated probabilities.

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
    both: float = 0.7
    voiced: float = 0.8
    nearer: float = 1.0
    nearer_denied: float = 2.0
    nearer_agreed: float = -0.5
    max_turns: int = 16


@dataclass(frozen=True, slots=True)
class History:
    """What earlier sittings left.

    `carried`: covers and misconceptions set right that still count, and misconceptions voiced and not taken back since.
    Per claim, the indices of the questions put (`asked`) and of those that were hinted or explained (`helped`).
    """

    carried: Mapping[str, Standing] = field(default_factory=dict)
    asked: Mapping[str, frozenset[int]] = field(default_factory=dict)
    helped: Mapping[str, frozenset[int]] = field(default_factory=dict)


def claim_hash(text: str) -> str:
    """Pin a text: what was said about it is carried over only while it still reads the same."""
    return content_hash(text)[:16]


def history_of(note: Note, attempts: Iterable[Attempt], now: datetime, policy: Policy) -> History:
    """Fold earlier attempts on the note's topic, of which the last 14 days count.

    What they earned is recomputed from their turns; an attempt that was changed after it was recorded counts for
    nothing.
    """
    covers: dict[str, Standing] = {}
    corrected: dict[str, Standing] = {}
    voiced: dict[str, Standing] = {}
    asked: dict[str, frozenset[int]] = {}
    helped: dict[str, frozenset[int]] = {}
    for attempt in sorted(attempts, key=lambda a: a.finished):
        if attempt.topic != note.id or attempt.sha256 != attempt.computed_hash():
            continue
        table = standings(note, attempt.turns, History(voiced, helped=helped), policy)
        for standing in table.values():
            own = standing.model_copy(update={"origin": attempt.id}) if standing.origin == "quiz" else standing
            # A clock that went backwards must not make a cover last longer: the future counts as expired.
            counts = standing.covered_at is not None and timedelta(0) <= now - standing.covered_at <= CARRY_OVER
            if standing.status == "covered" and counts:
                covers[standing.claim] = own
            elif standing.status == "corrected":
                voiced.pop(standing.claim, None)
                if counts and _is_set_right_as_written(note, attempt, standing.claim):
                    corrected[standing.claim] = own
            elif standing.kind == "misconception" and standing.status in ("voiced", "missing"):
                corrected.pop(standing.claim, None)
                if standing.status == "voiced" and now - attempt.finished <= CARRY_OVER:
                    voiced[standing.claim] = own
        for turn in attempt.turns:
            claim, index = turn.question.claim, turn.question.index
            asked[claim] = asked.get(claim, frozenset()) | {index}
            if turn.action in HELP:
                helped[claim] = helped.get(claim, frozenset()) | {index}
    return History(covers | corrected | voiced, asked, helped)


def _is_set_right_as_written(note: Note, attempt: Attempt, id: str) -> bool:
    """Whether an attempt held its answers against the misconception and the correction that the note has now.

    Both texts are pinned by the verdicts on them; where none was given on the correction, nothing tells what it said.
    """
    item = note.misconception(id)
    if item is None:
        return False
    judged = {verdict.claim: verdict.claim_hash for turn in attempt.turns for verdict in turn.verdicts}
    wanted = {id: claim_hash(item.statement), id + CORRECTION: claim_hash(item.correction)}
    return wanted.items() <= judged.items()


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
    for number, turn in enumerate(turns):
        asked = turn.question.claim
        if turn.action in HELP or turn.question.index in history.helped.get(asked, ()):
            helped.add(asked)
        _note_action(table, turn, helped)
        corrections = {v.claim.removesuffix(CORRECTION): v for v in turn.verdicts if v.claim.endswith(CORRECTION)}
        for verdict in turn.verdicts:
            if verdict.kind == "misconception":
                _hear_misconception(table, turns[: number + 1], verdict, corrections.get(verdict.claim), policy)
            elif verdict.claim_hash == getattr(table.get(verdict.claim), "claim_hash", None) and (
                verdict.claim == asked or _says_unasked(note, verdict, policy)
            ):
                table[verdict.claim] = _hear(table[verdict.claim], turn, verdict, helped, policy)
    return table


def _note_action(table: dict[str, Standing], turn: Turn, helped: set[str]) -> None:
    """Record what a message that is no answer of the learner's own does to the claim asked."""
    before = table.get(turn.question.claim)
    passed_over = turn.copied or turn.action in ("skip", "explain")
    if _is_unheard(before) and turn.question.kind == "probe" and passed_over:
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
    sure = verdict.surely("covered") or _both_cover(before, turn, verdict, policy)
    if turn.copied or not sure:
        if not asked or before.status == "helped":
            return before
        status = "contradicted" if verdict.surely("contradicted") else "missing"
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
    return not verdict.surely("contradicted") and (before.p_covered + verdict.p_covered) / 2 >= policy.both


def _hear_misconception(
    table: dict[str, Standing], turns: Sequence[Turn], verdict: Judged, correction: Judged | None, policy: Policy
) -> None:
    """Record what the last turn makes of a false statement: voiced, set right, or put and left standing."""
    turn, before = turns[-1], table.get(verdict.claim)
    status = before.status if before is not None and not _is_unheard(before) else "open"
    if turn.question.claim == verdict.claim:
        now = "missing" if turn.copied else _answered_probe(turn, verdict, correction, policy)
        if now == "missing" and status == "voiced":
            now = status
    else:
        now = status if turn.copied else _heard_in_passing(status, verdict, correction, policy)
    if now == status:
        return
    is_right = now == "corrected"
    with_help = any(t.action in HELP and t.question.claim == verdict.claim for t in turns)
    decided = correction if is_right and correction is not None and correction.quote else verdict
    values = {
        "claim": verdict.claim,
        "kind": "misconception",
        "status": now,
        "p_covered": verdict.p_covered,
        "quote": decided.quote,
        "claim_hash": verdict.claim_hash,
        "covered_at": turn.at if is_right and correction is not None and not with_help else None,
    }
    table[verdict.claim] = Standing.model_validate(values)


def _is_unheard(before: Standing | None) -> bool:
    """Whether this sitting has not heard of a misconception yet; one set right in an earlier one can be voiced anew."""
    return before is None or (before.status == "corrected" and before.origin != "quiz")


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
    if status != "corrected" and verdict.surely("covered") and verdict.p_covered >= policy.voiced and more:
        return "voiced"
    said = correction is not None and correction.surely("covered") and correction.p_covered >= policy.voiced
    if status in ("voiced", "missing") and (verdict.surely("contradicted") or (said and not more)):
        return "corrected"
    return status


def for_recheck(history: History) -> History:
    """Give the history of a re-check, in which nothing that was explained or set right before counts as such."""
    voiced = {claim: standing for claim, standing in history.carried.items() if standing.status == "voiced"}
    return replace(history, carried=voiced)


def status_of(table: Mapping[str, Standing], claim: str) -> str:
    """Say where a claim or misconception stands; `open` where nothing was heard of it."""
    return table[claim].status if claim in table else "open"
