"""What must hold before anything is measured: scorers that separate, cases that leak into no prompt."""

from evals.suite.contract import Scorer


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
