"""The course of a run: preflight, canary, samples, test, confirmation, verdict. Files and clocks are the caller's."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from evals.suite.canary import Outputs, look, place
from evals.suite.contract import Case
from evals.suite.decision import (
    COVERAGE,
    MARGIN,
    SHAKY,
    WORST_FIRST,
    Comparison,
    Verdict,
    alarms,
    compare,
    confirmed,
    coverage,
    item_scores,
    judge,
    p_value,
    pool,
    unmeasured,
    would_have_seen,
)
from evals.suite.invariants import AGAIN, Breaks, breaks, broken_for_certain, suspects, verdict_on
from evals.suite.paired import holm
from evals.suite.plan import Plan
from evals.suite.preflight import preflight
from evals.suite.samples import Arm, Bench, Sample
from evals.suite.track import Track

_FEWEST_SHAKY = 3


class Engine:
    """Runs planned subjects on a bench.

    `demoted` names subjects whose gate has lost its say, with the reason; `seen` holds the canaries' outputs of the
    last run by `canary.place`.
    """

    def __init__(
        self,
        bench: Bench,
        demoted: Mapping[str, str] | None = None,
        seen: Mapping[str, Outputs] | None = None,
    ) -> None:
        self._bench, self._demoted, self._seen = bench, demoted or {}, seen or {}

    def run(self, plans: Sequence[Plan]) -> list[Track]:
        """Measure the subjects in order; those for which no time is left are not in the answer.

        What has changed gets its verdict, confirmation included, before time is spent on what has not.
        """
        tracks: list[Track] = []
        for kinds in (("changed", "first"), ("unchanged",)):
            group = [Track(plan) for plan in plans if plan.kind in kinds]
            reached = [track for track in group if self._begin(track)]
            self._compare([track for track in reached if track.done is None])
            tracks += reached
        return tracks

    def _begin(self, track: Track) -> bool:
        """Preflight, canary and first samples; False where the time was up before anything was sampled."""
        if self._bench.out_of_time():
            return False
        fault = preflight(track.plan)
        if fault:
            track.done = ("invalid", fault)
            return True
        track.repeatable = self._canary(track)
        if track.done is None:
            self._first_samples(track)
        return track.done is not None or bool(track.samples)

    def _canary(self, track: Track) -> bool:
        """Whether the same request gives the same bytes; a difference under one fingerprint is drift."""
        plan = track.plan
        if plan.baseline is None:
            return not plan.subject.uses_chat or self._repeats_itself(track)
        if plan.subject.uses_chat and {"model", "runtime"} & set(plan.axes):
            return self._repeats_itself(track)  # what the baseline's model did tells nothing about another one
        comparable = set(plan.axes) <= {"template", "options"} if plan.subject.uses_chat else not plan.axes
        if not plan.baseline.repeatable or not comparable or not plan.baseline.canary:
            return plan.baseline.repeatable
        cases = [case for case in plan.cases if case.id in plan.baseline.canary]
        arm = Arm("canary", "baseline", plan.baseline.variant, salt=f"{plan.salt}/canary")
        samples = track.canary_samples = self._bench.take(plan.subject, arm, cases)
        track.outputs = {sample.case: sample.output for sample in samples if sample.measured}
        seen = look(plan, cases, samples, self._seen.get(place(plan), {}))
        track.canary, track.drifted, track.done = seen.text, seen.drifted, seen.done
        if track.done is not None and track.done[0] == "not worse":
            track.candidate, track.canary_samples = list(samples), []
        return True

    def _repeats_itself(self, track: Track) -> bool:
        """Ask the canary's items twice at temperature 0, under two seeds: the same bytes mean that nothing is drawn."""
        plan = track.plan
        outputs = []
        for arm in (
            Arm("canary", "candidate", plan.candidate),
            Arm("again", "candidate", plan.candidate, salt=f"{plan.salt}/again", seed=1),
        ):
            samples = self._bench.take(plan.subject, arm, plan.canary_cases)
            track.canary_samples += samples
            outputs.append([sample.output for sample in samples])
        first, again = outputs
        if len(again) < len(plan.canary_cases):
            track.done = ("budget spent", "the time was up during the canary")
        same = sum(one == other for one, other in zip(first, again, strict=False))
        track.canary = f"{same} of {len(plan.canary_cases)} outputs came out the same bytes twice"
        return same == len(plan.canary_cases)

    def _first_samples(self, track: Track) -> None:
        plan, sampled = track.plan, not track.repeatable
        temperature = plan.options.temperature if sampled else 0.0
        fresh = sampled or track.drifted or plan.kind == "unchanged"
        salt = plan.salt if fresh else ""  # greedy replies serve every comparison
        arm = Arm("first", "candidate", plan.candidate, temperature, sampled, salt)
        every = plan.cases if plan.options.full or plan.baseline is None else plan.first_cases
        arms = [(arm, every, track.candidate)]
        if self._needs_baseline_arm(track):
            other = replace(arm, name="baseline", variant=plan.baseline_variant)
            arms.append((other, plan.first_cases, track.baseline))
        self._take(track, arms, track.repeats)

    def _take(self, track: Track, arms: Sequence[tuple[Arm, Sequence[Case], list[Sample]]], repeats: int) -> None:
        """Take all samples of a stage; both arms grow together, so that what a cut leaves is paired."""
        planned = len(track.samples) + repeats * sum(len(cases) for _, cases, _ in arms)
        for repeat in range(repeats):
            for arm, cases, into in arms:
                into += self._bench.take(track.plan.subject, arm, cases, repeat=repeat)
        self._check(track, planned)

    def _needs_baseline_arm(self, track: Track) -> bool:
        plan = track.plan
        if not plan.rerunnable or (plan.kind == "unchanged" and not track.drifted):
            return False
        return not track.repeatable or track.drifted or not plan.stored_scores_hold

    def _check(self, track: Track, planned: int) -> None:
        """Fix the verdict where the samples are no measurement, broke an invariant, or are too few."""
        broken = broken_for_certain(track)
        requests, shaky = track.spent.requests, track.spent.shaky
        if broken and track.plan.baseline is not None:
            track.done = ("regression", f"an invariant broke: {broken[0]}")
        elif coverage(track.samples) < COVERAGE:
            track.done = ("invalid", unmeasured(track.samples))
        elif shaky >= _FEWEST_SHAKY and shaky > SHAKY * requests:
            track.done = ("invalid", f"the endpoint failed {shaky} of {requests} requests at the first try")
        elif len(track.samples) < planned:
            track.done = ("budget spent", f"{len(track.samples)} of {planned} samples are taken; the next run goes on")

    def _compare(self, tracks: Sequence[Track]) -> None:
        """Compare, sieve, confirm."""
        for track in tracks:
            if track.plan.baseline is None:
                what = "no baseline was held against it" if track.plan.options.anew else "there is no baseline yet"
                track.done = ("inconclusive", f"{what}: look at the figures, then promote this run")
                continue
            cases = track.plan.first_cases
            track.first = compare(cases, self._reference(track, track.baseline), self._scores(track, track.candidate))
            if track.first is None:
                track.done = ("invalid", "the two arms share no measured item")
            elif self._came_out_the_same(track, track.first):
                track.done = (
                    "not worse",
                    f"nothing that decides has changed, and all {track.first.items} scores came out the same",
                )
        open_ = {track.name: track for track in tracks if track.done is None and track.first}
        for track in open_.values():
            self._foresee(track, compared=len(open_))
        raised = alarms({name: track.first for name, track in open_.items() if track.first})
        for name, track in open_.items():
            if name in raised:
                track.alarm_p = raised[name]
            elif track.first is not None:
                track.done = judge(track.first)
        self._confirm([open_[name] for name in raised])
        self._hold_invariants(list(open_.values()))

    def _foresee(self, track: Track, *, compared: int) -> None:
        """Note which drop the first samples and a confirmation like them would have found."""
        first = track.first
        assert first is not None
        fresh = first
        if not track.plan.rerunnable:
            sealed = track.plan.sealed_cases
            sources = len({case.source for case in sealed})
            error = first.error * (first.sources / sources) ** 0.5 if sources else 1.0
            fresh = replace(first, items=len(sealed), sources=sources, error=error)
        track.compared = compared
        track.first = replace(first, detectable=self._detectable(track, first, fresh))

    def _detectable(self, track: Track, first: Comparison, fresh: Comparison, *, alarmed: int = 1) -> float:
        """The drop that these two stages find; how much each counts in their common difference is said by `pool`."""
        again = track.plan.rerunnable
        draws = track.repeats, track.plan.options.repeats if again or not track.repeatable else 1
        weights = draws if again else (first.items, fresh.items)
        return would_have_seen(first, fresh, draws=draws, weights=weights, compared=track.compared, alarmed=alarmed)

    def _came_out_the_same(self, track: Track, first: Comparison) -> bool:
        """Whether there is nothing left to test: a repeatable subject, unchanged, whose items all score as before.

        The power of a test on few items says nothing here: no draw is left that another run could turn.
        """
        return track.plan.kind == "unchanged" and track.repeatable and not first.lost and not first.won

    def _confirm(self, tracks: Sequence[Track]) -> None:
        """Take fresh samples for the alarms and fix their verdicts."""
        for track in tracks:
            self._fresh_samples(track)
        ready = [track for track in tracks if track.done is None and track.fresh and track.both]
        borne_out = confirmed({track.name: track.fresh for track in ready if track.fresh})
        for track in ready:
            track.done = self._confirmed(track, borne_out=track.name in borne_out, alarmed=len(ready))

    def _fresh_samples(self, track: Track) -> None:
        """Fresh draws of both arms; the sealed cases where the baseline cannot be run again."""
        plan, again = track.plan, track.plan.rerunnable
        if plan.kind == "unchanged" and track.repeatable:
            track.done = ("invalid", "environment drift: other outputs than the baseline's under the same fingerprint")
            if plan.elsewhere:
                told = "nothing that decides has changed, and another kind of processor gives other scores"
                track.done = ("inconclusive", f"{told} (p {track.alarm_p:.3f}): promote a run of this one")
            return
        sampled = again or not track.repeatable
        arm = self._drawn(track, "confirm") if sampled else Arm("confirm", "candidate", plan.candidate)
        cases = plan.cases if again else plan.sealed_cases
        repeats = plan.options.repeats if sampled else 1
        arms = [(arm, cases, track.fresh_candidate)]
        if again and plan.kind != "unchanged":
            other = replace(arm, name="baseline", variant=plan.baseline_variant)
            arms.append((other, cases, track.fresh_baseline))
        self._take(track, arms, repeats)
        if track.done is not None and track.done[0] == "budget spent":
            track.done = ("budget spent", f"an alarm (p {track.alarm_p:.3f}) waits for its confirmation; run again")
        weights = track.repeats, repeats
        firsts = self._reference(track, track.baseline), self._scores(track, track.candidate)
        fresh = self._reference(track, track.fresh_baseline), self._scores(track, track.fresh_candidate)
        track.fresh = compare(cases, *fresh)
        track.both = compare(plan.cases, *(pool(one, two, weights) for one, two in zip(firsts, fresh, strict=True)))
        if track.done is None and (track.fresh is None or track.both is None):
            track.done = ("inconclusive", f"an alarm (p {track.alarm_p:.3f}) that nothing fresh can confirm")

    def _drawn(self, track: Track, stage: Literal["confirm", "broken"]) -> Arm:
        """The candidate's arm with fresh draws: of a model that repeats itself at a temperature where it varies."""
        options = track.plan.options
        temperature = options.spread if track.repeatable else options.temperature
        return Arm(stage, "candidate", track.plan.candidate, temperature, sampled=True, salt=track.plan.salt)

    def _hold_invariants(self, tracks: Sequence[Track]) -> None:
        """Look at what was broken where replies vary; it may turn a verdict that is no worse."""
        open_ = [track for track in tracks if track.done and track.done[0] in ("not worse", "inconclusive")]
        found = {track.name: self._breaks(track) for track in open_}
        adjusted = holm({f"{name}: {each.name}": each.p for name, broken in found.items() for each in broken})
        for track in open_:
            assert track.done is not None
            if track.done[0] in ("invalid", "budget spent"):  # while the suspects were drawn again
                continue
            for each in found[track.name]:
                against = verdict_on(each, adjusted[f"{track.name}: {each.name}"])
                if against is not None:
                    track.done = self._with_broken(track, track.done, *against)
                elif each.candidate[0]:
                    track.tolerated[each.name] = each.counts

    def _with_broken(self, track: Track, done: tuple[Verdict, str], verdict: Verdict, why: str) -> tuple[Verdict, str]:
        if verdict == "regression" and track.plan.kind == "unchanged":
            verdict, why = "invalid", f"environment drift under the same fingerprint: {why}"
        if verdict == done[0]:
            return verdict, f"{done[1]}; {why}"
        return min((done, (verdict, why)), key=lambda one: WORST_FIRST.index(one[0]))

    def _breaks(self, track: Track) -> list[Breaks]:
        """Draw the suspects again in both arms, and count."""
        cases, arm = suspects(track), self._drawn(track, "broken")
        if cases:
            other = replace(arm, name="baseline", variant=track.plan.baseline_variant)
            self._take(track, [(arm, cases, track.again_candidate), (other, cases, track.again_baseline)], AGAIN)
        return breaks(track)

    def _confirmed(self, track: Track, *, borne_out: bool, alarmed: int) -> tuple[Verdict, str]:
        first, fresh, both = track.first, track.fresh, track.both
        assert first is not None
        assert fresh is not None
        assert both is not None
        assert track.alarm_p is not None
        both = replace(both, detectable=self._detectable(track, first, fresh, alarmed=alarmed))
        track.both = both
        seen = f"alarm p {p_value(track.alarm_p)}, fresh samples p {p_value(fresh.p_worse)}"
        size = f"{-100 * both.difference:.1f} points"
        if not borne_out or both.difference >= -MARGIN:
            verdict, what = judge(both, worse=borne_out)
            return verdict, f"an alarm was {'' if borne_out else 'not '}borne out ({seen}): {what}"
        if track.plan.kind == "unchanged":
            return "invalid", f"environment drift: {size} worse under the same fingerprint ({seen})"
        if track.name in self._demoted:
            return "inconclusive", f"{size} worse ({seen}), but its gate is demoted: {self._demoted[track.name]}"
        return "regression", f"{size} worse, confirmed ({seen})"

    def _reference(self, track: Track, samples: Iterable[Sample]) -> dict[str, float]:
        """The baseline's scores: of its arm in this run where there is one, else the stored ones."""
        baseline = track.plan.baseline
        measured = item_scores(samples, track.primary)
        if measured or baseline is None or not track.plan.stored_scores_hold:
            return measured
        stored = {case.id: baseline.score_of(case) for case in track.plan.cases}
        return {case: score for case, score in stored.items() if score is not None}

    def _scores(self, track: Track, samples: Iterable[Sample]) -> dict[str, float]:
        return item_scores(samples, track.primary)
