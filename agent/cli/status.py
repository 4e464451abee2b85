"""`study status`."""

from typing import TYPE_CHECKING, Any

from agent.app import App
from agent.cli.output import console, print_json
from agent.domain.level import Level
from agent.domain.proposal import Proposal
from agent.domain.roadmap import Roadmap, Track
from agent.domain.text import one_line

if TYPE_CHECKING:
    from rich.console import Console


def run_status(*, json: bool) -> int:
    """Print the state of the workspace; reads files, never checkpoints."""
    workspace = App.load().workspace
    roadmap = workspace.roadmap()
    pending, problems = workspace.proposals.readable()
    if json:
        print_json(_as_json(roadmap, pending))
        return 0
    out = console()
    for track in roadmap.tracks:
        _print_track(out, track)
    if roadmap.focus:
        out.print("Quarter focus", style="bold")
        for line in roadmap.focus:
            out.print(f"  {one_line(line.label)}: {one_line(line.text)}")
        out.print()
    for milestone in roadmap.milestones:
        done = sum(bullet.checked for bullet in milestone.bullets)
        out.print(f"{one_line(milestone.title)}  {done}/{len(milestone.bullets)}", style="bold")
        for bullet in milestone.bullets:
            out.print(f"  [{'x' if bullet.checked else ' '}] {one_line(bullet.text)}")
    out.print()
    for proposal in pending:
        out.print(f"Pending: {one_line(proposal.change.summary)}", style="yellow")
    if pending:
        out.print("Decide with `study review`.")
    for problem in problems:
        out.print(f"Warning: {one_line(problem, 300)}", style="red")
    return 0


def _print_track(out: "Console", track: Track) -> None:
    verified = sum(topic.level >= Level.L1 for topic in track.topics)
    out.print(
        f"Track {track.number:02d}  {one_line(track.title)}  {verified}/{len(track.topics)} at L1 or above",
        style="bold",
    )
    for module in track.modules:
        out.print(f"  {one_line(module.title) or '(no module)'}", style="cyan")
        for topic in module.topics:
            style = "green" if topic.level > Level.L0 else None
            evidence = f"  {len(topic.evidence)} link{'s' * (len(topic.evidence) > 1)}" if topic.evidence else ""
            status = one_line(topic.status, 20)
            out.print(f"    {topic.level}  {status:<9} {one_line(topic.text, 90)}  ({topic.id}){evidence}", style=style)
    out.print()


def _as_json(roadmap: Roadmap, pending: list[Proposal]) -> dict[str, Any]:
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
                "bullets": [{"text": b.text, "checked": b.checked} for b in milestone.bullets],
            }
            for milestone in roadmap.milestones
        ],
    }
