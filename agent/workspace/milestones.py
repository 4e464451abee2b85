"""The milestones of a workspace, judged by the decisions that hold."""

from collections.abc import Sequence

from agent.domain.errors import UsageError
from agent.domain.ledger import boxes, levels, sound
from agent.domain.milestone import BulletState, bullet_states
from agent.domain.roadmap import Roadmap
from agent.workspace.workspace import Workspace


def milestone_states(workspace: Workspace, roadmap: Roadmap | None = None) -> list[BulletState]:
    """Judge every bullet of the roadmap's milestones by the decisions that hold."""
    entries = sound(workspace.ledger.readable()[0])
    return bullet_states(roadmap or workspace.roadmap(), levels(entries), boxes(entries))


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
