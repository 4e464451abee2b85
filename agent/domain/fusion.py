"""One ranking out of two: a convex combination of normalised scores.

Bruch, Gai and Ingber 2023, "An Analysis of Fusion Functions for Hybrid Retrieval" (ACM TOIS), found it better
than reciprocal rank, which forgets by how much a leg prefers a passage.
"""

import re
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

K = TypeVar("K", bound=Hashable)

# Chosen together on three development sets (docs/decisions, "Fusion of the two legs"); the optimum is flat.
ALPHA = 0.55
ALPHA_CODE = 0.7
COSINE_FLOOR = -0.5
RECIPROCAL_K = 60  # Cormack, Clarke and Büttcher 2009

_CODE = re.compile(r"[a-z0-9]_[a-z0-9]|\b[a-z]{2,}[A-Z][a-z]|\w\(|\w\.\w+\(|[{};`]|[=!<>]=|[-=]>|::|\w = \w")


def alpha_for(query: str) -> float:
    """The dense leg's weight: nearer to dense for a query that looks like code.

    Identifiers of code seldom stand in prose as they are written, so that word overlap says less there.
    """
    return ALPHA_CODE if _CODE.search(query) else ALPHA


def convex(lexical: Mapping[K, float], bound: float, cosine: Mapping[K, float], alpha: float = ALPHA) -> dict[K, float]:
    """Fused score of every candidate of either leg.

    A lexical score is divided by the geometric mean of the best one and of `bound`, the most any passage could
    reach for this query: a query whose words hardly occur anywhere then leaves the decision to the dense leg. A
    cosine is mapped linearly so that the best one becomes 1 and `COSINE_FLOOR` 0; candidates without one count
    as unrelated (cosine 0), those without a lexical score as 0.
    """
    best = max(lexical.values(), default=0.0)
    scale = (best * max(bound, best)) ** 0.5
    span = max(cosine.values(), default=0.0) - COSINE_FLOOR
    fused = {}
    for key in {**lexical, **cosine}:
        words = lexical.get(key, 0.0) / scale if scale > 0 else 0.0
        meaning = max(cosine.get(key, 0.0) - COSINE_FLOOR, 0.0) / span if span > 0 else 0.0
        fused[key] = alpha * meaning + (1 - alpha) * words
    return fused


def reciprocal_rank(rankings: Sequence[Sequence[K]], k: int = RECIPROCAL_K) -> dict[K, float]:
    """Sum of 1 / (k + rank) over the rankings, best first each: for legs whose scores cannot be compared."""
    fused: dict[K, float] = {}
    for ranking in rankings:
        for rank, key in enumerate(ranking, 1):
            fused[key] = fused.get(key, 0.0) + 1 / (k + rank)
    return fused


def ranked(scores: Mapping[K, float]) -> list[K]:
    """Keys by falling score; equal scores keep the order of their text form, so that a rebuilt index agrees."""
    return sorted(scores, key=lambda key: (-scores[key], str(key)))
