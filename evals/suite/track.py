"""A subject on its way through a run: its samples by stage and arm, its comparisons, its verdict."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from evals.suite.canary import Outputs
from evals.suite.chat import Spent
from evals.suite.decision import Comparison, Verdict
from evals.suite.plan import Plan
from evals.suite.samples import Sample


@dataclass(slots=True)
class Track:
    """`done` holds the verdict once it is fixed.

    `drifted`: the canary is not the baseline's, so nothing that was sampled before counts. `again`: more draws of cases
    that broke an invariant. `compared`: subjects tested together. `tolerated`: invariants
    that break where replies vary, and no more than in the baseline, with the counts.
    """

    plan: Plan
    repeatable: bool = True
    drifted: bool = False
    candidate: list[Sample] = field(default_factory=list)
    baseline: list[Sample] = field(default_factory=list)
    fresh_candidate: list[Sample] = field(default_factory=list)
    fresh_baseline: list[Sample] = field(default_factory=list)
    again_candidate: list[Sample] = field(default_factory=list)
    again_baseline: list[Sample] = field(default_factory=list)
    canary: str = ""
    canary_samples: list[Sample] = field(default_factory=list)
    outputs: Outputs = field(default_factory=dict)
    first: Comparison | None = None
    fresh: Comparison | None = None
    both: Comparison | None = None
    alarm_p: float | None = None
    compared: int = 1
    tolerated: dict[str, str] = field(default_factory=dict)
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
        first, fresh = [*self.candidate, *self.baseline], [*self.fresh_candidate, *self.fresh_baseline]
        return [*first, *fresh, *self.again_candidate, *self.again_baseline]

    @property
    def fixed(self) -> list[Sample]:
        """The candidate's samples in which nothing was drawn: asked again, they come out the same."""
        if not self.repeatable:
            return []
        return [*self.candidate, *([] if self.plan.rerunnable else self.fresh_candidate)]

    @property
    def drawn(self) -> tuple[Sequence[Sample], Sequence[Sample]]:
        """The samples that another draw could turn, of the candidate and of tonight's baseline."""
        if not self.repeatable:
            return [*self.candidate, *self.fresh_candidate], [*self.baseline, *self.fresh_baseline]
        return (self.fresh_candidate, self.fresh_baseline) if self.plan.rerunnable else ([], [])
