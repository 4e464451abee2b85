"""A draft waits in `sessions/` and a decision on it is carried out once."""

from pathlib import Path

import pytest

from agent.domain.errors import ConflictError
from agent.domain.session_draft import compose
from agent.domain.span import Span, span_of
from agent.ports.sessions import Waiting
from agent.workspace.day_material import DayMaterial
from agent.workspace.day_session import read_day_session
from agent.workspace.sessions import SessionStore
from agent.workspace.workspace import Workspace
from tests.helpers.days import DATE, MORNING, noted, quizzed, usual
from tests.helpers.fakes import FakeClock
from tests.helpers.sittings import attempt, quiz_note, right
from tests.helpers.workspaces import TOPIC, make_workspace, tree


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = make_workspace(tmp_path)
    for event in usual():
        made.events.add(event)
    return made


@pytest.fixture
def store(workspace: Workspace) -> SessionStore:
    return SessionStore(workspace, FakeClock(MORNING).now)


def material(workspace: Workspace) -> DayMaterial:
    span = span_of(DATE.isoformat(), "", MORNING)
    return DayMaterial(workspace, span)


def drafted(workspace: Workspace, store: SessionStore) -> Waiting:
    found = material(workspace)
    return store.keep(compose(found.day()), found.pending)


def test_a_draft_is_found_again_by_anybody(workspace: Workspace, store: SessionStore) -> None:
    waiting = drafted(workspace, store)
    found = material(Workspace(workspace.root))
    assert found.pending is not None
    assert (found.pending.path, found.pending.sha256) == (waiting.path, waiting.sha256)
    assert not found.stale
    assert found.missing == ()


def test_drafting_twice_is_one_file(workspace: Workspace, store: SessionStore) -> None:
    drafted(workspace, store)
    before = tree(workspace.root)
    drafted(workspace, store)
    assert tree(workspace.root) == before


def test_new_events_make_an_untouched_draft_stale_and_replace_it(workspace: Workspace, store: SessionStore) -> None:
    first = drafted(workspace, store)
    workspace.events.add(noted(300, "one more thing"))
    assert material(workspace).stale
    second = drafted(workspace, store)
    assert second.path == first.path
    assert "one more thing" in second.text


def test_an_edited_draft_is_never_replaced(workspace: Workspace, store: SessionStore) -> None:
    waiting = drafted(workspace, store)
    path = workspace.root / waiting.path
    path.write_text(waiting.text + "\nmy own line\n", encoding="utf-8")
    workspace.events.add(noted(300, "one more thing"))
    found = material(workspace)
    assert not found.stale
    assert [event.id for event in found.missing] == ["e300"]
    with pytest.raises(ConflictError):
        store.keep(compose(found.day()), found.pending)
    assert "my own line" in path.read_text(encoding="utf-8")


def test_approved_once_with_its_event(workspace: Workspace, store: SessionStore) -> None:
    waiting = drafted(workspace, store)
    outcome = store.settle(waiting.path, waiting.sha256, "approve")
    assert outcome.decision == "approved"
    assert not read_day_session(workspace.root, waiting.path).draft
    events = [p for p in tree(workspace.root) if p.startswith("progress/events/")]
    assert set(outcome.paths) == {waiting.path, *events}
    assert len(events) == len(usual()) + 1
    before = tree(workspace.root)
    assert store.settle(waiting.path, waiting.sha256, "approve").decision == "already"
    assert store.settle(waiting.path, waiting.sha256, "reject").decision == "already"
    assert tree(workspace.root) == before


def test_what_was_approved_is_told_and_only_the_new_is_drafted(workspace: Workspace, store: SessionStore) -> None:
    waiting = drafted(workspace, store)
    store.settle(waiting.path, waiting.sha256, "approve")
    found = material(workspace)
    assert (found.new, found.told, found.sessions) == ((), len(usual()), (waiting.path,))
    workspace.events.add(noted(300, "one more thing"))
    again = drafted(workspace, store)
    assert again.path != waiting.path
    assert "one more thing" in again.text
    assert "GQA paper" not in again.text


