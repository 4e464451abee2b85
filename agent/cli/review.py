"""`study review`: the one place where a level change is approved, by a person at a terminal."""

import sys
from typing import Any

from agent.app import App
from agent.app.lines import propose_ready_ticks
from agent.app.review import Asked, Decided, Review, catch_up, review
from agent.cli.editor import edit
from agent.cli.output import console, interactive, print_json, read_line
from agent.domain.proposal import Proposal
from agent.domain.text import one_line

DECISIONS = {"a": "approve", "e": "edit", "r": "reject", "l": "later"}


def run_review(*, json: bool) -> int:
    """Decide on what is pending; without a terminal only list it."""
    with App.load() as app:
        for message in catch_up(app):
            console(stderr=True).print(message)
        pending = app.promotions.pending()
        if json:
            for proposal in pending:
                print_json(proposal.model_dump(mode="json", exclude={"intent"}))
            return 0
        out = console()
        if not pending:
            out.print("Nothing is pending. A passed quiz proposes a level; `study quiz` starts one.")
            return 0
        if not interactive():
            for proposal in pending:
                out.print(_line(proposal))
            console(stderr=True).print("Deciding needs a person at a terminal: run `study review` in one.")
            return 0
        for number, proposal in enumerate(pending, 1):
            out.print(f"\nProposal {number} of {len(pending)}", style="bold")
            if not _decide(app, proposal):
                return 0
        for proposal in propose_ready_ticks(app):  # the levels just approved may complete a milestone's bullet
            out.print("\nA milestone follows from it", style="bold")
            if not _decide(app, proposal):
                return 0
    return 0


def _line(proposal: Proposal) -> str:
    return f"{proposal.id[:8]}  {one_line(proposal.change.summary)}"


def _decide(app: App, proposal: Proposal) -> bool:
    """Ask until the proposal is decided or left; whether to go on with the next one."""
    out = console()
    with review(app, proposal.id) as thread:
        step: Asked | Decided = thread.ask()
        while isinstance(step, Asked):
            _show(step)
            answer = _choice()
            if answer == "quit":
                return False
            step = _reply(thread, step, answer)
        style = "green" if step.decision == "approved" else None
        out.print(step.message, style=style)
        if step.commit:
            out.print(step.commit[0].upper() + step.commit[1:] + ".", style="dim")
    return True


def _show(asked: Asked) -> None:
    out = console()
    for line in asked.description.splitlines():
        added, removed = line.startswith("+"), line.startswith("-")
        # The terminal wraps: a row of the diff stays one line, to be read and copied as it will be written.
        out.print(line, style="green" if added else "red" if removed else None, soft_wrap=True)
    out.print()


def _choice() -> str:
    """Read one decision; the end of input means later, never anything else."""
    while True:
        typed = read_line("[a]pprove, [e]dit, [r]eject, [l]ater, [q]uit? ")
        if typed is None:
            return "quit"
        for key, name in (*DECISIONS.items(), ("q", "quit")):
            if typed.casefold() in (key, name):
                return name


def _reply(thread: Review, asked: Asked, answer: str) -> Asked | Decided:
    if answer == "edit":
        edited = _edit(asked.args)
        if edited is None:
            return asked
        reason = str(edited.pop("rationale", ""))
        return thread.reply(asked, {"type": "edit", "edited": edited, "reason": reason})
    reason = ""
    if answer == "reject":
        given = read_line("Why (one line, kept in the ledger)? ")
        if given is None:
            return asked
        reason = given
    return thread.reply(asked, {"type": answer, "reason": reason})


def _edit(args: dict[str, Any]) -> dict[str, Any] | None:
    """Let the user edit the change as YAML in their editor; None where nothing was changed or it is no YAML."""
    import yaml

    editable = {key: args[key] for key in ("to_level", "status", "after", "evidence", "rationale") if key in args}
    text = edit(yaml.safe_dump(editable, sort_keys=False, allow_unicode=True, width=10_000), suffix=".yaml")
    if text is None:
        return None
    try:
        edited = yaml.safe_load(text)
    except yaml.YAMLError:
        edited = None
    if not isinstance(edited, dict):
        sys.stderr.write("study: that is no YAML mapping; nothing was changed.\n")
        return None
    return {key: edited[key] for key in editable if key in edited}
