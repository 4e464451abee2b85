"""The workspace: finding topics and notes, recording attempts."""

from pathlib import Path

import pytest

from agent.domain.errors import UsageError, WorkspaceError
from agent.workspace.workspace import Workspace
from tests.helpers.notes import PATH
from tests.helpers.sittings import attempt, later, quiz_note, right, wrong
from tests.helpers.workspaces import TOPIC, make_workspace, record_pass, tree


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path)


class TestTopics:
    @pytest.mark.parametrize("query", [TOPIC, "KV cache", "kv-cache", "cache scaling"])
    def test_one_match(self, workspace: Workspace, query: str) -> None:
        assert workspace.topic(query).id == TOPIC

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("nothing", "No topic matches 'nothing'"),
            ("", "No topic matches"),
            ("a", "could be any of kv-cache-scaling, "),
        ],
    )
    def test_none_or_several(self, workspace: Workspace, query: str, message: str) -> None:
        with pytest.raises(UsageError, match=message):
            workspace.topic(query)


class TestNotes:
    def test_the_note_of_a_topic(self, workspace: Workspace) -> None:
        assert workspace.note(TOPIC) == quiz_note()

    def test_a_topic_without_one_names_the_command(self, workspace: Workspace) -> None:
        with pytest.raises(WorkspaceError, match=r"`study note new rope` drafts tracks/01-models/rope\.md"):
            workspace.note("rope")

    def test_a_topic_that_is_gone(self, workspace: Workspace) -> None:
        with pytest.raises(WorkspaceError, match="no topic 'gone' any more"):
            workspace.note("gone")

    def test_a_note_in_another_tracks_folder_is_found(self, workspace: Workspace) -> None:
        (workspace.root / "tracks/99-else").mkdir()
        (workspace.root / PATH).rename(workspace.root / "tracks/99-else/kv-cache-scaling.md")
        assert workspace.note(TOPIC).path == "tracks/99-else/kv-cache-scaling.md"

    def test_a_reworded_row_keeps_its_id_through_its_note(self, workspace: Workspace) -> None:
        path, note = workspace.root / "roadmap.md", workspace.root / PATH
        path.write_text(path.read_text().replace("KV cache scaling (batch/seq/heads)", "Cache growth"))
        with pytest.raises(UsageError):
            workspace.topic(TOPIC)
        note.write_text(note.read_text().replace('topic: "KV cache scaling (batch/seq/heads)"', "topic: Cache growth"))
        assert workspace.topic("Cache growth").id == TOPIC

    def test_its_hash_follows_the_file(self, workspace: Workspace) -> None:
        before = workspace.note_sha256(workspace.note(TOPIC))
        (workspace.root / PATH).write_text("x")
        assert workspace.note_sha256(quiz_note()) != before


class TestRecording:
    def test_twice_changes_nothing(self, workspace: Workspace) -> None:
        done = attempt(quiz_note(), [right] * 9)
        first = workspace.record(done)
        before = tree(workspace.root)
        assert workspace.record(done) == first
        assert tree(workspace.root) == before
        assert set(first) <= before.keys()

    def test_a_session_that_was_never_written_is_drafted_again(self, workspace: Workspace) -> None:
        # The process died between the two files.
        done = record_pass(workspace)
        before = tree(workspace.root)
        (workspace.root / next(path for path in before if path.startswith("sessions/"))).unlink()
        workspace.record(done)
        assert tree(workspace.root) == before

    def test_a_session_that_the_user_edited_stays(self, workspace: Workspace) -> None:
        done = record_pass(workspace)
        session = workspace.root / workspace.record(done)[1]
        session.write_text("mine")
        workspace.record(done)
        assert session.read_text() == "mine"

    def test_attempts_by_topic_and_id(self, workspace: Workspace) -> None:
        a, b = attempt(quiz_note(), [wrong]), attempt(quiz_note(), [right], start=later(1))
        record_pass(workspace, a)
        record_pass(workspace, b)
        (workspace.root / "progress/attempts/x.json").write_text("{")
        assert workspace.topic_attempts(TOPIC) == [a, b]
        assert workspace.topic_attempts("rope") == []
        assert workspace.attempts_by_id() == {a.id: a, b.id: b}
        assert [p.split(" ")[0] for p in workspace.problems()] == ["progress/attempts/x.json"]
