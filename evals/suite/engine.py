"""The course of a run: preflight, canary, samples, test, confirmation, verdict. Files and clocks are the caller's."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from evals.suite.canary import Outputs, look, place
from evals.suite.chat import Spent
from evals.suite.contract import Case
from evals.suite.decision import (
    COVERAGE,
    SHAKY,
    Comparison,
    Verdict,
    alarms,
    compare,
    confirmed,
    coverage,
    item_scores,
    judge_unalarmed,
    newly_broken,
    p_value,
    pool,
    unmeasured,
)
from evals.suite.plan import Plan
from evals.suite.preflight import preflight
from evals.suite.samples import Arm, Bench, Sample

_FEWEST_SHAKY = 3


@dataclass(slots=True)
class Track:
    """A subject on its way through a run. `done` holds its verdict once it is fixed.

    `drifted`: the canary is not the baseline's, so nothing that was sampled before counts.
    """

    plan: Plan
    repeatable: bool = True
    drifted: bool = False
    candidate: list[Sample] = field(default_factory=list)
    baseline: list[Sample] = field(default_factory=list)
    fresh_candidate: list[Sample] = field(default_factory=list)
    fresh_baseline: list[Sample] = field(default_factory=list)
    canary: str = ""
    canary_samples: list[Sample] = field(default_factory=list)
    outputs: Outputs = field(default_factory=dict)
    first: Comparison | None = None
    fresh: Comparison | None = None
    both: Comparison | None = None
    alarm_p: float | None = None
    done: tuple[Verdict, str] | None = None

    @property
    def name(self) -> str:
        """The subject's."""
        return self.plan.subject.name

    @property
    def primary(self) -> str:
        """The metric that decides."""
        return self.plan.subject.scorer.metrics[0]

    @property
    def repeats(self) -> int:
        """Samples of an item in the first stage."""
        return 1 if self.repeatable else self.plan.options.repeats

    @property
    def spent(self) -> Spent:
        """What all samples cost, the canary's too."""
        return sum((sample.spent for sample in [*self.canary_samples, *self.samples]), Spent())

    @property
    def samples(self) -> list[Sample]:
        """All samples of both arms."""
        return [*self.candidate, *self.baseline, *self.fresh_candidate, *self.fresh_baseline]


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
        known = track.plan.baseline.known if track.plan.baseline else {}
        broken = newly_broken([*track.candidate, *track.fresh_candidate], known)
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
        raised = alarms({name: track.first for name, track in open_.items() if track.first})
        for name, track in open_.items():
            if name in raised:
                track.alarm_p = raised[name]
            elif track.first is not None:
                track.done = judge_unalarmed(track.first)
        self._confirm([open_[name] for name in raised])

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
        borne_out = confirmed(
            {track.name: track.fresh for track in ready if track.fresh},
            {track.name: track.both for track in ready if track.both},
        )
        for track in ready:
            track.done = self._confirmed(track, borne_out=borne_out[track.name])

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
        temperature = plan.options.spread if track.repeatable else plan.options.temperature
        arm = Arm("confirm", "candidate", plan.candidate, temperature if sampled else 0.0, sampled)
        arm = replace(arm, salt=plan.salt if sampled else "")
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

    def _confirmed(self, track: Track, *, borne_out: bool) -> tuple[Verdict, str]:
        assert track.fresh is not None
        assert track.both is not None
        assert track.alarm_p is not None
        seen = f"alarm p {p_value(track.alarm_p)}, fresh samples p {p_value(track.fresh.p_worse)}"
        size = f"{-100 * track.both.difference:.1f} points"
        if not borne_out:
            verdict, what = judge_unalarmed(track.both)
            return verdict, f"an alarm was not borne out ({seen}): {what}"
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
