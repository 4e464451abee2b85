"""`study promote`: shows what a level asks for, and proposes it when nothing is missing."""

from pathlib import Path
from typing import Any

from agent.app import App
from agent.app.promote import Promotion, promote
from agent.cli.output import console, print_json
from agent.domain.text import one_line


def run_promote(topic: str, to: str, evidence: list[str], reason: str, *, json: bool) -> int:
    """Print the gates; 0 with a proposal, 1 where something is missing."""
    with App.load() as app:
        result = promote(app, topic, to, evidence, reason, cwd=Path.cwd())
    if json:
        print_json(_as_json(result))
    else:
        _print(result)
    return 0 if result.proposal is not None else 1


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
