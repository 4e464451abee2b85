"""`study log`: jotting down what happened. Like every command, it imports what it needs when it runs."""

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
