"""Misconceptions in a quiz: how they are put to the learner, and when an answer has set one right.

A small grader hardly hears a false statement by itself: a sentence and its opposite share their words, and both come
out near one half. It does tell which of the two an answer is nearer to. So a misconception that was put to the
learner is settled only by what holds instead, read against the false statement on the same words.
"""

import re
from collections.abc import Sequence
from typing import Literal

from agent.domain.attempt import Judged, Question, Turn
from agent.domain.calibration import log_odds
from agent.domain.note import Misconception

CORRECTION = ".correction"
"""Suffix of the id under which a misconception's correction is judged."""
ABOUT = 0.4
"""Least probability that an answer speaks of the statement or of its correction at all, for or against."""
Stance = Literal["agrees", "denies", ""]

_HEDGE = re.compile(
    r"""(?:if\ i\ (?:remember|recall)(?:\ (?:correctly|right|it))*
    |as\ far\ as\ i\ (?:know|understand|can\ tell|remember)(?:\ it)?
    |(?:i'?m\ )?not\ (?:\w+\ )?sure(?:,?\ but)?
    |i\ (?:would|'d)?\ ?(?:think|guess|believe|say|suppose)(?:\ that)?|i'd\ say|well|hm+
    |okay|ok|oh|so|maybe|probably|honestly|to\ be\ honest)(?=[\s,.:!–-])[\s,.:!–-]*""",
    re.IGNORECASE | re.VERBOSE,
)
_AGREES = re.compile(
    r"""(?:yes|yeah|yep|right|true|correct|exactly|agreed?|sure|indeed|of\ course|absolutely|certainly
    |(?:i|we)\ (?:\w+\ )?agree|(?:that|this|it|he|she|they)(?:'?s|'?re|\ is|\ are)?\ (?:right|true|correct))\b""",
    re.IGNORECASE | re.VERBOSE,
)
_DENIALS = frozenset("no nope not never wrong false incorrect untrue disagree doubt myth".split())
_NEGATED = re.compile(
    r"(?:.*n['’]t|(?:is|are|was|were|do|does|did|ca|wo|would|should|could|has|have)nt)", re.IGNORECASE
)
_OPENING = 5
_SENTENCES = 2
_END = re.compile(r"(?<=[.!?])\s+")
_WORD = re.compile(r"[a-z]+(?:['’]t)?", re.IGNORECASE)


def stance(answer: str) -> Stance:
    """Whether an answer opens by agreeing with what was put to it, or by denying it; "" where it does neither.

    Hedges are passed over, and so is a first sentence that says nothing ("Good question.").
    """
    for sentence in _END.split(answer.strip())[:_SENTENCES]:
        said = sentence.lstrip("\"'“‘(- ")
        while hedge := _HEDGE.match(said):
            said = said[hedge.end() :]
        if _AGREES.match(said):
            return "agrees"
        opening = [word.casefold() for word in _WORD.findall(said)[:_OPENING]]
        if any(w in _DENIALS or _NEGATED.fullmatch(w) for w in opening):
            return "denies"
    return ""


def nearness(statement: Judged, correction: Judged | None) -> float:
    """By how much an answer is nearer to the false statement than to its correction, in log-odds.

    An attempt without a verdict on the correction counts what spoke against the statement instead.
    """
    contrary = correction.p_covered if correction is not None else statement.p_contradicted
    return log_odds(statement.p_covered) - log_odds(contrary)


def is_about(statement: Judged, correction: Judged | None) -> bool:
    """Whether an answer says anything on the matter; "hard to say" is nearer to neither."""
    each = [statement] if correction is None else [statement, correction]
    return max(v.p_covered + v.p_contradicted for v in each) >= ABOUT


def probe(misconception: Misconception, *, again: bool = False) -> Question:
    """Put a false statement to the learner as somebody else's, or once more where the answer did not set it right."""
    statement = misconception.statement.rstrip(".")
    text = (
        f"Stay with this: “{statement}.” What would have to be different for it to be true, and what holds instead?"
        if again
        else f"A colleague says: “{statement}.” What do you answer, and why?"
    )
    return Question(claim=misconception.id, kind="follow_up" if again else "probe", text=text)


def likeliest(among: Sequence[Misconception], turns: Sequence[Turn]) -> Misconception | None:
    """Choose the misconception that the answers came closest to; None where there is none."""
    best: dict[str, float] = {}
    for turn in turns:
        for verdict in turn.verdicts:
            if verdict.kind == "misconception":
                best[verdict.claim] = max(best.get(verdict.claim, 0.0), verdict.p_covered)
    return max(among, key=lambda m: best.get(m.id, 0.0), default=None)
