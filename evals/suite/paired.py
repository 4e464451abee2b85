"""Paired tests of two arms on the same items, where items of one source stand or fall together.

A difference is candidate minus baseline on one item, averaged over repeats. Under "nothing changed" the two arms of
a source could be exchanged, so the sign of its summed difference is a coin flip; that is all the tests assume.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import comb, lcm, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.typing import NDArray

Clustered = Mapping[str, Sequence[float]]
"""Source → the differences of its items."""

_FLIPS = 20_000
_FINEST = 5_040  # denominators up to here are summed exactly
_LARGEST = 2_000_000  # cells of the exact distribution


def mean_difference(groups: Clustered) -> float:
    """The mean over items."""
    items = [value for group in groups.values() for value in group]
    return sum(items) / len(items)


def worse_p(groups: Clustered, *, seed: int = 0) -> float:
    """One-sided p-value of "the candidate is worse": exact McNemar where it applies, else cluster sign-flips."""
    items = [group[0] for group in groups.values() if len(group) == 1]
    if len(items) == len(groups) and all(value in (-1, 0, 1) for value in items):
        return mcnemar_p(items.count(-1), items.count(1))
    return sign_flip_p([sum(group) for group in groups.values()], seed=seed)


def better_p(groups: Clustered, *, seed: int = 0) -> float:
    """One-sided p-value of "the candidate is better"."""
    return worse_p({source: [-value for value in group] for source, group in groups.items()}, seed=seed)


def mcnemar_p(lost: int, won: int) -> float:
    """P(at least `lost` of the items that changed were lost) when each direction is as likely (McNemar 1947, exact)."""
    changed = lost + won
    return float(sum(comb(changed, k) for k in range(lost, changed + 1)) / 2**changed)


def sign_flip_p(sums: Sequence[float], *, seed: int = 0) -> float:
    """P(a random choice of signs gives a total as low as the one seen).

    Exact where the sums lie on a common grid, as rates over a few repeats do; else from `_FLIPS` random choices, with
    the observed one counted in, so that it is never 0 (Phipson & Smyth 2010).
    """
    sizes = [abs(value) for value in sums if abs(value) > 1e-12]
    if not sizes:
        return 1.0
    whole = _on_a_grid([*sizes, *sums])
    if whole is not None and 2 * sum(whole[: len(sizes)]) < _LARGEST:
        return _exact_p(whole[: len(sizes)], sum(whole[len(sizes) :]))
    import numpy as np

    rng = np.random.default_rng(seed)
    signs = rng.integers(0, 2, (_FLIPS, len(sizes)), dtype=np.int8) * 2 - 1
    totals = signs @ np.array(sizes)
    return float((1 + (totals <= sum(sums) + 1e-9).sum()) / (_FLIPS + 1))


def _on_a_grid(values: Sequence[float]) -> list[int] | None:
    """The values as multiples of one small fraction; None where there is none."""
    fractions = [Fraction(value).limit_denominator(_FINEST) for value in values]
    if any(abs(float(f) - value) > 1e-9 for f, value in zip(fractions, values, strict=True)):
        return None
    step = lcm(*(f.denominator for f in fractions))
    return [int(f * step) for f in fractions] if step <= _FINEST else None


def _exact_p(sizes: Sequence[int], total: int) -> float:
    """P(sum of ±sizes <= total), by adding one size after another to the distribution of the sum."""
    import numpy as np

    reach = sum(sizes)
    chance: NDArray[np.float64] = np.zeros(2 * reach + 1)
    chance[reach] = 1.0
    for size in sizes:
        chance = 0.5 * (np.roll(chance, size) + np.roll(chance, -size))  # never wraps: |sum| <= reach
    return float(min(1.0, chance[: reach + total + 1].sum()))


def exchange_p(strata: Sequence[tuple[int, int, int, int]]) -> float:
    """One-sided p-value of "the first arm has more hits", when the draws of each stratum could be exchanged.

    `strata`: hits and draws of the first arm, hits and draws of the second. Exact: given a stratum's hits, those that
    fall into the first arm are hypergeometric (Fisher 1935), and strata add up.
    """
    import numpy as np

    chance: NDArray[np.float64] = np.ones(1)
    for hits, draws, others, other_draws in strata:
        both, lowest = hits + others, max(0, hits + others - other_draws)
        ways = [comb(draws, k) * comb(other_draws, both - k) for k in range(lowest, min(both, draws) + 1)]
        chance = np.convolve(chance, np.array([0.0] * lowest + [way / comb(draws + other_draws, both) for way in ways]))
    seen = sum(hits for hits, *_ in strata)
    return float(min(1.0, chance[seen:].sum()))


def interval(groups: Clustered, *, draws: int = 2000, seed: int = 0) -> tuple[float, float]:
    """95 % interval of the mean when whole sources are drawn with replacement; (-1, 1) for fewer than two."""
    kept = [(sum(group), len(group)) for group in groups.values() if group]
    if len(kept) < 2:
        return -1.0, 1.0
    import numpy as np

    totals, counts = np.array(kept, dtype=float).T
    picks = np.random.default_rng(seed).integers(0, len(kept), (draws, len(kept)))
    low, high = np.percentile(totals[picks].sum(axis=1) / counts[picks].sum(axis=1), [2.5, 97.5])
    return float(low), float(high)


def standard_error(groups: Clustered) -> float:
    """Of the mean difference, sources drawn at random (the linearised variance of a ratio of sums)."""
    kept = [group for group in groups.values() if group]
    if len(kept) < 2:
        return float("inf")
    mean, count = mean_difference(groups), sum(len(group) for group in kept)
    squares = sum((sum(group) - mean * len(group)) ** 2 for group in kept)
    return sqrt(squares * len(kept) / (len(kept) - 1)) / count


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p-values that keep the chance of any false alarm among them (Holm 1979)."""
    adjusted: dict[str, float] = {}
    running = 0.0
    for place, name in enumerate(sorted(p_values, key=lambda key: (p_values[key], key))):
        running = max(running, min(1.0, (len(p_values) - place) * p_values[name]))
        adjusted[name] = running
    return adjusted


def benjamini_hochberg(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p-values that keep the share of false ones among those reported (Benjamini & Hochberg 1995)."""
    adjusted: dict[str, float] = {}
    running = 1.0
    order = sorted(p_values, key=lambda key: (p_values[key], key), reverse=True)
    for place, name in enumerate(order):
        running = min(running, p_values[name] * len(p_values) / (len(p_values) - place))
        adjusted[name] = running
    return adjusted
