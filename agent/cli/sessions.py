"""`study log` and `study summarize`. Like every command, they import what they need when they run."""

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


def log(
    text: Annotated[list[str], typer.Argument(help="What you did, read, saw or decided, in a line.")],
    topic: Annotated[str | None, typer.Option("--topic", help="The topic that it belongs to.")] = None,
    json: Json = False,
) -> None:
    """Jot down a line for the day's session."""
    from uuid import uuid4

    from agent.app import App
    from agent.cli.output import console, print_json
    from agent.domain.errors import UsageError
    from agent.domain.happened import logged

    line = " ".join(text)
    if not line.strip():
        raise UsageError("There is nothing to log; `study log read the paper on GQA` jots that line.")
    with App.load() as app:
        named = app.workspace.topic(topic).id if topic else ""
        event = logged(str(uuid4()), app.clock.now(), line, named)
        path = app.workspace.events.add(event)
    if json:
        print_json({**event.model_dump(mode="json"), "path": path})
    else:
        console().print(f"Logged in {path}.")


def summarize(
    date: Annotated[str, typer.Option("--date", help="The day: 2026-11-24, today or yesterday.")] = "today",
    since: Annotated[
        str, typer.Option("--since", help="Only from here on: 14:00, or an earlier day, or 2026-11-20T14:00.")
    ] = "",
    json: Json = False,
) -> None:
    """Draft the day's session from what happened; you read it, edit it, approve or reject it.

    Without a terminal the draft is printed and waits. Every statement links the event that it comes from.
    """
    from agent.cli.summarize import run_summarize

    raise typer.Exit(run_summarize(date, since, json=json))
