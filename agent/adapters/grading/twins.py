"""The twin of an answer: the same words with one negation undone, held against the same claim.

An encoder of this size reads "is linear" and "is not linear" nearly alike, so their probabilities say little; but
their difference says which of the two states the claim. An answer whose twin states it better denies it.
"""

import re

from agent.domain.calibration import log_odds, probability

_MOST = 4
"""Negations tried; each is a pass of the encoder."""
_MARGIN, _WEIGHT = 0.3, 2.0
"""How much likelier, in log odds, the twin may be, and what each unit above that takes away. On dev 8 % of the truthful
answers have a twin .5 above them and 82 % of those with a "not" put in (lab/claim-grader/RESULTS.md)."""
_UNDONE = {"cannot": "can", "can't": "can", "cant": "can", "without": "with", "no longer": "still", "no": "a"}
_UNDONE |= {"neither": "either", "nor": "or", "dont": "do", "doesnt": "does", "isnt": "is", "arent": "are"}
_NEGATION = re.compile(
    r"\b(?:no longer|cannot|can['’]t|cant|dont|doesnt|isnt|arent|not|never|without|neither|nor|no)\b|n['’]t\b", re.I
)


def twins(answer: str) -> list[str]:
    """The answer with one of its negations undone, for each of the first four."""
    out = []
    for found in list(_NEGATION.finditer(answer))[:_MOST]:
        instead = _UNDONE.get(found[0].lower().replace("’", "'"), "")
        out.append(re.sub(r" {2,}", " ", answer[: found.start()] + instead + answer[found.end() :]).strip())
    return out


def doubted(covered: float, own: float, twin: float) -> float:
    """p(covered) after the twin was heard: `own` and `twin` are the encoder's for the answer and for its twin."""
    above = log_odds(twin) - log_odds(own) - _MARGIN
    return covered if above <= 0 else probability(log_odds(covered) - _WEIGHT * above)
