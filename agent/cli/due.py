"""`study due`: what was earned and what is left of it, and a short re-check of the weakest claims."""

from typing import Any

from agent.app import App
from agent.app.memory import Remembered, choose_recheck, remembered, weak_claims
from agent.cli.output import console, print_json
from agent.domain.errors import UsageError
from agent.domain.text import one_line
from agent.workspace.drift import note_drift


def run_due(topic: str | None, *, start: bool, json: bool) -> int:
    """List verified topics by what is left of them, or start a re-check."""
    with App.load() as app:
        if start:
            from agent.cli.quiz import run_recheck

            return run_recheck(app, choose_recheck(app, topic).topic, json=json)
        if topic is not None:
            raise UsageError("To check a topic again now, add --start.")
        rows = remembered(app)
        if json:
            changed = _changed(app)
            more = [{"weakest": weak_claims(app, r.topic.id), "changed": changed.get(r.topic.id, [])} for r in rows]
            print_json({"due": [row_as_json(row) | extra for row, extra in zip(rows, more, strict=True)]})
            return 0
        _print(app, rows)
    return 0


def row_as_json(row: Remembered) -> dict[str, Any]:
    """Give a topic's memory for scripts."""
    return {
        "topic": row.topic.id,
        "level": str(row.topic.level),
        "status": row.topic.status,
        "retrievability": round(row.retrievability, 3),
        "stability_days": round(row.memory.stability, 1),
        "reviews": row.memory.reviews,
        "last": row.memory.last.isoformat(),
        "due": row.memory.due.isoformat(),
        "is_due": row.due,
    }


def _print(app: App, rows: list[Remembered]) -> None:
    out = console()
    if not rows:
        out.print("No topic is verified yet, so there is nothing to check again; `study quiz` starts with one.")
        return
    out.print("level earned  recalled now  re-check", style="dim")
    changed = _changed(app)
    for row in rows:
        style = "yellow" if row.due else None
        when = when_due(row)
        out.print(
            f"{row.topic.level}            {row.retrievability:>6.0%}        {when:<14} "
            f"{one_line(row.topic.text, 80)}  ({row.topic.id})",
            style=style,
        )
        if row.due:
            claims = ", ".join(f"^{claim}" for claim in weak_claims(app, row.topic.id))
            out.print(f"{'':<28}{f'asks {claims}' if claims else 'its note cannot be read'}", style="dim")
        if row.topic.id in changed:
            blocks = ", ".join(f"^{claim}" for claim in changed[row.topic.id])
            out.print(f"{'':<28}its note changed since at {blocks}; `study due {row.topic.id} --start`", style="yellow")
    due = sum(row.due for row in rows)
    if due:
        out.print(f"{due} due; `study due --start` checks the first one again, in three questions or so.")
    else:
        out.print("Nothing is due.")


def _changed(app: App) -> dict[str, list[str]]:
    """The blocks behind a level that say something else now, by topic."""
    found: dict[str, list[str]] = {}
    for drift in note_drift(app.workspace):
        found.setdefault(drift.topic, []).append(drift.claim)
    return found


def when_due(row: Remembered) -> str:
    """Say when a re-check is due, by the user's calendar."""
    days = row.days_left
    if row.due:
        return "due today" if days >= 0 else f"due {-days} day{'s' * (days != -1)} ago"
    return "later today" if days == 0 else f"in {days} day{'s' * (days != 1)}"
