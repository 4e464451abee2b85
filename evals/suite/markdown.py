"""A run as markdown: the verdict first, then each prompt. Short enough for a pull request's comment."""

from collections.abc import Mapping, Sequence
from typing import Any

from agent.domain.text import one_line
from evals.suite.decision import CONFIRM, Comparison, p_value
from evals.suite.result import RunResult, SubjectResult

SLICES, WORST = 6, 5


def as_markdown(result: RunResult) -> str:
    """The whole summary."""
    lines = [f"# Evals: {result.verdict}", "", headline(result), *planted_lines(result), "", *_table(result)]
    for subject in result.subjects:
        lines += ["", *_details(subject)]
    lines += ["", *_spent(result)]
    return "\n".join(lines) + "\n"


def headline(result: RunResult) -> str:
    """One sentence: what was found where."""
    told = [f"{s.title}: {s.verdict} ({s.reason})" for s in result.subjects if s.verdict == result.verdict]
    rest = f"; not reached: {', '.join(result.not_reached)}" if result.not_reached else ""
    nothing = "Nothing was measured" if not result.subjects else "Not all that has changed was measured"
    if result.verdict == "not worse":
        nothing = "Nothing has changed"
    return f"Exit code {result.exit_code}. {'; '.join(told) or nothing}{rest}."


def planted_lines(result: RunResult) -> list[str]:
    """Say that a run measured something else than the working tree; empty where it did not."""
    if not result.planted:
        return []
    return [
        f"Measured was {', '.join(result.planted)}, not the working tree: "
        "this run is in no trend, is not `latest`, and cannot be promoted."
    ]


def _table(result: RunResult) -> list[str]:
    lines = [
        "| under test | verdict | now | before | difference, 95 % | would have seen | items |",
        "|---|---|---|---|---|---|---|",
    ]
    for subject in result.subjects:
        shown = subject.both or subject.first
        metric = subject.metrics.get(subject.primary)
        now = points(shown.candidate) if shown else points(metric.mean) if metric else "unmeasured"
        cells = [subject.title, f"**{subject.verdict}**", now, *(_compared(shown) if shown else ("–",) * 4)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _compared(shown: Comparison) -> tuple[str, str, str, str]:
    return (
        points(shown.baseline),
        difference(shown),
        points(shown.detectable),
        f"{shown.items} of {shown.sources} sources",
    )


def _details(subject: SubjectResult) -> list[str]:
    lines = [f"## {subject.title}: {subject.verdict}", "", f"{_sentence(subject.reason)}"]
    if subject.axes:
        lines.append(f"Differs from the baseline in: {', '.join(subject.axes)}.")
    if subject.canary:
        lines.append(f"Canary: {subject.canary}.")
    lines += [f"- broken invariant: {sentence}" for sentence in subject.broken[:WORST]]
    if len(subject.broken) > WORST:
        lines.append(f"- and {len(subject.broken) - WORST} more")
    lines += [
        f"As in the baseline, {name!r} does not always hold: {counts}." for name, counts in subject.tolerated.items()
    ]
    if subject.known_broken:
        lines.append(f"Invariants that the baseline breaks too, by case: {subject.known_broken}.")
    if subject.released and subject.released.p_worse <= CONFIRM:
        lines.append(f"Worse than the released baseline: {difference(subject.released)}.")
    if subject.noticed:
        lines.append(f"Planted damage: {'; '.join(subject.noticed)}.")
    return [*lines, *_metrics(subject), *_slices(subject), *_worst(subject)]


def _metrics(subject: SubjectResult) -> list[str]:
    lines = ["", "| metric | now, 95 % | items | before | target |", "|---" * 5 + "|"]
    for name, m in subject.metrics.items():
        before = points(m.baseline) if m.baseline is not None else "–"
        target = f"≥ {points(m.target)}" if m.target is not None else "–"
        now = f"{points(m.mean)} [{points(m.low)}, {points(m.high)}]"
        lines.append(f"| {name} | {now} | {m.items} | {before} | {target} |")
    return lines if subject.metrics else []


def _slices(subject: SubjectResult) -> list[str]:
    moved = [item for item in sorted(subject.slices.items(), key=lambda item: item[1][1]) if item[1][1] < 1]
    lines = ["", "| slice | difference, 95 % | p (Benjamini-Hochberg) | items |", "|---" * 4 + "|"]
    lines += [f"| {name} | {difference(c)} | {p_value(p)} | {c.items} |" for name, (c, p) in moved[:SLICES]]
    return lines if moved else []


def _worst(subject: SubjectResult) -> list[str]:
    lines = ["", "Worst cases:", ""]
    for case in subject.worst[:WORST]:
        shown = one_line(str(case.output or case.why), 160)
        lines.append(f"- `{case.case}`: {points(case.score)} (before {_before(case.baseline)}), {case.status}. {shown}")
    return lines if subject.worst else []


def _spent(result: RunResult) -> list[str]:
    total: dict[str, float] = {}
    for subject in result.subjects:
        for name, value in subject.spent.items():
            total[name] = total.get(name, 0) + value
    budget = f" of {result.budget_minutes:g}" if result.budget_minutes is not None else ""
    text = (
        f"{result.minutes:.1f}{budget} minutes; {total.get('requests', 0):.0f} requests to {result.model}, "
        f"{total.get('cached', 0):.0f} replies kept from before, {total.get('tokens_in', 0):.0f} tokens in, "
        f"{total.get('tokens_out', 0):.0f} out"
    )
    cost = f", cost {result.cost:.4f}" if result.cost is not None else ""
    return [
        f"Spent: {text}{cost}. Run `{result.id}`, {result.started} to {result.finished}.",
        *harm_lines(result.harm),
        *judge_lines(result.judges),
    ]


def harm_lines(harm: Mapping[str, Any] | None) -> Sequence[str]:
    """Learners wronged by the grader as it is, through the real quiz and gates."""
    if not harm:
        return []
    promoted = f"{harm['promoted']:.0f} [{harm['promoted_low']:.0f}, {harm['promoted_high']:.0f}]"
    blocked = f"{harm['blocked']:.0f} [{harm['blocked_low']:.0f}, {harm['blocked_high']:.0f}]"
    return [
        "",
        f"Of 1,000 simulated learners who should not pass {promoted} would be promoted; of 1,000 who should, "
        f"{blocked} would be blocked ({harm['quizzes']} quizzes through the real graph and gate).",
    ]


def judge_lines(judges: Sequence[str]) -> Sequence[str]:
    """What models say as judges: beside the gates, never one of them."""
    return ["", "Judges, which decide nothing here:", "", *(f"- {line}" for line in judges)] if judges else []


def points(share: float) -> str:
    """A rate in points, 0 to 100."""
    return f"{100 * share:.1f}"


def difference(shown: Comparison) -> str:
    """A signed difference with its interval."""
    return f"{100 * shown.difference:+.1f} [{100 * shown.low:+.1f}, {100 * shown.high:+.1f}]"


def _before(score: float | None) -> str:
    return points(score) if score is not None else "unknown"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
