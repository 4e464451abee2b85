"""What the canary tells: whether the same requests still give the same bytes.

Bytes hold on one kind of processor. A baseline that was made on another one, or that does not say on which, is no
witness of drift here: what this processor gave at the last run is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evals.suite.contract import Case
from evals.suite.decision import COVERAGE, Verdict, coverage, unmeasured
from evals.suite.plan import Plan
from evals.suite.samples import Sample
from evals.suite.store import digest

Outputs = Mapping[str, str]
"""Case → digest of its output."""


@dataclass(frozen=True, slots=True)
class Look:
    """`drifted`: what was sampled before does not count. `done` is the verdict, None where samples have to tell."""

    text: str
    drifted: bool = False
    done: tuple[Verdict, str] | None = None


def place(plan: Plan) -> str:
    """Under what name outputs are remembered: the subject, what decides them, and the processor."""
    assert plan.baseline is not None
    decides = [plan.baseline.run, dict(plan.baseline.fingerprint), plan.fingerprint.get("processor")]
    return f"{plan.subject.name}@{digest(decides)}"


def look(plan: Plan, cases: Sequence[Case], samples: Sequence[Sample], before: Outputs) -> Look:
    """Judge the baseline's canary. `before` is what this processor gave at the last run, empty where it is new."""
    assert plan.baseline is not None
    measured = [sample for sample in samples if sample.measured]
    other = [sample for sample in measured if sample.output != plan.baseline.canary[sample.case]]
    moved = [sample for sample in measured if sample.case in before and sample.output != before[sample.case]]
    text = f"{len(samples) - len(other)} of {len(cases)} outputs are the baseline's byte for byte"
    if other and plan.elsewhere:
        text += ", which was made on another kind of processor"
    drift = "environment drift, not a regression"
    if coverage(samples) < COVERAGE:
        return Look(text, done=("invalid", unmeasured(samples)))
    if plan.kind == "unchanged" and plan.elsewhere and moved:
        told = f"{len(moved)} of {len(cases)} outputs are not what this processor gave at the last run"
        return Look(text, done=("invalid", f"{drift}: {told}, under the same fingerprint"))
    if other and plan.kind == "changed" and plan.rerunnable:
        return Look(f"{text}, so the baseline's arm is measured anew", drifted=True)
    if other and not plan.elsewhere:
        return Look(text, done=("invalid", f"{drift}: {text}, under the same fingerprint"))
    if len(samples) < len(cases):
        return Look(text, done=("budget spent", "the time was up during the canary"))
    if plan.kind == "unchanged" and not plan.options.full:
        return Look(text, done=("not worse", f"nothing that decides has changed, and {text}"))
    if other and plan.rerunnable:
        return Look(f"{text}, so both arms are measured here", drifted=True)
    return Look(text)