def test_a_decision_is_on_the_text_that_was_shown(workspace: Workspace, store: SessionStore) -> None:
    waiting = drafted(workspace, store)
    (workspace.root / waiting.path).write_text(waiting.text + "x\n", encoding="utf-8")
    for decision in ("approve", "reject", "edit"):
        with pytest.raises(ConflictError, match="edited meanwhile"):
            store.settle(waiting.path, waiting.sha256, decision, "body")
    assert read_day_session(workspace.root, waiting.path).draft


def test_an_edit_keeps_the_front_matter_and_asks_again(workspace: Workspace, store: SessionStore) -> None:
    waiting = drafted(workspace, store)
    assert store.settle(waiting.path, waiting.sha256, "edit", "# Mine\n\nmy words\n").decision == "edited"
    session = read_day_session(workspace.root, waiting.path)
    assert (session.body, session.draft, len(session.keys)) == ("# Mine\n\nmy words\n", True, len(usual()))


def test_rejected_it_is_gone_and_can_be_drafted_anew(workspace: Workspace, store: SessionStore) -> None:
    waiting = drafted(workspace, store)
    assert store.settle(waiting.path, waiting.sha256, "reject").decision == "rejected"
    assert not (workspace.root / waiting.path).exists()
    with pytest.raises(ConflictError, match="gone"):
        store.settle(waiting.path, waiting.sha256, "approve")
    assert drafted(workspace, store).path == waiting.path


def test_later_changes_nothing(workspace: Workspace, store: SessionStore) -> None:
    waiting = drafted(workspace, store)
    before = tree(workspace.root)
    assert store.settle(waiting.path, waiting.sha256, "later").decision == "later"
    assert tree(workspace.root) == before


def test_an_approval_whose_event_was_lost_gets_it_once(workspace: Workspace, store: SessionStore) -> None:
    waiting = drafted(workspace, store)
    store.settle(waiting.path, waiting.sha256, "approve")
    (event,) = [p for p in workspace.events.records.files() if "20260317T0800" in p]
    (workspace.root / event).unlink()
    (session,) = material(workspace).approved
    assert store.record(session) is not None
    store.record(session)
    own = [e for e in workspace.events.records.all() if e.data.get("session")]
    assert [(e.data["session"], e.data["events"]) for e in own] == [(waiting.path, len(usual()))]


class TestWhatQuizzesShowed:
    SPAN = Span(DATE, MORNING, MORNING.replace(hour=23))

    def record(self, workspace: Workspace) -> str:
        made = attempt(quiz_note(), [right] * 9)
        workspace.record(made)
        workspace.events.add(quizzed(400, "passed", TOPIC, attempt=made.id))
        return made.id

    def test_claims_and_own_words_come_from_the_attempt(self, workspace: Workspace) -> None:
        self.record(workspace)
        found = DayMaterial(workspace, self.SPAN).day()
        assert {item.claim for item in found.explained} >= {"c0", "c1", "c2", "c3"}
        assert {item.quote for item in found.explained} == {"my words"}
        assert {item.event for item in found.explained} == {"e400"}
        assert len(found.attempts) == 1  # those of the other quizzes are not there
        assert found.explained[0].link == f"{quiz_note().path}#^{found.explained[0].claim}"

    def test_nothing_is_quoted_from_an_attempt_that_was_edited(self, workspace: Workspace) -> None:
        id = self.record(workspace)
        found = workspace.attempts.find(id)
        assert found is not None
        path = workspace.root / found[0]
        path.write_text(path.read_text(encoding="utf-8").replace("my words", "her words"), encoding="utf-8")
        made = DayMaterial(workspace, self.SPAN)
        assert made.day().explained == ()
        assert "was changed after it was recorded" in made.problems[-1]

    def test_a_claim_that_was_reworded_since_is_marked(self, workspace: Workspace) -> None:
        self.record(workspace)
        note = workspace.root / quiz_note().path
        text = note.read_text(encoding="utf-8")
        note.write_text(text.replace("Grouped heads shrink", "Shared heads shrink"), encoding="utf-8")
        by_claim = {item.claim: item for item in DayMaterial(workspace, self.SPAN).day().explained}
        assert by_claim["c1"].remark == "the note's claim was reworded since"
        assert by_claim["c0"].remark == ""
