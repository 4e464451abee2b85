"""Proposing changes of roadmap.md's lists: the boxes of milestones, the quarter focus. `study review` decides."""

from collections.abc import Sequence
from pathlib import Path

from agent.app.container import App
from agent.app.promote import workspace_paths
from agent.domain.change import LineChange
from agent.domain.errors import GateError, StudyError, UsageError
from agent.domain.proposal import Proposal
from agent.domain.roadmap import FocusLine
from agent.workspace.boxes import bound_evidence
from agent.workspace.milestones import find_bullet, milestone_states


def propose_tick(app: App, query: str, evidence: Sequence[str], reason: str, *, cwd: Path) -> Proposal:
    """Propose to tick a milestone's box: by the levels where its text names them, else bound to evidence.

    Raises:
        UsageError: no bullet or several match, or its box is ticked on the same already.
        GateError: the levels are not there yet, or nothing shows it.
    """
    state = find_bullet(milestone_states(app.workspace), query)
    bound = bound_evidence(app.workspace, list(workspace_paths(app.settings.root, evidence, cwd)))
    if state.state == "done" and tuple(item.path for item in bound) in ((), state.evidence):
        raise UsageError(f"{state.number} “{state.bullet.text}” is ticked already, by a decision.")
    change = state.change(ticked=True)
    return app.promotions.propose(change.model_copy(update={"evidence": bound}), reason)


def propose_untick(app: App, query: str, reason: str) -> Proposal:
    """Propose to take a tick back.

    Raises:
        UsageError: no bullet or several match, its box is open, or there is no reason.
    """
    state = find_bullet(milestone_states(app.workspace), query)
    if not state.bullet.checked:
        raise UsageError(f"{state.number} “{state.bullet.text}” is not ticked.")
    if not reason.strip():
        raise UsageError("Taking a tick back needs a reason (--reason).")
    return app.promotions.propose(state.change(ticked=False), reason)


def propose_ready_ticks(app: App) -> list[Proposal]:
    """Propose the tick of every box whose levels are reached, once: what was rejected is asked again only by hand."""
    rejected = {
        (entry.change.heading, entry.change.text)
        for entry in app.workspace.ledger.readable()[0]
        if entry.decision == "rejected" and isinstance(entry.change, LineChange)
    }
    pending = {proposal.change.target for proposal in app.promotions.pending()}
    proposed = []
    for state in milestone_states(app.workspace):
        change = state.change(ticked=True)
        if state.state != "ready" or change.target in pending or (state.milestone, state.bullet.text) in rejected:
            continue
        try:
            proposed.append(app.promotions.propose(change))
        except (GateError, StudyError):
            continue  # two bullets that read alike, say: `study milestone` shows them, a person ticks by number
    return proposed


def propose_focus(app: App, label: str, text: str | None) -> Proposal:
    """Propose another text for a line of the quarter focus, a new line, or (no text) to remove it.

    `label` is the line's label or the beginning of it, `Q1` for `Q1 focus`; a new one becomes a line of its own.

    Raises:
        UsageError: several lines match, the text is empty or the same, or there is no such line to remove.
    """
    roadmap = app.workspace.roadmap()
    wanted, words = " ".join(label.split()), None if text is None else " ".join(text.split())
    if not wanted or words == "":
        raise UsageError("A line of the focus has a label and a text; to take one out, use --remove.")
    line = _focus_line(roadmap.focus, wanted)
    if line is None and words is None:
        raise UsageError(f"No line of the focus begins with {wanted!r}; `study focus` lists them.")
    if ":" in wanted:
        raise UsageError("A label has no colon; it ends at one.")
    heading = line.section if line is not None else roadmap.focus[-1].section if roadmap.focus else "Quarter focus"
    before = line.whole if line is not None else ""
    after = "" if words is None else f"{line.label if line is not None else wanted}: {words}"
    if line is not None and not line.label:
        after = words or ""
    if before == after:
        raise UsageError(f"The line says {before!r} already.")
    change = LineChange(part="focus", heading=heading, before=before, after=after)
    return app.promotions.propose(change)


def _focus_line(lines: Sequence[FocusLine], wanted: str) -> FocusLine | None:
    folded = wanted.casefold()
    found = [line for line in lines if folded in (line.label.casefold(), line.whole.casefold())]
    found = found or [line for line in lines if line.whole.casefold().startswith(f"{folded} ")]
    if len(found) > 1:
        raise UsageError(f"{wanted!r} could be any of {', '.join(repr(line.label) for line in found)}; give one label.")
    return found[0] if found else None
