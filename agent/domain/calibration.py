"""Calibration of a grader's probabilities: error measures and thresholds with a small-sample correction."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, exp, log

_LEAST = 0.005
"""Least probability that a scaling tells from none."""


def log_odds(p: float, least: float = 0.02) -> float:
    """log(p / (1 - p)), where `p` counts as at least `least` and at most 1 - `least`."""
    p = min(1 - least, max(least, p))
    return log(p / (1 - p))


def probability(odds: float) -> float:
    """The probability of log odds."""
    return 1 / (1 + exp(-odds))


@dataclass(frozen=True, slots=True)
class Bands:
    """Where a probability is acted on. Between the bounds the grader abstains: the caller asks, not guesses.

    `accept`: least p(covered) of an accepted claim; `reject`: greatest p(covered) of a claim called missing;
    `contradict`: least p(contradicted) of a claim called contradicted without abstaining; `lean`: its share of what
    is not covered above which contradicted, not missing, is the best guess.
    """

    accept: float
    reject: float
    contradict: float
    lean: float = 0.5


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
    """The least threshold such that the error among `p >= threshold` keeps under `error`, with a +1 correction.

    With `wrong` errors in `n` accepted held-out rows, (wrong + 1) / (n + 1) must not exceed `error`: the correction of
    conformal risk control (Angelopoulos et al. 2022), but no bound. Their guarantee needs a risk that only falls as the
    threshold rises, and the error among the accepted can rise. Returns a value above 1 where no threshold reaches it.
    Scanned from the strict side and stopped at the first failure after `4 / error` rows, so that a lucky loose
    threshold is not chosen.
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


@dataclass(frozen=True, slots=True)
class Scaling:
    """Platt scaling of a probability: `log odds * slope + shift`. The identity is (1, 0)."""

    slope: float = 1.0
    shift: float = 0.0

    def apply(self, p: float) -> float:
        """The scaled probability; the identity leaves it as it is, also where it is 0 or 1."""
        if self == Scaling():
            return p
        return probability(self.slope * log_odds(p, _LEAST) + self.shift)


def fit_personal_head(rows: Sequence[tuple[float, bool]], *, prior: float = 4.0, most: float = 1.0) -> Scaling:
    """Platt scaling of (p(covered), was it covered) from accepted appeals and confirmed verdicts.

    The shift is held within `most` log odds, so that a few appeals move the fence a little and no number of them
    opens it.
    """
    free = platt(rows, prior=prior)
    return Scaling(slope=min(2.0, max(0.5, free.slope)), shift=min(most, max(-most, free.shift)))


def platt(rows: Sequence[tuple[float, bool]], *, prior: float = 0.1) -> Scaling:
    """Platt scaling (1999) of (p, was it so): a logistic regression on the log odds of p.

    A ridge of weight `prior` pulls towards the identity. Newton's method, 25 steps.
    """
    slope, shift = 1.0, 0.0
    for _ in range(25):
        g0 = prior * (slope - 1.0)
        g1 = prior * shift / 4
        h00, h01, h11 = prior, 0.0, prior / 4
        for p, covered in rows:
            x = log_odds(p, _LEAST)
            q = probability(slope * x + shift)
            error, spread = q - covered, q * (1 - q)
            g0 += error * x
            g1 += error
            h00 += spread * x * x
            h01 += spread * x
            h11 += spread
        det = h00 * h11 - h01 * h01
        slope -= (h11 * g0 - h01 * g1) / det
        shift -= (h00 * g1 - h01 * g0) / det
    return Scaling(slope, shift)
