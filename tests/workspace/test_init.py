"""Making a workspace."""

from pathlib import Path

import pytest

from agent.domain.errors import WorkspaceError
from agent.workspace.check import check_workspace
from agent.workspace.init import init_workspace
from agent.workspace.workspace import Workspace
from tests.helpers.workspaces import tree


def test_a_new_one(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "new"
    assert init_workspace(root) == ["tracks/", "sessions/", "lab/", "progress/", "roadmap.md", ".gitignore"]
    assert Workspace(root).roadmap().topics
    assert [p for p in check_workspace(Workspace(root)) if p.severity == "error"] == []


def test_twice_changes_nothing(tmp_path: Path) -> None:
    init_workspace(tmp_path)
    before = tree(tmp_path)
    assert init_workspace(tmp_path) == []
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b".study/\n"),
        (b"a\r\nb\r\n", b"a\r\nb\r\n.study/\n"),
        (b"a", b"a\n.study/\n"),
        (b"a\n.study/\nb", b"a\n.study/\nb"),
        (b"a\r\n.study/\r\n", b"a\r\n.study/\r\n"),
    ],
)
def test_what_is_there_stays(tmp_path: Path, before: bytes, after: bytes) -> None:
    (tmp_path / "roadmap.md").write_bytes(b"mine")
    (tmp_path / ".gitignore").write_bytes(before)
    (tmp_path / "tracks").mkdir()
    (tmp_path / "tracks" / "x.md").write_bytes(b"x")
    created = init_workspace(tmp_path)
    assert "roadmap.md" not in created
    assert tree(tmp_path) == {"roadmap.md": b"mine", ".gitignore": after, "tracks/x.md": b"x"}


def test_a_place_that_cannot_be_one_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(WorkspaceError, match="cannot be made a workspace"):
        init_workspace(tmp_path / "file")
    (tmp_path / ".gitignore").write_bytes(b"\xff")
    with pytest.raises(WorkspaceError, match="not valid UTF-8"):
        init_workspace(tmp_path)
