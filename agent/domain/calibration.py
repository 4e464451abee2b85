"""Calibration of a grader's probabilities: error measures and thresholds with a finite-sample bound."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class Bands:
    """Where a probability is acted on. Between the bounds the grader abstains: the caller asks, not guesses.

    `accept`: least p(covered) of an accepted claim; `reject`: greatest p(covered) of a claim called missing;
    `contradict`: least p(contradicted) of a claim called contradicted.
    """

    accept: float
    reject: float
    contradict: float


def expected_calibration_error(p: Sequence[float], hit: Sequence[bool], bins: int = 10) -> float:
    """Mean |confidence - frequency| over `bins` of equal width, weighted by their counts (Naeini et al. 2015).

    Raises ValueError where there is nothing to measure or the lengths differ.
    """
    if not p or len(p) != len(hit):
        msg = f"calibration needs as many outcomes as probabilities, at least one (got {len(p)} and {len(hit)})"
        raise ValueError(msg)
    groups: dict[int, list[int]] = {}
    for i, value in enumerate(p):
        groups.setdefault(min(bins - 1, int(value * bins)), []).append(i)
    total = 0.0
    for group in groups.values():
        total += abs(sum(p[i] for i in group) - sum(hit[i] for i in group))
    return total / len(p)


def accept_threshold(p: Sequence[float], right: Sequence[bool], error: float) -> float:
    """The least threshold such that the error among `p >= threshold` keeps under `error`, with the +1 correction.

    Conformal risk control on held-out scores (Angelopoulos et al. 2022), applied to the error rate among the
    accepted: with `wrong` errors in `n` accepted, (wrong + 1) / (n + 1) must not exceed `error`. Returns a value
    above 1 where no threshold reaches it. Scanned from the strict side and stopped at the first failure after
    `1 / error` rows, so that a lucky loose threshold is not chosen.
    """
    order = sorted(zip(p, right, strict=True), reverse=True)
    wrong = 0
    best = 1.01
    for n, (value, good) in enumerate(order, 1):
        wrong += not good
        tied = n < len(order) and order[n][0] == value
        if tied:
            continue
        if (wrong + 1) / (n + 1) <= error:
            best = value
        elif n >= ceil(4 / error):
            break
    return best
