"""`study ask`: the nearest passages at once, then sentences that each carry a citation that holds."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from agent.app import App
from agent.cli.output import console, print_json
from agent.domain.errors import UsageError
from agent.domain.statement import Statement, highlights
from agent.domain.text import content_stems, neutralise, one_line


def run_ask(
    question: str, *, folders: Sequence[str], since: str | None, topic: str | None, thread: str | None, json: bool
) -> int:
    """Answer a question from the notes; 1 where they do not say."""
    from agent.app.ask import ask

    with App.load() as app:
        topics = (app.workspace.topic(topic).id,) if topic else ()
        day = _day(since)
        outcome, held_up = "", False
        for event in ask(app, question, folders=tuple(folders), since=day, topics=topics, thread=thread):
            outcome, held_up = event.get("outcome", outcome), held_up or event["event"] == "nearest"
            if outcome == "abstained" and held_up and not json:
                continue  # the nearest lines said so
            if json:
                print_json(event)
            else:
                _show(event, question, quiet=app.chat is not None)
    return 1 if outcome == "abstained" else 0


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--since takes a date like 2026-11-23, not {text!r}.") from None


def _show(event: Mapping[str, Any], question: str, *, quiet: bool) -> None:
    """Print an event; with a chat model to come, the passages are one line each."""
    out = console()
    if event["event"] == "passages":
        for number, passage in enumerate(event["passages"], 1):
            place = f"{passage['path']}:{passage['start_line']}"
            out.print(
                f"{number}. {one_line(place)}  {one_line(passage['heading'], 90)}", style="dim" if quiet else "bold"
            )
            if not quiet:
                for statement in highlights(question, passage["text"], passage["path"], passage["start_line"]):
                    out.print(f"   {one_line(statement.plain, 300)}  (line {statement.start_line})")
    elif event["event"] == "sentence":
        own = event.get("verbatim")  # the model's words, or a line of the notes for want of them
        out.print(f"\nYour notes say: “{neutralise(event['text'])}”" if own else f"\n{neutralise(event['text'])}")
        quote = Statement(event["path"], event["start_line"], event["end_line"], event["quote"]).plain
        if content_stems(quote) != content_stems(event["text"]):  # a line that answers in its own words is there once
            out.print(f"  “{one_line(quote, 240)}”", style="dim")
        out.print(f"  {one_line(event['path'])}:{event['start_line']}", style="cyan")
    elif event["event"] == "nearest":
        out.print("\nYour notes don't say it in so many words. The nearest lines:", style="yellow")
        for line in event["statements"]:
            out.print(f"  {one_line(line['text'], 240)}")
            out.print(f"  {one_line(line['path'])}:{line['start_line']}", style="cyan")
    elif event["event"] == "result":
        if event["notice"]:
            out.print(f"\n{neutralise(event['notice'])}", style="yellow")
        if event["outcome"] == "answered":
            out.print(f"\nFollow up with --thread {event['thread']}", style="dim")
