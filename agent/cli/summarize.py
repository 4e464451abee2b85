"""`study summarize`: the day's draft, and the decision on it by a person at a terminal."""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

from agent.app import App
from agent.app.summarize import Asked, Settlement, Summary, day_summary
from agent.cli.editor import edit
from agent.cli.line_edit import edit_lines
from agent.cli.output import console, interactive, print_json, read_line
from agent.domain.event import counted
from agent.domain.session_overview import fits, overview
from agent.domain.text import one_line

DECISIONS = {"v": "view", "a": "approve", "e": "edit", "c": "change lines", "r": "reject", "l": "later"}
QUESTION = "[v]iew all, [a]pprove, [e]dit in your editor, [c]hange lines, [r]eject, [l]ater? "
ROWS_BELOW = 7  # of the screen, for the question and what is said beside the draft
MAX_DROPPED = 5  # dropped sentences that are shown one by one


def run_summarize(date: str, since: str, *, json: bool) -> int:
    """Draft a day and let a person decide on it; without a terminal the draft is printed and waits."""
    with App.load() as app, day_summary(app, date, since) as session:
        if json:
            _as_json(session)
            return 0
        if app.chat_gap:
            console(stderr=True).print("No chat model is here, so the draft is made by code alone.", style="dim")
        _watch(session.ask())
        step = session.step
        while isinstance(step, Asked):
            _show(step)
            if step.notice:
                console().print(step.notice, style="yellow")
            if step.missing:
                later = f"{counted(step.missing, 'event')} of the day came after you edited this draft"
                console().print(f"{later}; run `study summarize` again once it is approved.", style="yellow")
            if not interactive():
                console(stderr=True).print(
                    f"The draft waits in {step.path}; approving it needs you at a terminal: `study summarize`."
                )
                return 0
            step = _ask_person(session, step)
        console().print(step.message, style="green" if step.decision == "approved" else None)
        if step.commit:
            console().print(f"{step.commit[0].upper()}{step.commit[1:]}.", style="dim")
        if step.decision == "approved":
            session.index()
    return 0


def _show(asked: Asked) -> None:
    """Show a draft: all of it to a pipe, and at a terminal what fits on a screen."""
    out = console()
    if not interactive():
        out.print(asked.text, soft_wrap=True)
        return
    rows, width = out.size.height - ROWS_BELOW, out.size.width
    if fits(asked.shown, rows, width) or not (short := overview(asked.shown, rows, width)).strip():
        out.print(asked.shown, soft_wrap=True)
        return
    out.print(short, soft_wrap=True)
    out.print("This is an overview; v shows the whole draft.", style="dim")


def _watch(events: Iterator[dict[str, Any]]) -> None:
    """Show that something happens while a model reads and writes, and say what came of it."""
    notes = console(stderr=True)
    status = notes.status("Reading the day …") if notes.is_terminal else None
    with status or nullcontext():
        doing = ""
        for event in events:
            if event["event"] == "problems":
                for problem in event["problems"]:
                    notes.print(one_line(problem, 400), style="yellow")
            elif event["event"] == "condensed":
                doing = f"{counted(event['events'], 'event')}, condensed to {counted(event['facts'], 'fact')}"
                if event["model"]:
                    doing += f"; {one_line(event['model'])} writes the summary (about a minute at most) …"
            elif event["event"] == "line":
                doing = f"{doing.split(' …')[0]} … {counted(event['n'], 'sentence')}"
            elif event["event"] == "drafted":
                _say_dropped(event)
            if status is not None and doing:
                status.update(doing)


def _say_dropped(event: dict[str, Any]) -> None:
    if event["dropped"]:
        notes = console(stderr=True)
        notes.print(f"{counted(len(event['dropped']), 'sentence')} of the model dropped:", style="dim")
        shown = event["dropped"][:MAX_DROPPED]
        for item in shown:
            notes.print(f"  “{one_line(item['text'], 100)}”: {one_line(item['reason'], 100)}", style="dim")
        if len(shown) < len(event["dropped"]):
            notes.print(f"  … {len(event['dropped']) - len(shown)} more (--json has all)", style="dim")


def _ask_person(session: Summary, asked: Asked) -> Asked | Settlement:
    """Read one decision; the end of input means later, never anything else."""
    while True:
        typed = read_line(QUESTION)
        name = next((n for k, n in DECISIONS.items() if typed is not None and typed.casefold() in (k, n)), None)
        if typed is None or name == "later":
            return Settlement(f"The draft waits in {asked.path}; `study summarize` shows it again.", "later")
        if name == "view":
            out = console()
            with out.pager():
                out.print(asked.shown, soft_wrap=True)
            continue
        if name in ("edit", "change lines"):
            body = (
                edit(asked.body, suffix=".md") if name == "edit" else edit_lines(asked.body, read_line, console().print)
            )
            if body is None:
                continue
            return session.reply(asked, {"type": "edit", "edited": {"text": body}})
        if name is not None:
            return session.reply(asked, {"type": name})


def _as_json(session: Summary) -> None:
    for event in session.ask():
        print_json(event)
    step = session.step
    if isinstance(step, Asked):
        result = {"state": "waiting", "session": step.path, "text": step.text, "missing": step.missing}
        print_json({"event": "result", **result, "notice": step.notice})
    else:
        print_json({"event": "result", "state": step.decision, "session": None, "notice": step.message})
