"""What must never happen: broken anew, or broken by the baseline too.

Where nothing is drawn, one case that breaks an invariant and did not before is a regression. Where replies vary, a
case that breaks tonight may have held by luck before, so the two arms are compared: by all draws, sources taken
together, and by `AGAIN` fresh draws of the cases that broke. Either may convict, each at half of `CERTAIN`. What cannot
be told is never green, unless the baseline was seen to break the same invariant.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from evals.suite import paired
from evals.suite.baseline import Baseline
from evals.suite.contract import Case
from evals.suite.decision import Verdict, p_value
from evals.suite.samples import Sample
from evals.suite.track import Track

CERTAIN = 0.01
"""Adjusted p-value (Holm over all invariants of the run) from which drawn breaks are a regression."""
AGAIN = 10
"""Fresh draws of a suspect in either arm: enough to convict one case that breaks in seven of ten."""
SUSPECTS = 10


@dataclass(frozen=True, slots=True)
class Breaks:
    """One invariant where replies vary: breaks and draws of either arm (cases, where only the baseline's are kept)."""

    name: str
    sentence: str
    candidate: tuple[int, int]
    baseline: tuple[int, int]
    known: bool
    p: float
    unit: str = "draws"

    @property
    def counts(self) -> str:
        """For the verdict."""
        (broke, of), (before, among) = self.candidate, self.baseline
        return f"{broke} of {of} {self.unit}, the baseline's {before} of {among}"


def newly_broken(samples: Iterable[Sample], before: Mapping[str, Iterable[str]]) -> list[str]:
    """Sentences on cases that break an invariant; `before`: invariant → cases that broke it before."""
    found = {}
    for sample in samples:
        for name, sentence in sample.broken.items():
            if sample.case not in before.get(name, ()):
                found[name, sample.case] = sentence
    return list(found.values())


def broken_anew(track: Track) -> list[str]:
    """All that a report shows as broken, proven or not: neither the kept baseline nor tonight's broke there."""
    tonight = [*track.baseline, *track.fresh_baseline, *track.again_baseline]
    before = {name: {*_known(track, name), *_cases(tonight, name)} for name in _names(track)}
    samples = [*track.candidate, *track.fresh_candidate]
    every = {name: {sample.case for sample in samples} for name in track.tolerated}
    return newly_broken(samples, before | every)


def broken_for_certain(track: Track) -> list[str]:
    """Broken anew where nothing was drawn. What the baseline does tonight counts more than what it did elsewhere."""
    tonight = {sample.case for sample in track.baseline}
    before = {name: {*(_known(track, name) - tonight), *_cases(track.baseline, name)} for name in _names(track)}
    return newly_broken(track.fixed, before)


def suspects(track: Track) -> list[Case]:
    """Cases to draw again in both arms: the candidate broke an invariant in them more often than the baseline did."""
    if not track.drawn[1]:
        return []
    excess: dict[str, int] = {}
    for sign, samples in zip((1, -1), track.drawn, strict=True):
        for sample in samples:
            if sample.broken:
                excess[sample.case] = excess.get(sample.case, 0) + sign
    most = sorted((-count, case) for case, count in excess.items() if count > 0)[:SUSPECTS]
    chosen = {case for _, case in most}
    return [case for case in track.plan.cases if case.id in chosen]


def breaks(track: Track) -> list[Breaks]:
    """Every invariant of a track, where replies were drawn."""
    candidate, baseline = track.drawn
    if track.plan.baseline is None or not candidate:
        return []
    if not baseline:
        return [_against_kept(track, track.plan.baseline, candidate, name) for name in _names(track)]
    return [_between_arms(track, candidate, baseline, name) for name in _names(track)]


def _between_arms(track: Track, candidate: Sequence[Sample], baseline: Sequence[Sample], name: str) -> Breaks:
    again, before = _counts(track.again_candidate, name), _counts(track.again_baseline, name)
    redrawn = paired.exchange_p([(*again[case], *before[case]) for case in again if case in before])
    everywhere = _worse(track.plan.cases, _shares(candidate, name), _shares(baseline, name))
    arms = [*candidate, *track.again_candidate], [*baseline, *track.again_baseline]
    return Breaks(
        name, _sentence(arms[0], name), _total(arms[0], name), _total(arms[1], name),
        known=bool(_cases(arms[1], name) or _known(track, name)), p=min(1.0, 2 * min(redrawn, everywhere)),
    )  # fmt: skip


def _against_kept(track: Track, kept: Baseline, candidate: Sequence[Sample], name: str) -> Breaks:
    """By cases: of the baseline it is only known which ones broke in any of its draws."""
    draws = 1 if kept.repeatable else track.plan.options.repeats
    taken: Counter[str] = Counter()
    as_many = []
    for sample in candidate:
        taken[sample.case] += 1
        if taken[sample.case] <= draws:
            as_many.append(sample)
    cases = [case for case in track.plan.cases if case.id in taken]
    return between_kept(cases, name, _cases(as_many, name), kept.known.get(name, ()), _sentence(candidate, name))


def between_kept(
    cases: Sequence[Case], name: str, candidate: Iterable[str], baseline: Iterable[str], sentence: str
) -> Breaks:
    """Two arms of which it is only known in which cases they broke."""
    now, before = set(candidate), set(baseline)
    shares = [{case.id: float(case.id in broke) for case in cases} for broke in (now, before)]
    counts = [(int(sum(share.values())), len(cases)) for share in shares]
    return Breaks(name, sentence, counts[0], counts[1], known=bool(before), p=_worse(cases, *shares), unit="cases")


def verdict_on(found: Breaks, adjusted: float) -> tuple[Verdict, str] | None:
    """What drawn breaks of an invariant come to; None where they say nothing against the candidate."""
    if not found.candidate[0]:
        return None
    told = f"{found.sentence} ({found.counts}"
    if adjusted <= CERTAIN:
        return "regression", f"an invariant broke: {told}{f', p {p_value(adjusted)}' if adjusted else ''})"
    if not found.known:
        return "inconclusive", f"an invariant broke, and too seldom to tell whether anew: {told})"
    return None


def _names(track: Track) -> list[str]:
    return [invariant.name for invariant in track.plan.subject.invariants]


def _known(track: Track, name: str) -> set[str]:
    return set(track.plan.baseline.known.get(name, ())) if track.plan.baseline else set()


def _worse(cases: Iterable[Case], candidate: Mapping[str, float], baseline: Mapping[str, float]) -> float:
    groups: dict[str, list[float]] = {}
    for case in cases:
        if case.id in candidate and case.id in baseline:
            groups.setdefault(case.source, []).append(baseline[case.id] - candidate[case.id])
    return paired.worse_p(groups) if groups else 1.0


def _counts(samples: Iterable[Sample], name: str) -> dict[str, tuple[int, int]]:
    """Case → its breaks and its draws."""
    found: dict[str, tuple[int, int]] = {}
    for sample in samples:
        if sample.measured:
            broke, of = found.get(sample.case, (0, 0))
            found[sample.case] = broke + (name in sample.broken), of + 1
    return found


def _shares(samples: Iterable[Sample], name: str) -> dict[str, float]:
    return {case: broke / of for case, (broke, of) in _counts(samples, name).items()}


def _total(samples: Iterable[Sample], name: str) -> tuple[int, int]:
    counts = _counts(samples, name).values()
    return sum(broke for broke, _ in counts), sum(of for _, of in counts)


def _cases(samples: Iterable[Sample], name: str) -> set[str]:
    return {sample.case for sample in samples if name in sample.broken}


def _sentence(samples: Iterable[Sample], name: str) -> str:
    return next((sample.broken[name] for sample in samples if name in sample.broken), "")
