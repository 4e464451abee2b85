"""The table of a run, and whether it meets the targets."""

from collections.abc import Sequence
from dataclasses import dataclass

from evals.sessions.score import Score

EXACT, COVERAGE, UNSUPPORTED = 1.0, 0.85, 0.02


@dataclass(frozen=True, slots=True)
class Totals:
    """Over all days, each statement, event or number counting once; None where there was nothing to count."""

    exact: float | None
    coverage: float | None
    lowest_coverage: float | None
    key: float | None
    unsupported: float | None
    model_unsupported: float | None

    @property
    def met(self) -> bool:
        """Whether the targets are met; a day on which the coverage falls short fails them too."""
        return (
            self.exact == EXACT
            and (self.lowest_coverage or 0) >= COVERAGE
            and self.unsupported is not None
            and self.unsupported <= UNSUPPORTED
            and (self.model_unsupported or 0) <= UNSUPPORTED
        )


def totals(scores: Sequence[Score]) -> Totals:
    """Add days up."""
    return Totals(
        exact=_share(sum(s.exact for s in scores), sum(s.checked for s in scores)),
        coverage=_share(sum(s.told for s in scores), sum(s.events for s in scores)),
        lowest_coverage=min((s.told / s.events for s in scores), default=None),
        key=_share(sum(s.key_told for s in scores), sum(s.key for s in scores)),
        unsupported=_share(sum(s.unsupported for s in scores), sum(s.statements for s in scores)),
        model_unsupported=_share(sum(model_faults(s) for s in scores), sum(s.model_statements for s in scores)),
    )


def model_faults(score: Score) -> int:
    """Count the model's statements with a fault; they are the ones in the first person."""
    return len({fault.text for fault in score.faults if fault.text.startswith(("I ", "I'"))})


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def table(scores: Sequence[Score]) -> str:
    """Write the days as a markdown table, the sum last."""
    lines = [
        "| day | events | told | key facts | statements | numbers, names, quotations exact | unsupported "
        "| model's: kept, dropped, events told |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for s in scores:
        model = f"{s.model_statements}, {s.dropped}, {s.model_told}" if s.model_statements or s.dropped else "-"
        lines.append(
            f"| {s.case} | {s.events} | {s.told} | {s.key_told} of {s.key} | {s.statements} | {s.exact} of {s.checked} "
            f"| {s.unsupported} | {model} |"
        )
    all_ = totals(scores)
    lines += [
        "",
        f"exact {_shown(all_.exact)} (target 1.0); event coverage {_shown(all_.coverage)}, lowest day "
        f"{_shown(all_.lowest_coverage)} (target {COVERAGE}); key facts {_shown(all_.key)}; unsupported statements "
        f"{_shown(all_.unsupported)} of all, {_shown(all_.model_unsupported)} of the model's (target {UNSUPPORTED})",
    ]
    return "\n".join(lines)


def _shown(value: float | None) -> str:
    return "unmeasured" if value is None else f"{value:.4f}"
