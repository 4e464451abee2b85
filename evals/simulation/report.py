"""Tables of a simulation: who passed, in how many answers, and which claims were not understood."""

import statistics
from collections.abc import Sequence
from typing import Any

from evals.simulation.learners import KINDS, LIMIT, SHOULD_PASS, Kind
from evals.simulation.run import Played, asked
from evals.stats import cluster_interval, wilson

WITHIN = 12
WRONG_LIMIT = 0.02


def summary(played: Sequence[Played]) -> list[dict[str, Any]]:
    """One row a kind of learner: counts, pass rate, its intervals, turns, and whether the target is met.

    The clustered interval draws whole notes; Wilson's takes the runs as independent and is used where nobody (or
    everybody) passed. `within` is the share that passed in at most 12 answers.
    """
    return [_row(kind, group) for kind in KINDS if (group := [p for p in played if p.learner.kind == kind])]


def _row(kind: Kind, group: Sequence[Played]) -> dict[str, Any]:
    n, passes = len(group), sum(p.passed for p in group)
    within = sum(p.passed and p.answers <= WITHIN for p in group)
    turns = [p.answers for p in group]
    clusters: dict[str, list[bool]] = {}
    for p in group:
        clusters.setdefault(p.learner.sheet.note.id, []).append(p.passed)
    interval = wilson(passes, n) if passes in (0, n) else cluster_interval(clusters)
    target = 0.9 if kind in SHOULD_PASS else LIMIT.get(kind, WRONG_LIMIT)
    return {
        "kind": kind,
        "n": n,
        "passed": passes,
        "rate": passes / n,
        "interval": interval,
        "within": within / n,
        "median": statistics.median(turns),
        "p90": _quantile(turns, 0.9),
        "target": target,
        "met": within / n >= target if kind in SHOULD_PASS else passes / n <= target,
    }


def _quantile(values: Sequence[int], share: float) -> int:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def summary_table(rows: Sequence[dict[str, Any]]) -> str:
    """Give the rows as a markdown table."""
    lines = [
        "| learner | quizzes | passed | 95 % interval | passed within 12 | answers, median / p90 | target | met |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        low, high = row["interval"]
        sign = "≥" if row["kind"] in SHOULD_PASS else "≤"
        lines.append(
            f"| {row['kind']} | {row['n']} | {row['rate']:.1%} | {low:.1%} – {high:.1%} | {row['within']:.1%} "
            f"| {row['median']:g} / {row['p90']} | {sign} {row['target']:.0%} | {'yes' if row['met'] else 'no'} |"
        )
    return "\n".join(lines)


def by_claim(played: Sequence[Played]) -> list[dict[str, Any]]:
    """For learners who know everything: how often each claim was accepted when first asked, and in the end.

    Worst first. `asked`: quizzes that put its question; a claim that another answer covered is not asked.
    """
    table: dict[tuple[str, str, str], list[tuple[bool, bool]]] = {}
    for p in played:
        if p.learner.kind != "knows all":
            continue
        final = {s.claim: s.status in ("covered", "corrected") for s in p.attempt.standings}
        for turn, sure in asked(p):
            claim = p.learner.sheet.note.claim(turn.question.claim)
            if claim is not None and turn.question.kind == "ask":
                table.setdefault((p.learner.sheet.note.id, claim.id, claim.kind), []).append((sure, final[claim.id]))
    rows = [
        {
            "note": note,
            "claim": id,
            "kind": kind,
            "asked": len(hits),
            "first": sum(first for first, _ in hits) / len(hits),
            "after": sum(after for _, after in hits) / len(hits),
        }
        for (note, id, kind), hits in table.items()
    ]
    return sorted(rows, key=lambda row: (row["after"], row["first"]))


def claim_table(rows: Sequence[dict[str, Any]], limit: int) -> str:
    """Give the worst claims as a markdown table, with the mean of all."""
    total = sum(row["asked"] for row in rows) or 1
    first = sum(row["first"] * row["asked"] for row in rows) / total
    after = sum(row["after"] * row["asked"] for row in rows) / total
    lines = ["| claim | kind | asked | accepted at first | after the follow-up |", "|---|---|---|---|---|"]
    lines.append(f"| all | | {total} | {first:.1%} | {after:.1%} |")
    for row in rows[:limit]:
        name = f"{row['note']} ^{row['claim']}"
        lines.append(f"| {name} | {row['kind']} | {row['asked']} | {row['first']:.0%} | {row['after']:.0%} |")
    return "\n".join(lines)


def false_passes(played: Sequence[Played], limit: int) -> list[str]:
    """One line for each quiz that somebody passed who should not have."""
    wrong = [p for p in played if p.passed and p.learner.kind not in SHOULD_PASS]
    return [f"{p.learner.kind}: {p.learner.sheet.note.id}, {_why(p)}" for p in wrong[:limit]]


def _why(p: Played) -> str:
    if p.learner.kind in ("holds a misconception", "takes it back"):
        return f"^{p.learner.belief} was not heard"
    lacking = [s for s in p.attempt.standings if s.status == "covered" and s.claim in p.learner.unknown]
    return "accepted " + ", ".join(f"^{s.claim} by {s.quote[:80]!r}" for s in lacking) if lacking else "see the JSON"
