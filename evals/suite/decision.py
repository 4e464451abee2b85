"""From the samples of two arms to a verdict. Pure: the thresholds, and the sentences that a person reads."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from evals.suite import paired, power
from evals.suite.contract import Case
from evals.suite.samples import Sample

Verdict = Literal["not worse", "regression", "inconclusive", "invalid", "budget spent"]
EXIT: Mapping[Verdict, int] = {
    "not worse": 0,
    "regression": 1,
    "inconclusive": 10,
    "invalid": 11,
    "budget spent": 12,
}
WORST_FIRST: Sequence[Verdict] = ("regression", "invalid", "budget spent", "inconclusive", "not worse")

MARGIN = 0.05
"""A drop up to here is not worth a person's evening."""
ALARM = 0.2
"""Adjusted p-value from which fresh samples are taken. A sieve, not a verdict: together with `CONFIRM` a night on which
nothing changed turns red with a chance of at most 0.2 × 0.05 = 1 %."""
CONFIRM = 0.05
BLIND = 2 * MARGIN
"""A run that would not have found a drop of this size, confirmation included, says "inconclusive", not "not worse"."""
COVERAGE = 0.98
SHAKY = 0.02
"""Share of requests whose first try failed at the endpoint, from which nothing that it says is trusted."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Candidate minus baseline on the items that both arms measured; rates and differences of the primary metric.

    `detectable`: the drop that would have been called a regression with 80 % power. `error`: of the difference.
    """

    items: int
    sources: int
    baseline: float
    candidate: float
    difference: float
    low: float
    high: float
    p_worse: float
    p_better: float
    detectable: float
    lost: int
    won: int
    error: float = 1.0


def compare(cases: Iterable[Case], baseline: Mapping[str, float], candidate: Mapping[str, float]) -> Comparison | None:
    """Compare two arms by case id → score; None where they share no item."""
    shared = [case for case in cases if case.id in baseline and case.id in candidate]
    if not shared:
        return None
    groups: dict[str, list[float]] = {}
    for case in shared:
        groups.setdefault(case.source, []).extend([candidate[case.id] - baseline[case.id]] * case.weight)
    total = sum(case.weight for case in shared)
    low, high = paired.interval(groups)
    differences = [candidate[case.id] - baseline[case.id] for case in shared]
    error = min(1.0, paired.standard_error(groups))
    found = Comparison(
        items=len(shared),
        sources=len(groups),
        baseline=sum(case.weight * baseline[case.id] for case in shared) / total,
        candidate=sum(case.weight * candidate[case.id] for case in shared) / total,
        difference=paired.mean_difference(groups),
        low=low,
        high=high,
        p_worse=paired.worse_p(groups),
        p_better=paired.better_p(groups),
        detectable=1.0,
        lost=sum(value < -1e-9 for value in differences),
        won=sum(value > 1e-9 for value in differences),
        error=error,
    )
    return alone(found)


def alone(found: Comparison, compared: int = 1) -> Comparison:
    """With the drop that a single test finds when `compared` subjects are tested and nothing confirms it."""
    stage = power.Stage(CONFIRM / compared, found.error, found.items, found.sources)
    return replace(found, detectable=power.detectable([stage], margin=MARGIN))


def would_have_seen(
    first: Comparison,
    fresh: Comparison,
    *,
    draws: tuple[int, int],
    weights: tuple[float, float],
    compared: int,
    alarmed: int = 1,
) -> float:
    """The drop that alarm and confirmation find together, by the spread of either stage.

    `draws` are the samples of an item in each, `weights` what the two count in their common difference. `compared` and
    `alarmed` are the subjects between which Holm's correction divides the levels of the two.
    """
    levels = ALARM / compared, CONFIRM / alarmed
    stages = [
        power.Stage(alpha, stage.error, stage.items, stage.sources, weight, repeats)
        for alpha, stage, weight, repeats in zip(levels, (first, fresh), weights, draws, strict=True)
    ]
    return power.detectable(stages, margin=MARGIN)


