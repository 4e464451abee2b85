"""Note drift: a claim that changed after a level was decided on it."""

from datetime import timedelta
from pathlib import Path

import pytest

from agent.domain.proposal import Decision
from agent.workspace.check import check_workspace
from agent.workspace.drift import note_drift
from agent.workspace.workspace import Workspace
from tests.helpers.notes import PATH
from tests.helpers.workspaces import TOPIC, make_store, make_workspace, record_pass


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A topic at L1."""
    made = make_workspace(tmp_path)
    store = make_store(made)
    proposal = store.propose_from_attempt(record_pass(made).id)
    assert proposal is not None
    store.decide(proposal.id, Decision(type="approve"))
    return made


def rewrite(workspace: Workspace, old: str, new: str) -> None:
    path = workspace.root / PATH
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def first_core(workspace: Workspace) -> str:
    return workspace.note(TOPIC).core[0].text


def test_nothing_drifts_while_the_note_stands(workspace: Workspace) -> None:
    assert note_drift(workspace) == []
    rewrite(workspace, "## Claims", "A new paragraph.\n\n## Claims")
    assert note_drift(workspace) == [], "other lines moved, no claim changed"


def test_a_changed_claim_is_listed_with_its_line_and_what_to_do(workspace: Workspace) -> None:
    text = first_core(workspace)
    rewrite(workspace, text, f"{text} But only sometimes.")
    (drift,) = note_drift(workspace)
    claim = workspace.note(TOPIC).core[0]
    assert (drift.topic, drift.claim, drift.kind, drift.path, drift.line) == (
        TOPIC,
        claim.id,
        "changed",
        PATH,
        claim.line,
    )
    warnings = [p for p in check_workspace(workspace) if p.path == PATH and "says something else" in p.message]
    assert [(w.severity, w.line) for w in warnings] == [("warning", claim.line)]
    assert f"`study due {TOPIC} --start`" in warnings[0].message


def test_a_claim_that_went_is_listed(workspace: Workspace) -> None:
    claim = workspace.note(TOPIC).core[0]
    rewrite(workspace, f"^{claim.id}\n", "^renamed\n")
    assert [(d.claim, d.kind, d.line) for d in note_drift(workspace)] == [(claim.id, "gone", 0)]


def test_explaining_the_new_wording_settles_it(workspace: Workspace) -> None:
    text = first_core(workspace)
    rewrite(workspace, text, f"{text} Always.")
    assert note_drift(workspace)
    (basis,) = workspace.attempts.all()
    note = workspace.note(TOPIC)
    from agent.domain.quiz import claim_hash

    standings = tuple(
        s.model_copy(update={"claim_hash": claim_hash(c.text)}) if (c := note.claim(s.claim)) else s
        for s in basis.standings
    )
    later = basis.model_copy(
        update={"id": "6c1f0a52-0000-4000-8000-000000000001", "standings": standings,
                "finished": basis.finished + timedelta(days=1)}
    ).sealed()  # fmt: skip
    workspace.attempts.write(later.finished, later)
    assert note_drift(workspace) == []


def test_a_topic_without_a_decision_or_note_is_none_of_it(workspace: Workspace, tmp_path: Path) -> None:
    (workspace.root / PATH).unlink()
    assert note_drift(workspace) == []
    undecided = make_workspace(tmp_path / "other")
    record_pass(undecided)
    path = undecided.root / PATH
    path.write_text(path.read_text("utf-8").replace(undecided.note(TOPIC).core[0].text, "Changed wholly."), "utf-8")
    assert note_drift(undecided) == []
