"""`study promote`: shows what a level asks for, and proposes it when nothing is missing."""

from pathlib import Path
from typing import Any

from agent.app import App
from agent.app.promote import Promotion, promote
from agent.cli.output import console, print_json
from agent.domain.errors import ModelError
from agent.domain.text import one_line


def run_promote(
    topic: str, to: str, evidence: list[str], reason: str, *, json: bool, with_opinion: bool = False
) -> int:
    """Print the gates; 0 with a proposal, 1 where something is missing. An opinion comes after, and changes neither."""
    with App.load() as app:
        result = promote(app, topic, to, evidence, reason, cwd=Path.cwd())
        if not json:
            _print(result)
        given = _opinion(app, result) if with_opinion else None
    if json:
        print_json({**_as_json(result), **({"opinion": given} if with_opinion else {})})
    elif given is not None:
        _print_opinion(given)
    return 0 if result.proposal is not None else 1


def _opinion(app: App, result: Promotion) -> dict[str, Any]:
    """Ask the chat model what it thinks of the evidence; a failure is said, and is no failure of the promotion."""
    from agent.app.opinion import opinion

    try:
        found = opinion(app, result.change)
    except ModelError as error:
        return {"counted": False, "comment": None, "dropped": str(error)}
    if found.rationale is None:
        return {"counted": False, "comment": None, "dropped": found.dropped, "versions": found.versions}
    told = found.rationale.model_dump(include={"comment", "strength", "cites"})
    return {"counted": False, **told, "versions": found.versions}


def _print_opinion(given: dict[str, Any]) -> None:
    out = console()
    if given["comment"] is None:
        out.print(f"No opinion: {one_line(given['dropped'], 300)}.", style="dim")
        return
    model = one_line(given["versions"]["chat"], 80)
    out.print(f"Opinion of {model}, not counted ({given['strength']} evidence):", style="dim")
    out.print(f"  {one_line(given['comment'], 600)} ({one_line(', '.join(given['cites']), 200)})", style="dim")


def _print(result: Promotion) -> None:
    out = console()
    change = result.change
    out.print(f"{one_line(change.topic_text)}: {change.from_level} → {change.to_level}", style="bold")
    for requirement in result.requirements:
        mark, style = ("✓", "green") if requirement.met else ("✗", "red")
        reason = f": {one_line(requirement.reason, 400)}" if requirement.reason else ""
        out.print(f"  {mark} {requirement.level} {one_line(requirement.what, 200)}{reason}", style=style)
    if result.proposal is not None:
        for item in result.proposal.change.evidence:
            out.print(f"  evidence {one_line(item.path, 300)}", style="dim")
        out.print("Proposed; nothing is changed until you decide on it with `study review`.", style="bold")
        return
    missing = sum(not requirement.met for requirement in result.requirements)
    out.print(f"Not proposed: {missing} of {len(result.requirements)} things are missing.", style="bold yellow")
    for hint in result.hints:
        out.print(f"  There is {one_line(hint, 300)}; link it with --evidence {one_line(hint, 300)}", style="yellow")


def _as_json(result: Promotion) -> dict[str, Any]:
    return {
        "topic": result.change.topic,
        "from": str(result.change.from_level),
        "to": str(result.change.to_level),
        "evidence": [item.path for item in result.change.evidence],
        "requirements": [
            {"level": str(r.level), "what": r.what, "met": r.met, "reason": r.reason} for r in result.requirements
        ],
        "hints": list(result.hints),
        "proposal": result.proposal.id if result.proposal is not None else None,
    }
