"""`study eval compare A B`: two finished runs (or baselines) on their stored scores, nothing measured anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.domain.errors import UsageError
from evals.suite import paired
from evals.suite.baseline import RELEASED, Baseline, read_baseline
from evals.suite.contract import Subject
from evals.suite.decision import BLIND, CONFIRM, MARGIN, Comparison, Verdict, compare, judge_unalarmed, p_value
from evals.suite.fingerprint import differing, undeclared
from evals.suite.session import Home
from evals.suite.summary import stored


@dataclass(frozen=True, slots=True)
class Contrast:
    """B against A on one subject; `comparison` is None where the two must not be compared."""

    name: str
    axes: Sequence[str]
    verdict: Verdict
    reason: str
    comparison: Comparison | None = None


def contrast(home: Home, a: str, b: str, subjects: Mapping[str, Subject], *, axis: str = "prompt") -> list[Contrast]:
    """Compare every subject that both hold.

    Raises:
        UsageError: there is no such run, or the two hold no subject in common.
    """
    pairs = {name: (_scores_of(home, a, name), _scores_of(home, b, name)) for name in subjects}
    found = {name: (one, two) for name, (one, two) in pairs.items() if one is not None and two is not None}
    if not found:
        raise UsageError(f"{a!r} and {b!r} hold no subject in common with all of its items; run both with --full.")
    drafts = [_one(subjects[name], one, two, axis) for name, (one, two) in found.items()]
    adjusted = paired.holm({c.name: c.comparison.p_worse for c in drafts if c.comparison is not None})
    return [_judged(c, adjusted.get(c.name, 1.0)) for c in drafts]


def _scores_of(home: Home, place: str, name: str) -> Baseline | None:
    if place == "baseline":
        return read_baseline(name, home.baselines)
    if place == RELEASED:
        return read_baseline(name, home.baselines / RELEASED)
    return read_baseline(name, home.run_folder(home.result(place).id) / "drafts")


def _one(subject: Subject, a: Baseline, b: Baseline, axis: str) -> Contrast:
    axes = differing(a.fingerprint, b.fingerprint)
    wrong = undeclared(axes, axis, uses_chat=subject.uses_chat)
    if wrong:
        why = f"they differ in {', '.join(wrong)}, and only the {axis} may: name the axis, or measure both alike"
        return Contrast(subject.name, axes, "invalid", why)
    cases = subject.cases()
    found = compare(cases, stored(cases, a), stored(cases, b))
    if found is None:
        return Contrast(subject.name, axes, "invalid", "they share no measured item")
    return Contrast(subject.name, axes, "not worse", "", found)


def _judged(found: Contrast, p: float) -> Contrast:
    shown = found.comparison
    if shown is None:
        return found
    if p <= CONFIRM and shown.difference < -MARGIN:
        verdict: Verdict = "regression"
        reason = f"{-100 * shown.difference:.1f} points worse (p {p_value(p)}; nothing was sampled anew)"
    elif p <= CONFIRM:
        verdict = "inconclusive" if shown.detectable > BLIND else "not worse"
        reason = f"{-100 * shown.difference:.1f} points worse (p {p_value(p)}), within the margin of {100 * MARGIN:.0f}"
    else:
        verdict, reason = judge_unalarmed(shown)
    return Contrast(found.name, found.axes, verdict, reason, shown)
