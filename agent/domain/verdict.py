"""What a grader says about one (answer, claim) pair."""

from dataclasses import dataclass
from typing import Literal

VerdictName = Literal["covered", "missing", "contradicted"]
ClaimKind = Literal["core", "claim", "boundary", "term", "misconception", "correction"]


@dataclass(frozen=True, slots=True)
class ClaimText:
    """The claim as a grader sees it: its statement and kind; `id` is the note's block id."""

    id: str
    text: str
    kind: ClaimKind


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judgement of one claim.

    `p_covered` and `p_contradicted` are calibrated probabilities in 0..1 (they sum to at most 1).
    `quote` is the part of the answer that decided it: an exact substring, "" where nothing did.
    `abstain` is true when the probability lies in the grader's abstain band; callers then ask, not guess.
    """

    claim: str
    name: VerdictName
    p_covered: float
    p_contradicted: float
    quote: str
    abstain: bool
