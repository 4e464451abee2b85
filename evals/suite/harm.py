"""What the grader's errors do to people: learners wrongly promoted and wrongly blocked, through quiz and gate.

A rate of wrong verdicts says little: seven verdicts have to agree for a level, and a follow-up mends some. So simulated
learners take the real quiz with the real grader, and the real gate of L1 looks at the attempt that comes of it.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from agent.domain.gate import GateEvidence, SessionEvidence, gates
from agent.domain.level import Level
from agent.domain.quiz import Policy
from agent.ports import Grader
from evals.simulation.learners import KINDS, RETRIES, SHOULD_PASS, Learner
from evals.simulation.run import CachedGrader, Played, play
from evals.simulation.sheets import load_sheets
from evals.stats import cluster_interval, wilson

Progress = Callable[[int, int], None]


def harm(
    grader: Grader,
    *,
    learners: int = 1,
    cache: Path | None = None,
    out_of_time: Callable[[], bool] = lambda: False,
    progress: Progress | None = None,
) -> dict[str, Any] | None:
    """Promotions and blocks per 1,000 learners of the kinds that should not and should pass, with 95 % intervals.

    Intervals are clustered by note. None where the time ran out first: a part would have learners of some kinds only.
    `cache` keeps the verdicts for the next time.
    """
    policy, kept = Policy(), CachedGrader(grader, cache)
    planned = [
        Learner.draw(kind, sheet, number)
        for number in range(learners)
        for sheet in load_sheets()
        for kind in KINDS
        if kind not in RETRIES  # whatever they mend was an error of the grader all the same
    ]
    played: list[Played] = []
    for learner in planned:
        if out_of_time():
            kept.save()
            return None
        played.append(play(learner, kept, policy))
        if progress is not None:
            progress(len(played), len(planned))
    kept.save()
    return figures([(p.learner.sheet.note.id, p.learner.kind in SHOULD_PASS, promoted(p, policy)) for p in played])


def promoted(played: Played, policy: Policy) -> bool:
    """Whether the gate of L1 opens on the attempt, linked from a session as a learner's would be."""
    note, attempt = played.learner.sheet.note, played.attempt
    session = SessionEvidence("sessions/simulated.md", (note.id,), (attempt.id,))
    evidence = GateEvidence(note.id, note, sessions=[session], attempts={attempt.id: attempt})
    return all(requirement.met for requirement in gates(Level.L1, evidence, policy))


def figures(outcomes: Sequence[tuple[str, bool, bool]]) -> dict[str, Any]:
    """From (note, should pass, was promoted)."""
    wrong = _per_thousand((note, was) for note, should, was in outcomes if not should)
    blocked = _per_thousand((note, not was) for note, should, was in outcomes if should)
    return {
        "quizzes": len(outcomes),
        **dict(zip(("promoted", "promoted_low", "promoted_high"), wrong, strict=True)),
        **dict(zip(("blocked", "blocked_low", "blocked_high"), blocked, strict=True)),
    }


def _per_thousand(hits: Iterable[tuple[str, bool]]) -> tuple[float, float, float]:
    groups: dict[str, list[bool]] = {}
    for note, hit in hits:
        groups.setdefault(note, []).append(hit)
    every = [hit for group in groups.values() for hit in group]
    extreme = sum(every) in (0, len(every))
    low, high = wilson(sum(every), len(every)) if extreme else cluster_interval(groups)
    rate = sum(every) / len(every) if every else 0.0
    return round(1000 * rate, 1), round(1000 * low, 1), round(1000 * high, 1)
