"""Note drift of a workspace: which verified topics rest on blocks that were edited since."""

from agent.domain.change import Change
from agent.domain.drift import Drift, drifts
from agent.domain.errors import StudyError
from agent.domain.ledger import in_order, levels, sound
from agent.domain.level import Level
from agent.workspace.workspace import Workspace


def note_drift(workspace: Workspace) -> list[Drift]:
    """List the changed blocks behind every level that the ledger vouches for, topics in the order of the roadmap.

    A note or record that cannot be read is `study check`'s to report and none here.
    """
    entries = sound(workspace.ledger.readable()[0])
    verified = {topic for topic, level in levels(entries).items() if level >= Level.L1}
    decided = [e for e in in_order(entries) if e.decision == "approved" and isinstance(e.change, Change)]
    basis = {e.change.topic: e.attempt for e in decided if e.attempt is not None and isinstance(e.change, Change)}
    attempts = [a for a in workspace.attempts.readable()[0] if a.sha256 == a.computed_hash()]
    by_id = {attempt.id: attempt for attempt in attempts}
    found: list[Drift] = []
    for topic in workspace.roadmap().topics:
        attempt = by_id.get(basis.get(topic.id, ""))
        if topic.id not in verified or attempt is None:
            continue
        try:
            note = workspace.note(topic.id)
        except StudyError:
            continue
        found += drifts(note, attempt, (a for a in attempts if a.topic == topic.id))
    return found
