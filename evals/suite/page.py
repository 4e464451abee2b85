"""A run as one HTML page: no script, no file from elsewhere, light and dark. Written once, readable in ten years."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from evals.suite.decision import EXIT, Comparison, p_value
from evals.suite.markdown import difference, harm_lines, headline, planted_lines, points
from evals.suite.result import RunResult, SubjectResult, Worst

STYLE = Path(__file__).with_name("page.css")
_MOST_SLICES = 14
_SHOWN = 5


def as_page(result: RunResult, history: Sequence[Mapping[str, Any]] = ()) -> str:
    """The page. `history` are the rows of `Home.history`."""
    kind = result.verdict.replace(" ", "-")
    parts = [
        f'<header class="{kind}"><p class="verdict">{_e(result.verdict)}</p><p>{_e(headline(result))}</p>'
        f"{''.join(f'<p>{_e(line)}</p>' for line in planted_lines(result))}</header>",
        _overview(result),
        *(_subject(subject, [row for row in history if row["subject"] == subject.name]) for subject in result.subjects),
        _budget(result),
    ]
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>Evals: {_e(result.verdict)}</title><style>{STYLE.read_text(encoding='utf-8')}</style>"
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n' + "\n".join(parts) + "\n</body></html>\n"


def _overview(result: RunResult) -> str:
    rows = []
    for s in result.subjects:
        shown, metric = s.both or s.first, s.metrics.get(s.primary)
        now = shown.candidate if shown else metric.mean if metric else None
        name = f'<a href="#{_e(s.name)}">{_e(s.title)}</a>'
        verdict = f'<span class="{_kind(s)}">{_e(s.verdict)}</span>'
        moved = (
            (points(shown.baseline), forest(shown), _e(difference(shown)), points(shown.detectable)) if shown else ()
        )
        rows.append([name, verdict, points(now) if now is not None else "unmeasured", *(moved or ("–",) * 4)])
    rows += [[_e(name), "not reached", *("–",) * 5] for name in result.not_reached]
    head = ("under test", "verdict", "now", "before", "−20 … +20 points", "difference, 95 %", "would have seen")
    return f"<section>{_table(head, rows)}</section>"


def _subject(subject: SubjectResult, history: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(
        [
            f'<section id="{_e(subject.name)}"><h2>{_e(subject.title)} <span class="{_kind(subject)}">'
            f"{_e(subject.verdict)}</span></h2><p>{_e(' '.join(_facts(subject)))}</p>",
            _broken(subject.broken),
            _stages(subject),
            _metrics(subject),
            _slices(subject),
            f"<h3>Worst cases</h3>{''.join(_one_worst(case) for case in subject.worst)}" if subject.worst else "",
            f"<h3>Trend</h3>{trend(history)}" if len(history) > 1 else "",
            _fingerprints(subject),
            "</section>",
        ]
    )


def _broken(sentences: Sequence[str]) -> str:
    if not sentences:
        return ""
    shown, rest = sentences[:_SHOWN], sentences[_SHOWN:]
    more = _folded(f"{len(rest)} more", _list(rest)) if rest else ""
    return f"<h3>Broken invariants ({len(sentences)})</h3>{_list(shown)}{more}"


def _list(sentences: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{_e(sentence)}</li>' for sentence in sentences)}</ul>"


def _facts(subject: SubjectResult) -> list[str]:
    facts = [f"{subject.reason[:1].upper()}{subject.reason[1:]}."]
    if subject.axes:
        facts.append(f"Differs from the baseline in {', '.join(subject.axes)}.")
    if subject.canary:
        facts.append(f"Canary: {subject.canary}.")
    facts += [
        f"As in the baseline, {name!r} does not always hold: {counts}." for name, counts in subject.tolerated.items()
    ]
    if subject.known_broken:
        facts.append(f"{subject.known_broken} cases break an invariant in the baseline already.")
    if subject.released:
        facts.append(f"Against the released baseline: {difference(subject.released)} points.")
    if subject.same_p is not None:
        facts.append(f"The arm against itself: p {p_value(subject.same_p)}.")
    if subject.noticed:
        facts.append(f"Planted damage: {'; '.join(subject.noticed)}.")
    failed = [f"{count} {name}" for name, count in subject.statuses.items() if name != "ok"]
    if failed:
        facts.append(f"Of {subject.samples} samples {', '.join(failed)}.")
    return facts


def _stages(subject: SubjectResult) -> str:
    stages = (("first samples", subject.first), ("fresh samples", subject.fresh), ("both", subject.both))
    rows = [
        [name, forest(c), _e(difference(c)), p_value(c.p_worse), str(c.lost), str(c.won), str(c.items), str(c.sources)]
        for name, c in stages
        if c is not None
    ]
    return _table(("", "", "difference, 95 %", "p worse", "lost", "won", "items", "sources"), rows)


def _metrics(subject: SubjectResult) -> str:
    rows = [
        [
            _e(name),
            points(m.mean),
            f"{points(m.low)} – {points(m.high)}",
            str(m.items),
            points(m.baseline) if m.baseline is not None else "–",
            f"≥ {points(m.target)}" if m.target is not None else "–",
        ]
        for name, m in subject.metrics.items()
    ]
    return _table(("metric", "now", "95 %", "items", "before", "target"), rows)


def _slices(subject: SubjectResult) -> str:
    order = sorted(subject.slices.items(), key=lambda item: (item[1][1], item[1][0].difference))[:_MOST_SLICES]
    rows = [[_e(name), forest(c), _e(difference(c)), p_value(p), str(c.items)] for name, (c, p) in order]
    table = _table(("slice", "", "difference, 95 %", "p (Benjamini-Hochberg)", "items"), rows)
    return _folded("Slices (reported, never gated)", table) if rows else ""


def _one_worst(case: Worst) -> str:
    before = points(case.baseline) if case.baseline is not None else "unknown"
    blocks = [
        ("input", _json(case.input)),
        ("output", _json(case.output) if case.output else case.why),
        ("expected", _json(case.expected)),
    ]
    for number, call in enumerate(case.trace, 1):
        why = f" ({call['why']})" if call["why"] else ""
        blocks.append((f"call {number}: {call['prompt']}, {call['status']}{why}", call.get("request", "not kept")))
        if "reply" in call:
            blocks.append((f"reply {number}", call["reply"]))
    body = "".join(f"<dt>{_e(name)}</dt><dd><pre>{_e(text)}</pre></dd>" for name, text in blocks)
    title = f"<code>{_e(case.case)}</code>: {points(case.score)}, before {before}, {_e(case.status)}"
    return _folded(title, f"<dl>{body}</dl>")


def _fingerprints(subject: SubjectResult) -> str:
    before = subject.baseline_fingerprint or {}
    rows = []
    for axis, value in subject.fingerprint.items():
        name = f"<strong>{_e(axis)}</strong>" if before and before.get(axis) != value else _e(axis)
        rows.append([name, f"<code>{_e(value)}</code>", f"<code>{_e(before.get(axis, '–'))}</code>"])
    return _folded("Fingerprint", _table(("axis", "now", f"baseline {_e(subject.baseline_run)}"), rows))


def _budget(result: RunResult) -> str:
    names = ("requests", "cached", "tokens_in", "tokens_out", "seconds", "shaky")
    rows = [[_e(s.title), *(f"{s.spent.get(name, 0):,.0f}" for name in names)] for s in result.subjects]
    head = ("", "requests", "kept replies", "tokens in", "tokens out", "model seconds", "failed at first")
    budget = f" of {result.budget_minutes:g}" if result.budget_minutes is not None else ""
    cost = f", cost {result.cost:.4f}" if result.cost is not None else ""
    harm = "".join(f"<p>{_e(line)}</p>" for line in harm_lines(result.harm) if line)
    judges = f"<h3>Judges, which decide nothing here</h3>{_list(result.judges)}" if result.judges else ""
    codes = ", ".join(f"{code} {name}" for name, code in EXIT.items())
    return (
        f"<section><h2>Spent</h2><p>{result.minutes:.1f}{budget} minutes with {_e(result.model)}{cost}. "
        f"Run <code>{_e(result.id)}</code>, {_e(result.started)} to {_e(result.finished)}. Exit codes: {_e(codes)}.</p>"
        f"{_table(head, rows)}{harm}{judges}</section>"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells are HTML already; "" without rows."""
    if not rows:
        return ""
    names = "".join(f"<th>{name}</th>" for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>"


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>{body}</details>"


def forest(shown: Comparison, width: int = 180) -> str:
    """The difference and its interval on an axis from −20 to +20 points; beyond is drawn at the edge."""

    def x(value: float) -> float:
        return round(5 + (width - 10) * (min(0.2, max(-0.2, value)) + 0.2) / 0.4, 1)

    low, high, middle = x(shown.low), x(shown.high), x(shown.difference)
    label = f"{difference(shown)} points"
    return (
        f'<svg class="forest" role="img" aria-label="{_e(label)}" width="{width}" height="16" viewBox="0 0 {width} 16">'
        f'<line class="margin" x1="{x(-0.05)}" x2="{x(-0.05)}" y1="1" y2="15"/>'
        f'<line class="zero" x1="{x(0)}" x2="{x(0)}" y1="0" y2="16"/>'
        f'<line class="range" x1="{low}" x2="{high}" y1="8" y2="8"/><circle cx="{middle}" cy="8" r="4"/></svg>'
    )


def trend(history: Sequence[Mapping[str, Any]], width: int = 560, height: int = 90) -> str:
    """The primary metric over the last runs with its intervals."""
    rows = history[-40:]
    step = width / max(1, len(rows))

    def y(value: float) -> float:
        return round((height - 10) * (1 - value) + 5, 1)

    marks = []
    for place, row in enumerate(rows):
        x = round(step * (place + 0.5), 1)
        label = f"{row['at'][:10]} {points(row['mean'])} {row['verdict']}"
        marks.append(
            f'<line class="range" x1="{x}" x2="{x}" y1="{y(row["high"])}" y2="{y(row["low"])}"/>'
            f'<circle cx="{x}" cy="{y(row["mean"])}" r="3.5"><title>{_e(label)}</title></circle>'
        )
    line = " ".join(f"{round(step * (i + 0.5), 1)},{y(row['mean'])}" for i, row in enumerate(rows))
    edges = "".join(f'<line class="zero" x1="0" x2="{width}" y1="{y(edge)}" y2="{y(edge)}"/>' for edge in (0.0, 1.0))
    return (
        f'<svg class="trend" role="img" aria-label="primary metric over {len(rows)} runs" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}">{edges}<polyline points="{line}"/>{"".join(marks)}</svg>'
    )


def _kind(subject: SubjectResult) -> str:
    return f"mark {subject.verdict.replace(' ', '-')}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


def _e(text: Any) -> str:
    return escape(str(text))
