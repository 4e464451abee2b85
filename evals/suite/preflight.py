"""What must hold before anything is measured: scorers that separate, cases that leak into no prompt."""

from evals.suite.contract import Scorer
from evals.suite.leakage import few_shots, leaks
from evals.suite.plan import Plan
from graphs.prompts import template_text


def preflight(plan: Plan) -> str:
    """Why this subject must not be measured, "" where it may."""
    faults = scorer_faults(plan.subject.scorer)
    if faults:
        return f"the scorer does not pass its self-test: {faults[0]}"
    texts = {name: plan.candidate.templates.get(name) or template_text(name) for name in plan.subject.templates}
    leaked = leaks(plan.cases, texts | few_shots())
    if leaked:
        more = f" (and {len(leaked) - 1} more)" if len(leaked) > 1 else ""
        return f"a case has leaked: {leaked[0]}{more}"
    return plan.refusal()


def scorer_faults(scorer: Scorer) -> list[str]:
    """Say which metrics do not separate their known-good from their known-bad fixtures; empty where all do."""
    faults = []
    for metric in scorer.metrics:
        scores: dict[bool, list[float]] = {True: [], False: []}
        for fixture in scorer.fixtures:
            if fixture.metric == metric:
                value = scorer.score(fixture.case, fixture.value).get(metric)
                if value is None or not 0 <= value <= 1:
                    faults.append(f"{metric}: a fixture scored {value!r}, not a number in 0..1")
                else:
                    scores[fixture.good].append(value)
        if not scores[True] or not scores[False]:
            faults.append(f"{metric}: it needs a known-good and a known-bad fixture")
        elif min(scores[True]) <= max(scores[False]):
            faults.append(f"{metric}: a known-bad fixture scores as high as a known-good one")
    return faults
