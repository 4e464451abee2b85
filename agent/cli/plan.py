"""`study plan`."""

from dataclasses import asdict

from agent.app import App
from agent.app.plan import week
from agent.cli.output import console, print_json
from agent.domain.plan import Item
from agent.domain.suggestion import focus_score
from agent.domain.text import one_line


def run_plan(hours: float, *, json: bool) -> int:
    """Print the week, each line with its reason and its command."""
    with App.load() as app:
        plan, focus = week(app, hours)
        topics = app.workspace.roadmap().topics
    if json:
        print_json(
            {
                "hours": hours,
                "minutes": plan.minutes,
                "focus": focus,
                "items": [asdict(item) for item in plan.items],
                "later": [asdict(item) for item in plan.later],
            }
        )
        return 0
    out = console()
    planned, rest = divmod(plan.minutes, 60)
    out.print(f"This week: {planned} h {rest:02d} min of {hours:g} hours", style="bold")
    if focus:
        named = any(focus_score(focus, topic) for topic in topics)
        out.print(f"Quarter focus: {one_line(focus)}{'' if named else ' (no row is named in it)'}", style="dim")
    for item in plan.items:
        out.print()
        for line, style in _lines(item):
            out.print(line, style=style)
    if not plan.items:
        out.print("Nothing fits; `study plan --hours H` with more, or `study note new` for a topic without a note.")
    if plan.later:
        out.print("\nThen", style="bold")
        for item in plan.later:
            out.print(f"  {item.minutes:>3} min  {item.kind:<8}  {one_line(item.text, 100)}", style="dim")
    return 0


def _lines(item: Item) -> list[tuple[str, str | None]]:
    indent = " " * 20
    return [
        (f"  {item.minutes:>3} min  {item.kind:<8}  {one_line(item.text, 100)}", "bold"),
        (f"{indent} {one_line(item.reason, 400)}", None),
        (f"{indent} {item.command}", "cyan"),
    ]
