"""The smallest drop that the whole procedure finds: the alarm, its confirmation and the margin, not one test alone.

Normal approximation, with the errors that were observed; the two stages are taken as independent, which is on the safe
side where they draw the same items.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, exp, log2, pi, sqrt
from statistics import NormalDist

POWER = 0.8
_NORMAL = NormalDist()
_FAR, _STEPS, _HALVINGS, _STILL = 7.0, 240, 24, 1e-9


@dataclass(frozen=True, slots=True)
class Stage:
    """One look at the items.

    `alpha`: its level, one-sided, corrections included. `error`: the standard error of its mean difference as it was
    seen. `draws`: samples of an item. `weight`: how much its difference counts in that of all stages.
    """

    alpha: float
    error: float
    items: int
    sources: int
    weight: float = 1.0
    draws: int = 1

    def spread(self, drop: float) -> float:
        """Its error where so many samples are lost: which ones is chance too, and no quiet night shows it."""
        return max(_STILL, sqrt(self.error**2 + drop * (1 - drop) / (self.items * self.draws)))

    def bar(self, drop: float) -> float:
        """How far below 0 the difference must lie to be significant."""
        return _NORMAL.inv_cdf(1 - self.alpha) * self.spread(drop)

    @property
    def flips(self) -> int:
        """Sources that must all be worse before coin flips reach `alpha`."""
        return ceil(log2(1 / self.alpha))


def detectable(stages: Sequence[Stage], *, margin: float, power: float = POWER) -> float:
    """The smallest drop (a positive number) that one or two stages find with this power.

    Found is what is significant in each of them and larger than `margin` over both. Never less than one lost
    item in each of as many sources as the coin flips need, which is what is left where nothing differed at all. 1.0
    where even all would not do.
    """
    if any(stage.sources < stage.flips for stage in stages):
        return 1.0
    least = max(stage.flips / stage.items for stage in stages)
    low, high = margin, 1.0
    if chance(high, stages, margin=margin) < power:
        return 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if chance(middle, stages, margin=margin) < power:
            low = middle
        else:
            high = middle
    return max(high, least)


def chance(drop: float, stages: Sequence[Stage], *, margin: float) -> float:
    """The chance that a drop of this size is called a regression."""
    first, *fresh = stages
    error = first.spread(drop)
    if not fresh:
        return _NORMAL.cdf((drop - max(first.bar(drop), margin)) / error)
    (second,) = fresh
    end = min(_FAR, (drop - first.bar(drop)) / error)  # beyond it there is no alarm
    if end <= -_FAR:
        return 0.0
    step, total = (end + _FAR) / _STEPS, 0.0
    for place in range(_STEPS):
        u = -_FAR + (place + 0.5) * step
        seen = error * u - drop
        pooled = (-margin * (first.weight + second.weight) - first.weight * seen) / second.weight
        total += exp(-u * u / 2) * _NORMAL.cdf((min(-second.bar(drop), pooled) + drop) / second.spread(drop))
    return total * step / sqrt(2 * pi)
