"""The milestones of a workspace, judged by the decisions that hold."""

from collections.abc import Sequence
from pathlib import Path

from agent.domain.errors import UsageError, WorkspaceError
from agent.domain.ledger import boxes, levels, sound
from agent.domain.level import Level
from agent.domain.milestone import BulletState, bullet_states
from agent.domain.milestone_evidence import Part, required_parts
from agent.domain.roadmap import Milestone, Roadmap
from agent.workspace.files import inside
from agent.workspace.workspace import Workspace


def milestone_states(workspace: Workspace, roadmap: Roadmap | None = None) -> list[BulletState]:
    """Judge every bullet of the roadmap's milestones by the decisions that hold."""
    entries = sound(workspace.ledger.readable()[0])
    return bullet_states(roadmap or workspace.roadmap(), levels(entries), boxes(entries))


def milestone_evidence(
    workspace: Workspace, roadmap: Roadmap, milestone: Milestone, states: Sequence[BulletState]
) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """Judge a milestone's “Evidence required” line by what its rows and boxes link; also gives links that lead nowhere.

    Rows are the ones that its bullets name, once they are above L0; their notes count too.
    """
    from agent.workspace.evidence import is_external  # loads the gates, which `status` may not need
    from agent.workspace.labs import stays_inside

    own = [state for state in states if state.milestone == milestone.title]
    ids = dict.fromkeys(id for state in own if state.goal for id in state.goal.topics)
    rows = [topic for id in ids if (topic := roadmap.topic(id)) is not None and topic.level > Level.L0]
    linked = [link.target.split("#", 1)[0] for topic in rows for link in topic.evidence if not is_external(link.target)]
    linked = [target for target in (*linked, *(path for state in own for path in state.evidence)) if target]
    notes = [path for topic in rows if stays_inside(workspace.root, path := workspace.note_path(topic))]
    dead = tuple(dict.fromkeys(path for path in linked if not leads_somewhere(workspace.root, path)))
    return required_parts(milestone.evidence_required, [path for path in (*linked, *notes) if path not in dead]), dead


def leads_somewhere(root: Path, path: str) -> bool:
    """Whether a linked path is there, inside the workspace; a folder counts too."""
    try:
        return inside(root, path).exists()
    except WorkspaceError:
        return False


def find_bullet(states: Sequence[BulletState], query: str) -> BulletState:
    """Find the one bullet that a user means, by number or by part of its text.

    Raises:
        UsageError: none or several match.
    """
    exact = [state for state in states if state.number == query.strip()]
    found = exact or [state for state in states if query.strip().casefold() in state.bullet.text.casefold()]
    if len(found) == 1:
        return found[0]
    if not found or not query.strip():
        raise UsageError(
            f"No bullet of a milestone matches {query!r}; `study milestone` lists them with their numbers."
        )
    raise UsageError(f"{query!r} could be any of {', '.join(state.number for state in found)}; give one number.")
