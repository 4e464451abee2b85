"""`study eval compare A B`: two finished runs (or baselines) on their stored scores, nothing measured anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from agent.domain.errors import UsageError
from evals.suite import paired
from evals.suite.baseline import RELEASED, Baseline, read_baseline
from evals.suite.contract import Case, Subject
from evals.suite.decision import CONFIRM, MARGIN, WORST_FIRST, Comparison, Verdict, alone, compare, judge, p_value
from evals.suite.fingerprint import differing, undeclared
from evals.suite.gates import demoted
from evals.suite.home import Home
from evals.suite.invariants import Breaks, between_kept, verdict_on
from evals.suite.summary import stored

_SHOWN = 3


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
    tested = {c.name: c.comparison for c in drafts if c.comparison is not None}
    adjusted = paired.holm({name: shown.p_worse for name, shown in tested.items()})
    silent = demoted(home.baselines)
    judged = [_judged(c, adjusted.get(c.name, 1.0), len(tested), silent.get(c.name, "")) for c in drafts]
    return [_held(c, subjects[c.name], *found[c.name]) for c in judged]


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


def _judged(found: Contrast, p: float, compared: int, silent: str) -> Contrast:
    if found.comparison is None:
        return found
    shown = alone(found.comparison, compared)
    if p <= CONFIRM and shown.difference < -MARGIN:
        size = f"{-100 * shown.difference:.1f} points worse (p {p_value(p)}; nothing was sampled anew)"
        verdict: Verdict = "inconclusive" if silent else "regression"
        reason = f"{size}, but its gate is demoted: {silent}" if silent else size
    else:
        verdict, reason = judge(shown)
    return Contrast(found.name, found.axes, verdict, reason, shown)


def _held(found: Contrast, subject: Subject, a: Baseline, b: Baseline) -> Contrast:
    """Invariants have no tolerance here either; a gate that was demoted keeps its say on them."""
    if found.comparison is None:
        return found
    lacking = {*a.unmeasured, *b.unmeasured}
    cases = [case for case in subject.cases() if case.id not in lacking]
    broken = [_broken(invariant.name, cases, a, b) for invariant in subject.invariants]
    adjusted = paired.holm({each.name: each.p for each in broken})
    told = [verdict_on(each, adjusted[each.name]) for each in broken]
    worst = min([(found.verdict, found.reason), *filter(None, told)], key=lambda one: WORST_FIRST.index(one[0]))
    return Contrast(found.name, found.axes, *worst, found.comparison)


def _broken(name: str, cases: Sequence[Case], a: Baseline, b: Baseline) -> Breaks:
    """Where nothing is drawn, one case that B breaks and A does not is certain; else the two are tested."""
    before, now = set(a.known.get(name, ())), set(b.known.get(name, ()))
    new = [case.id for case in cases if case.id in now - before]
    shown = ", ".join(new[:_SHOWN]) + (f" and {len(new) - _SHOWN} more" if len(new) > _SHOWN else "")
    found = between_kept(cases, name, now, before, f"{name!r} does not hold in {shown}" if new else "")
    certain = bool(new) and a.repeatable and b.repeatable
    return replace(found, p=0.0) if certain else found
