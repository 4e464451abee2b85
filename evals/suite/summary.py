"""From a track's samples to what the report shows of it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Protocol

from evals.suite import paired
from evals.suite.baseline import Baseline
from evals.suite.contract import CURRENT, Case
from evals.suite.decision import Comparison, compare, coverage, item_scores, slices
from evals.suite.invariants import broken_anew
from evals.suite.plan import sampler_name
from evals.suite.result import Metric, SubjectResult, Worst
from evals.suite.samples import Sample
from evals.suite.track import Track

WORST = 8
_OF_ONE_SOURCE = 2
LONGEST = 4_000
"""Characters of one text in a trace; a prompt with its passages is shorter."""


class Requests(Protocol):
    """Where the requests behind a trace are found."""

    def trace(self, key: str) -> Mapping[str, str]:
        """`request` (all messages) and `reply` under a call's key, empty where they are not kept."""
        ...


def summarise(track: Track, released: Baseline | None = None, requests: Requests | None = None) -> SubjectResult:
    """Everything about one subject of a run."""
    assert track.done is not None
    plan, baseline = track.plan, track.plan.baseline
    verdict, reason = track.done
    scores = item_scores(track.candidate, track.primary)
    reference = item_scores(track.baseline, track.primary) or stored(plan.cases, baseline)
    known = baseline.known if baseline else {}
    sampler = sampler_name(plan.options, repeatable=track.repeatable) if plan.subject.uses_chat else "none"
    return SubjectResult(
        name=track.name,
        title=plan.subject.title,
        verdict=verdict,
        reason=reason,
        kind=plan.kind,
        axes=plan.axes,
        primary=track.primary,
        fingerprint={**plan.fingerprint, "sampler": sampler},
        baseline_fingerprint=dict(baseline.fingerprint) if baseline else None,
        baseline_run=baseline.run if baseline else "",
        repeatable=track.repeatable,
        first=track.first,
        fresh=track.fresh,
        both=track.both,
        released=against_released(track, scores, released),
        alarm_p=track.alarm_p,
        same_p=same_against_same(plan.cases, track.baseline or track.candidate, track.primary),
        slices=slices(plan.first_cases, reference, scores) if track.first else {},
        metrics=metrics(track, baseline),
        statuses=dict(Counter(sample.status for sample in track.samples)),
        coverage=coverage(track.samples),
        canary=track.canary,
        broken=broken_anew(track),
        tolerated=dict(track.tolerated),
        known_broken=sum(len(cases) for cases in known.values()),
        worst=worst(track, reference, requests),
        spent=asdict(track.spent),
        samples=len(track.samples),
        planted="" if plan.candidate == CURRENT else plan.candidate.name,
        complete={case.id for case in plan.cases} <= {s.case for s in track.candidate if s.measured},
    )


def stored(cases: Iterable[Case], baseline: Baseline | None) -> dict[str, float]:
    """The baseline's primary scores by case."""
    found = {case.id: baseline.score_of(case) for case in cases} if baseline else {}
    return {case: score for case, score in found.items() if score is not None}


def against_released(track: Track, scores: Mapping[str, float], released: Baseline | None) -> Comparison | None:
    """The candidate against the released baseline: many small steps down show here. None where not comparable."""
    now = track.plan.fingerprint
    if released is None or any(released.fingerprint.get(axis) != now[axis] for axis in ("dataset", "scorer")):
        return None
    return compare(track.plan.cases, stored(track.plan.cases, released), scores)


def same_against_same(cases: Iterable[Case], samples: Iterable[Sample], metric: str) -> float | None:
    """The p-value of an arm's second repeat against its first: alarms where there can be none. None without repeats."""
    repeats: dict[int, list[Sample]] = {}
    for sample in samples:
        repeats.setdefault(sample.repeat, []).append(sample)
    if not {0, 1} <= repeats.keys():
        return None
    found = compare(cases, item_scores(repeats[0], metric), item_scores(repeats[1], metric))
    return found.p_worse if found else None


def metrics(track: Track, baseline: Baseline | None) -> dict[str, Metric]:
    """Every metric over the candidate's first samples."""
    cases = {case.id: case for case in track.plan.cases}
    found = {}
    for metric in track.plan.subject.scorer.metrics:
        groups: dict[str, list[float]] = {}
        scores = item_scores(track.candidate, metric)
        for id, score in scores.items():
            groups.setdefault(cases[id].source, []).extend([score] * cases[id].weight)
        if groups:
            low, high = paired.interval(groups)
            before = baseline.summary.get(metric) if baseline else None
            target = track.plan.subject.scorer.targets.get(metric)
            mean = paired.mean_difference(groups)
            found[metric] = Metric(
                mean, max(0.0, low), min(1.0, high), len(scores), before[0] if before else None, target
            )
    return found


def worst(track: Track, reference: Mapping[str, float], requests: Requests | None) -> list[Worst]:
    """The candidate's failures, those that the baseline did not have first. Sealed cases are never shown."""
    cases = {case.id: case for case in track.plan.cases if case.split == "dev"}
    samples: dict[str, Sample] = {}
    for sample in track.candidate:
        if sample.case in cases and sample.measured:
            kept = samples.get(sample.case)
            if kept is None or _score(sample, track.primary) < _score(kept, track.primary):
                samples[sample.case] = sample
    order = sorted(
        (s for s in samples.values() if _score(s, track.primary) < 1),
        key=lambda s: (_score(s, track.primary) - reference.get(s.case, 1.0), _score(s, track.primary), s.case),
    )
    shown: list[Sample] = []
    for sample in order:
        source = cases[sample.case].source
        if sum(cases[other.case].source == source for other in shown) < _OF_ONE_SOURCE:
            shown.append(sample)
    return [_worst(cases[s.case], s, track.primary, reference, requests) for s in shown[:WORST]]


def _worst(case: Case, sample: Sample, metric: str, reference: Mapping[str, float], requests: Requests | None) -> Worst:
    trace = [{"prompt": call.prompt, "status": call.status, "why": call.why} for call in sample.calls]
    if requests is not None:
        trace = [
            {**line, **{name: text[:LONGEST] for name, text in requests.trace(call.key).items()}}
            for line, call in zip(trace, sample.calls, strict=True)
        ]
    score, before = _score(sample, metric), reference.get(case.id)
    return Worst(
        case.id, case.source, score, before, sample.status, sample.why,
        dict(case.input), dict(case.expected), dict(sample.value) if sample.value else None, trace,
    )  # fmt: skip


def _score(sample: Sample, metric: str) -> float:
    value = sample.scores.get(metric)
    return 0.0 if value is None else value


def primary_scores(track: Track) -> dict[str, float]:
    """What a promotion stores: the candidate's first samples."""
    return item_scores(track.candidate, track.primary)


def broken_cases(samples: Sequence[Sample]) -> dict[str, list[str]]:
    """Invariant → cases that break it, sorted."""
    found: dict[str, set[str]] = {}
    for sample in samples:
        for name in sample.broken:
            found.setdefault(name, set()).add(sample.case)
    return {name: sorted(cases) for name, cases in sorted(found.items())}