def item_scores(samples: Iterable[Sample], metric: str) -> dict[str, float]:
    """Case → mean over its measured repeats; cases on which the metric does not apply are left out."""
    found: dict[str, list[float]] = {}
    for sample in samples:
        value = sample.scores.get(metric)
        if sample.measured and value is not None:
            found.setdefault(sample.case, []).append(value)
    return {case: sum(values) / len(values) for case, values in found.items()}


def pool(first: Mapping[str, float], fresh: Mapping[str, float], weights: tuple[int, int]) -> dict[str, float]:
    """Scores of two stages together, by their numbers of repeats; a case of one stage alone keeps its score."""
    both = dict(first) | dict(fresh)
    for case in first.keys() & fresh.keys():
        both[case] = (weights[0] * first[case] + weights[1] * fresh[case]) / sum(weights)
    return both


def coverage(samples: Sequence[Sample]) -> float:
    """Share of the samples taken that measured something; 1 where none was to be taken."""
    return sum(sample.measured for sample in samples) / len(samples) if samples else 1.0


def unmeasured(samples: Sequence[Sample]) -> str:
    """Say how much is missing and why, in words for the verdict."""
    missing = [sample for sample in samples if not sample.measured]
    why = f": {missing[0].why}" if missing else ""
    return f"{len(missing)} of {len(samples)} samples are unmeasured (at most {1 - COVERAGE:.0%} may be){why}"


def alarms(firsts: Mapping[str, Comparison]) -> dict[str, float]:
    """Subjects whose drop deserves fresh samples, with their adjusted p-values (Holm over the subjects compared)."""
    adjusted = paired.holm({name: first.p_worse for name, first in firsts.items()})
    return {name: p for name, p in adjusted.items() if p <= ALARM and firsts[name].difference < 0}


def confirmed(fresh: Mapping[str, Comparison]) -> set[str]:
    """Alarms that fresh samples bear out by themselves: worse again (Holm over the alarms)."""
    adjusted = paired.holm({name: again.p_worse for name, again in fresh.items()})
    return {name for name, p in adjusted.items() if p <= CONFIRM and fresh[name].difference < 0}


def judge(found: Comparison, *, worse: bool = False) -> tuple[Verdict, str]:
    """The verdict where no regression was found, with what would have been seen.

    A drop that is there, by its p-value or since fresh samples bore it out (`worse`), is never called none: it lies
    within the margin, or it cannot be told whether it does.
    """
    seen = f"a drop of {_points(found.detectable)} points would have been seen"
    if found.difference < 0 and (worse or found.p_worse <= CONFIRM):
        size = f"{_points(-found.difference)} points worse (p {p_value(found.p_worse)})"
        if found.low >= -MARGIN:
            return "not worse", f"{size}, within the margin of {100 * MARGIN:.0f}"
        reach = f"anything from {_points(max(0.0, -found.high))} to {_points(-found.low)}"
        return "inconclusive", f"{size}, {reach}, where a regression begins at {100 * MARGIN:.0f}"
    if found.difference > 0 and found.p_better <= CONFIRM:
        return "not worse", f"better; {seen}"
    if found.detectable > BLIND:
        return "inconclusive", f"no drop was found, but only {seen}"
    return "not worse", f"no drop was found; {seen}"


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """The run's verdict: the worst of its subjects'; budget spent where nothing was measured at all."""
    given = set(verdicts)
    return next((verdict for verdict in WORST_FIRST if verdict in given), "budget spent")


def slices(
    cases: Iterable[Case], baseline: Mapping[str, float], candidate: Mapping[str, float]
) -> dict[str, tuple[Comparison, float]]:
    """`style=terse` → its comparison and the p-value of any change, adjusted over all slices. For the report only."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        for name, value in case.slices.items():
            groups.setdefault(f"{name}={value}", []).append(case)
    compared = {name: found for name, group in groups.items() if (found := compare(group, baseline, candidate))}
    either = {name: min(1.0, 2 * min(c.p_worse, c.p_better)) for name, c in compared.items()}
    adjusted = paired.benjamini_hochberg(either)
    return {name: (found, adjusted[name]) for name, found in compared.items()}


def _points(share: float) -> str:
    return f"{100 * share:.1f}"


def p_value(p: float) -> str:
    """A p-value as it is written."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
