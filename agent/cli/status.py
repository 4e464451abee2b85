"""`study status`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent.app import App
from agent.app.memory import Remembered, remembered
from agent.cli.due import when_due
from agent.cli.output import console, print_json
from agent.domain.dashboard import NextGate, Step, steps_of
from agent.domain.ledger import sound
from agent.domain.level import Level
from agent.domain.milestone import BulletState
from agent.domain.proposal import Proposal
from agent.domain.roadmap import Roadmap, Track
from agent.domain.text import one_line
from agent.workspace.milestones import milestone_states

if TYPE_CHECKING:
    from rich.console import Console


MAX_SHOWN = 5


def run_status(*, json: bool) -> int:
    """Print the state of the workspace; reads files, never checkpoints."""
    app = App.load()
    roadmap = app.workspace.roadmap()
    pending, problems = app.workspace.proposals.readable()
    state = State(
        roadmap=roadmap,
        pending=pending,
        memory={item.topic.id: item for item in remembered(app, roadmap)},
        bullets=milestone_states(app.workspace, roadmap),
        steps=steps_of(sound(app.workspace.ledger.readable()[0])),
        gates=_gates(app, roadmap),
    )
    if json:
        print_json(_as_json(state))
        return 0
    _print(console(), state)
    out = console()
    for proposal in pending:
        out.print(f"Pending: {one_line(proposal.change.summary)}", style="yellow")
    if pending:
        out.print("Decide with `study review`.")
    for problem in problems:
        out.print(f"Warning: {one_line(problem, 300)}", style="red")
    return 0


def _gates(app: App, roadmap: Roadmap) -> list[NextGate]:
    if not any(topic.level >= Level.L1 for topic in roadmap.topics):
        return []
    from agent.app.progress import next_gates  # the rules of the gates take a while to load

    return next_gates(app, roadmap, MAX_SHOWN)


@dataclass(frozen=True, slots=True)
class State:
    """What there is to show; `memory` has the verified topics, by their ids."""

    roadmap: Roadmap
    pending: list[Proposal]
    memory: dict[str, Remembered]
    bullets: list[BulletState]
    steps: tuple[Step, ...]
    gates: list[NextGate]


def _print(out: "Console", state: State) -> None:
    for track in state.roadmap.tracks:
        _print_track(out, track, state.memory)
    if state.roadmap.focus:
        out.print("Quarter focus", style="bold")
        for line in state.roadmap.focus:
            out.print(f"  {one_line(line.label)}: {one_line(line.text)}")
        out.print()
    for milestone in state.roadmap.milestones:
        own = [bullet for bullet in state.bullets if bullet.milestone == milestone.title]
        out.print(f"{one_line(milestone.title)}  {sum(b.bullet.checked for b in own)}/{len(own)}", style="bold")
        for item in own:
            progress = (
                f"  {min(item.reached, item.goal.need)}/{item.goal.need} at {item.goal.level}" if item.goal else ""
            )
            odd = f"  ({item.state})" if item.state in ("ready", "by hand", "slipped") else ""
            style = "green" if item.state == "done" else "yellow" if odd else None
            mark = "x" if item.bullet.checked else " "
            out.print(f"  [{mark}] {one_line(item.bullet.text)}{progress}{odd}", style=style)
    out.print()
    _print_lists(out, state)


def _print_lists(out: "Console", state: State) -> None:
    """Print the newest decisions, the nearest gates and what is due, each where there is something to say."""
    if state.steps:
        out.print("Latest levels", style="bold")
        for step in state.steps[: -MAX_SHOWN - 1 : -1]:
            out.print(f"  {step.day}  {one_line(step.text, 90)}: {step.from_level} → {step.to_level}")
        out.print()
    nearest = sorted(state.gates, key=lambda gate: (len(gate.missing), -gate.level, gate.topic.line))[:MAX_SHOWN]
    if nearest:
        out.print("Next gates", style="bold")
        for gate in nearest:
            lacks = f"lacks {len(gate.missing)} of {gate.total}, first {gate.missing[0]}" if gate.missing else "is open"
            out.print(f"  {one_line(gate.topic.text, 60)}: {gate.level} {one_line(lacks, 160)}")
        out.print()
    due = [item for item in state.memory.values() if item.due]
    if due:
        out.print(f"Due for a re-check: {len(due)}; `study due` lists them.", style="yellow")


def _print_track(out: "Console", track: Track, memory: dict[str, Remembered]) -> None:
    verified = sum(topic.level >= Level.L1 for topic in track.topics)
    out.print(
        f"Track {track.number:02d}  {one_line(track.title)}  {verified}/{len(track.topics)} at L1 or above",
        style="bold",
    )
    for module in track.modules:
        out.print(f"  {one_line(module.title) or '(no module)'}", style="cyan")
        for topic in module.topics:
            item = memory.get(topic.id)
            style = None if topic.level == Level.L0 else "yellow" if item is not None and item.due else "green"
            evidence = f"  {len(topic.evidence)} link{'s' * (len(topic.evidence) > 1)}" if topic.evidence else ""
            recalled = f"  recalled {item.retrievability:.0%}, {when_due(item)}" if item is not None else ""
            status = one_line(topic.status, 20)
            name = one_line(topic.text, 90)
            out.print(f"    {topic.level}  {status:<9} {name}  ({topic.id}){evidence}{recalled}", style=style)
    out.print()


def _as_json(state: State) -> dict[str, Any]:
    roadmap, pending = state.roadmap, state.pending
    return {
        "topics": [
            {
                "id": topic.id,
                "track": topic.track,
                "module": topic.module,
                "topic": topic.text,
                "level": str(topic.level),
                "status": topic.status,
                "evidence": [link.target for link in topic.evidence],
                "retrievability": round(item.retrievability, 3) if (item := state.memory.get(topic.id)) else None,
                "due": item.memory.due.isoformat() if item else None,
            }
            for topic in roadmap.topics
        ],
        "pending": [
            {
                "id": proposal.id,
                "topic": proposal.topic,
                "kind": proposal.change.action,
                "from": proposal.change.was,
                "to": proposal.change.becomes,
                "created": proposal.created.isoformat(),
            }
            for proposal in pending
        ],
        "focus": [{"label": line.label, "text": line.text} for line in roadmap.focus],
        "milestones": [
            {
                "title": milestone.title,
                "bullets": [
                    {"text": b.bullet.text, "checked": b.bullet.checked, "number": b.number, "state": b.state}
                    for b in state.bullets
                    if b.milestone == milestone.title
                ],
            }
            for milestone in roadmap.milestones
        ],
        "history": [
            {"day": s.day.isoformat(), "topic": s.topic, "from": str(s.from_level), "to": str(s.to_level)}
            for s in state.steps
        ],
        "next_gates": [
            {"topic": g.topic.id, "level": str(g.level), "missing": list(g.missing), "of": g.total} for g in state.gates
        ],
    }
