"""Intervals for the tables of the evals."""

import random
from collections.abc import Mapping, Sequence
from math import sqrt

Z95 = 1.959964


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a rate (Wilson 1927); (0, 1) where nothing was counted."""
    if n == 0:
        return 0.0, 1.0
    rate, z2 = hits / n, Z95 * Z95
    centre = (rate + z2 / (2 * n)) / (1 + z2 / n)
    spread = Z95 * sqrt(rate * (1 - rate) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, centre - spread), min(1.0, centre + spread)


def cluster_interval(groups: Mapping[str, Sequence[bool]], *, draws: int = 2000, seed: int = 0) -> tuple[float, float]:
    """95 % percentile interval of a rate when whole groups (notes, questions) are drawn with replacement.

    (0, 1) with fewer than two groups: nothing can be said about other groups then.
    """
    counts = [(sum(group), len(group)) for group in groups.values() if group]
    if len(counts) < 2:
        return 0.0, 1.0
    rng = random.Random(seed)  # noqa: S311
    rates = []
    for _ in range(draws):
        drawn = rng.choices(counts, k=len(counts))
        rates.append(sum(hits for hits, _ in drawn) / sum(n for _, n in drawn))
    rates.sort()
    return rates[int(0.025 * draws)], rates[int(0.975 * draws) - 1]
