"""`study milestone` and `study focus`: what the roadmap's lists say, and proposals to change them."""

from pathlib import Path
from typing import Annotated, Any

import typer

milestone_app = typer.Typer(
    invoke_without_command=True, help="Show the milestones; propose to tick a box, or to take a tick back."
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Bullet = Annotated[str, typer.Argument(help="Number as listed (2.1), or part of the text.")]
MARKS = {
    "done": ("✓", "green"),
    "ready": ("◆", "bold yellow"),
    "open": ("○", None),
    "unbound": ("○", None),
    "by hand": ("!", "yellow"),
    "slipped": ("!", "red"),
}


# What is linked may still say nothing; whether it is enough is decided by a person, box by box.
PART_SAID = {
    "linked": ("✓", ""),
    "missing": ("○", "not linked by its rows or boxes yet"),
    "yours": ("?", "yours to judge"),
}


@milestone_app.callback()
def milestone(context: typer.Context, json: Json = False) -> None:
    """Show every milestone with the state of its bullets, and how a bullet was read.

    A bullet that names rows and a level is checked by the levels; any other is bound to evidence by you.
    """
    if context.invoked_subcommand is None:
        raise typer.Exit(_list(json=json))


@milestone_app.command()
def tick(
    bullet: Bullet,
    evidence: Annotated[
        list[str] | None, typer.Option("--evidence", help="A file of the workspace that shows it.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="What the evidence shows.")] = "",
    json: Json = False,
) -> None:
    """Propose to tick a box, on levels or on evidence; only `study review` decides."""
    from agent.app import App
    from agent.app.lines import propose_tick

    with App.load() as app:
        _proposed(propose_tick(app, bullet, evidence or [], reason, cwd=Path.cwd()), json=json)


@milestone_app.command()
def untick(
    bullet: Bullet,
    reason: Annotated[str, typer.Option("--reason", help="Why.")] = "",
    json: Json = False,
) -> None:
    """Propose to take a tick back; only `study review` decides."""
    from agent.app import App
    from agent.app.lines import propose_untick

    with App.load() as app:
        _proposed(propose_untick(app, bullet, reason), json=json)


def run_focus(label: str | None, text: str | None, *, remove: bool, json: bool) -> int:
    """Show the focus, or propose another line."""
    from agent.app import App
    from agent.app.lines import propose_focus
    from agent.cli.output import console, print_json
    from agent.domain.errors import UsageError
    from agent.domain.suggestion import quarter_line
    from agent.domain.text import one_line

    with App.load() as app:
        if label is not None:
            if remove == (text is not None):
                raise UsageError("Give a label with its new text, or a label with --remove.")
            _proposed(propose_focus(app, label, text), json=json)
            return 0
        roadmap = app.workspace.roadmap()
        now = quarter_line(roadmap, app.clock.now().astimezone().date())
        rows = [{"label": line.label, "text": line.text, "now": line is now} for line in roadmap.focus]
        if json:
            print_json({"focus": rows})
            return 0
        out = console()
        for row in rows:
            mark, style = ("▸", "bold") if row["now"] else (" ", None)
            out.print(f"{mark} {one_line(str(row['label']))}: {one_line(str(row['text']))}", style=style)
        if not rows:
            out.print("The roadmap has no quarter focus: a heading with the word focus, and list items `Q1 focus: …`.")
    return 0


def _list(*, json: bool) -> int:
    from dataclasses import asdict

    from agent.app import App
    from agent.cli.output import console, print_json
    from agent.domain.text import one_line
    from agent.workspace.milestones import milestone_evidence, milestone_states

    workspace = App.load().workspace
    roadmap = workspace.roadmap()
    states = milestone_states(workspace, roadmap)
    if json:
        required = [
            {"milestone": m.title, "parts": [asdict(part) for part in parts], "dead": list(dead)}
            for m in roadmap.milestones
            if m.evidence_required
            for parts, dead in [milestone_evidence(workspace, roadmap, m, states)]
        ]
        print_json({"milestones": milestone_rows(states), "evidence_required": required})
        return 0
    out = console()
    if not states:
        out.print("The roadmap has no milestones: headings that begin with Milestone, and list items with boxes.")
    for milestone in roadmap.milestones:
        own = [state for state in states if state.milestone == milestone.title]
        done = sum(state.state == "done" for state in own)
        out.print(f"{one_line(milestone.title)}  {done}/{len(own)}", style="bold")
        for state in own:
            mark, style = MARKS[state.state]
            out.print(f"  {mark} {state.number} {one_line(state.bullet.text)}", style=style)
            out.print(f"        {one_line(state.detail, 300)}", style="dim")
        if milestone.evidence_required:
            out.print(f"    evidence required: {one_line(milestone.evidence_required)}", style="dim")
            parts, dead = milestone_evidence(workspace, roadmap, milestone, states)
            for part in parts:
                mark, said = PART_SAID[part.verdict]
                said = one_line(part.paths[-1], 100) if part.paths else said
                more = f" and {len(part.paths) - 1} more" if len(part.paths) > 1 else ""
                out.print(f"      {mark} {one_line(part.what, 100)}: {said}{more}", style="dim")
            for path in dead:
                out.print(f"      ! the link {one_line(path, 200)!r} leads to no file", style="yellow")
        out.print()
    return 0


def milestone_rows(states: Any) -> list[dict[str, Any]]:
    """Give states as JSON."""
    return [
        {
            "number": state.number,
            "milestone": state.milestone,
            "text": state.bullet.text,
            "checked": state.bullet.checked,
            "state": state.state,
            "checked_by": "levels" if state.goal else "evidence",
            "topics": list(state.goal.topics) if state.goal else [],
            "level": str(state.goal.level) if state.goal else None,
            "reached": state.reached,
            "need": state.goal.need if state.goal else None,
            "evidence": list(state.evidence),
        }
        for state in states
    ]


def _proposed(proposal: Any, *, json: bool) -> None:
    from agent.cli.output import console, print_json
    from agent.domain.text import one_line

    if json:
        print_json({"proposal": proposal.id, "summary": proposal.change.summary})
        return
    out = console()
    out.print(one_line(proposal.change.summary, 400))
    for item in proposal.change.evidence:
        out.print(f"  evidence {one_line(item.path, 300)}", style="dim")
    out.print("Proposed; nothing is changed until you decide on it with `study review`.", style="bold")
