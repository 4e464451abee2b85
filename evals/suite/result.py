"""What a run found, JSON-plain: the report, `compare` and `promote` read nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from evals.suite.decision import Comparison, Verdict


@dataclass(frozen=True, slots=True)
class Worst:
    """A case worth looking at: what went in, what came out, what was expected, and the calls behind it."""

    case: str
    source: str
    score: float
    baseline: float | None
    status: str
    why: str
    input: Mapping[str, Any]
    expected: Mapping[str, Any]
    output: Mapping[str, Any] | None
    trace: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Metric:
    """Mean of a metric over the candidate's items with its interval, the baseline's mean, and the target."""

    mean: float
    low: float
    high: float
    items: int
    baseline: float | None = None
    target: float | None = None


@dataclass(slots=True)
class SubjectResult:
    """One subject's part of a run; `reason` finishes the sentence that the verdict begins.

    `noticed` tells of planted damage: which of it this gate has caught so far, and on which model.
    `planted`: the variant that was measured in place of the working tree, such as a planted defect; "" for the tree.
    """

    name: str
    title: str
    verdict: Verdict
    reason: str
    kind: str
    axes: Sequence[str] = ()
    primary: str = ""
    fingerprint: Mapping[str, str] = field(default_factory=dict)
    baseline_fingerprint: Mapping[str, str] | None = None
    baseline_run: str = ""
    repeatable: bool | None = None
    first: Comparison | None = None
    fresh: Comparison | None = None
    both: Comparison | None = None
    released: Comparison | None = None
    alarm_p: float | None = None
    same_p: float | None = None
    slices: Mapping[str, tuple[Comparison, float]] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    statuses: Mapping[str, int] = field(default_factory=dict)
    coverage: float = 1.0
    canary: str = ""
    broken: Sequence[str] = ()
    tolerated: Mapping[str, str] = field(default_factory=dict)
    known_broken: int = 0
    worst: Sequence[Worst] = ()
    spent: Mapping[str, float] = field(default_factory=dict)
    samples: int = 0
    complete: bool = False
    planted: str = ""
    noticed: Sequence[str] = ()


@dataclass(slots=True)
class RunResult:
    """A finished run. `not_reached` are subjects for which there was no time tonight.

    `judges`: what is known of judges, and what they said of the run's answers where somebody asked them.
    """

    id: str
    started: str
    finished: str
    verdict: Verdict
    exit_code: int
    subjects: list[SubjectResult]
    not_reached: Sequence[str] = ()
    budget_minutes: float | None = None
    minutes: float = 0.0
    model: str = ""
    cost: float | None = None
    harm: Mapping[str, Any] | None = None
    judges: Sequence[str] = ()

    @property
    def planted(self) -> list[str]:
        """What was measured in place of the working tree: such a run is no figure of the product."""
        return [f"{subject.name}: {subject.planted}" for subject in self.subjects if subject.planted]

    def as_dict(self) -> dict[str, Any]:
        """JSON-plain."""
        return asdict(self)


def result_from(row: Mapping[str, Any]) -> RunResult:
    """Read a run back from its JSON."""
    return RunResult(**{**row, "subjects": [_subject(item) for item in row["subjects"]]})


def _subject(row: Mapping[str, Any]) -> SubjectResult:
    fields = dict(row)
    for name in ("first", "fresh", "both", "released"):
        fields[name] = Comparison(**row[name]) if row[name] else None
    fields["slices"] = {name: (Comparison(**found), p) for name, (found, p) in row["slices"].items()}
    fields["metrics"] = {name: Metric(**metric) for name, metric in row["metrics"].items()}
    fields["worst"] = [Worst(**item) for item in row["worst"]]
    return SubjectResult(**fields)
