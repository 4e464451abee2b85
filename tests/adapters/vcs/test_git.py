"""Commits of exactly the files of a decision, with real git."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.adapters.vcs import commit_paths
from tests.helpers.workspaces import git, make_repository


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a.md", "b.md", "c.md", "gone.md"):
        (tmp_path / name).write_text(f"{name}\n")
    make_repository(tmp_path)
    return tmp_path


def committed(root: Path) -> list[str]:
    return git(
        root, "-c", "core.quotePath=false", "show", "--no-renames", "--name-only", "--format=", "HEAD"
    ).splitlines()


def commits(root: Path) -> int:
    return int(git(root, "rev-list", "--count", "HEAD"))


def test_exactly_these_files(root: Path) -> None:
    (root / "a.md").write_text("changed\n")
    (root / "new é.md").write_text("new\n")
    (root / "gone.md").unlink()
    (root / "b.md").write_text("not yours\n")
    (root / "stray.md").write_text("not yours\n")
    result = commit_paths(root, ["a.md", "new é.md", "gone.md"], "study: T is at L1 now")
    assert sorted(committed(root)) == ["a.md", "gone.md", "new é.md"]
    assert git(root, "log", "-1", "--format=%s") == "study: T is at L1 now"
    assert result.commit == git(root, "rev-parse", "--short", "HEAD")
    assert result.message == f"committed {result.commit}"
    assert git(root, "status", "--short") == "M b.md\n?? stray.md"


def test_what_the_user_staged_stays_staged(root: Path) -> None:
    (root / "b.md").write_text("staged\n")
    (root / "c.md").write_text("staged\n")
    (root / "staged.md").write_text("staged\n")
    git(root, "add", "b.md", "c.md", "staged.md")
    (root / "c.md").write_text("and edited since\n")
    before = git(root, "diff", "--cached", "HEAD"), git(root, "diff")
    (root / "a.md").write_text("changed\n")
    commit_paths(root, ["a.md"], "m")
    assert committed(root) == ["a.md"]
    assert (git(root, "diff", "--cached", "HEAD"), git(root, "diff")) == before


def test_names_are_literal(root: Path) -> None:
    (root / "*.md").write_text("a star\n")
    (root / "a.md").write_text("not yours\n")
    commit_paths(root, ["*.md"], "m")
    assert committed(root) == ["*.md"]


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("secret.md", "secret.md"),
        ("geheim ü.md", "*ü.md"),
        ('quo"te.md', 'quo"te.md'),
        ("progress/x.json", "progress/"),
    ],
)
def test_ignored_files_are_left_out(root: Path, name: str, rule: str) -> None:
    (root / ".git/info/exclude").write_text(f"{rule}\n")
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text("x\n")
    (root / "a.md").write_text("changed\n")
    assert commit_paths(root, ["a.md", name], "m").commit
    assert committed(root) == ["a.md"]
    assert commit_paths(root, [name], "m").message == "nothing to commit"


def test_a_folder_within_a_repository(root: Path) -> None:
    (root / "deep/er").mkdir(parents=True)
    (root / "deep/er/x.md").write_text("x\n")
    (root / "deep/stray.md").write_text("x\n")
    assert commit_paths(root / "deep", ["er/x.md"], "m").commit
    assert committed(root) == ["deep/er/x.md"]


def test_the_first_commit_of_a_repository(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "a.md").write_text("a\n")
    (tmp_path / "b.md").write_text("b\n")
    assert commit_paths(tmp_path, ["a.md"], "m").commit
    assert committed(tmp_path) == ["a.md"]


@pytest.mark.parametrize("paths", [[], ["never-there.md"]])
def test_nothing_to_commit(root: Path, paths: list[str]) -> None:
    assert commit_paths(root, paths, "m").message == "nothing to commit"
    assert commits(root) == 1


def test_what_was_committed_already_is_no_failure(root: Path) -> None:
    result = commit_paths(root, ["a.md"], "m")
    assert (result.commit, result.message) == ("", "nothing to commit")


def test_outside_a_work_tree(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("a\n")
    assert commit_paths(tmp_path, ["a.md"], "m").message == "not a git work tree, so nothing was committed"
    git(tmp_path, "init", "--quiet", "--bare", "bare.git")
    assert commit_paths(tmp_path / "bare.git", ["HEAD"], "m").commit == ""


def merging(root: Path) -> None:
    git(root, "checkout", "--quiet", "-b", "other")
    (root / "b.md").write_text("theirs\n")
    git(root, "commit", "--quiet", "-am", "theirs")
    git(root, "checkout", "--quiet", "-")
    (root / "b.md").write_text("ours\n")
    git(root, "commit", "--quiet", "-am", "ours")
    assert os.system(f"git -C '{root}' merge --quiet other >/dev/null 2>&1") != 0


def rebasing(root: Path) -> None:
    merging(root)
    git(root, "merge", "--abort")
    assert os.system(f"git -C '{root}' rebase --quiet other >/dev/null 2>&1") != 0


def picking(root: Path) -> None:
    merging(root)
    git(root, "merge", "--abort")
    assert os.system(f"git -C '{root}' cherry-pick other >/dev/null 2>&1") != 0


def bisecting(root: Path) -> None:
    git(root, "bisect", "start")


@pytest.mark.parametrize(
    ("begin", "name"),
    [(merging, "MERGE_HEAD"), (rebasing, "rebase-merge"), (picking, "CHERRY_PICK_HEAD"), (bisecting, "BISECT_LOG")],
)
def test_never_into_something_unfinished(root: Path, begin: Callable[[Path], None], name: str) -> None:
    begin(root)
    (root / "a.md").write_text("changed\n")
    before = git(root, "rev-parse", "HEAD"), git(root, "status", "--short")
    result = commit_paths(root, ["a.md"], "m")
    assert result.commit == ""
    assert f"in the middle of something ({name})" in result.message
    assert (git(root, "rev-parse", "HEAD"), git(root, "status", "--short")) == before


def test_a_failing_hook_is_told(root: Path) -> None:
    hook = root / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'spelling: 3 errors' >&2\nexit 1\n")
    hook.chmod(0o755)
    (root / "a.md").write_text("changed\n")
    result = commit_paths(root, ["a.md"], "m")
    assert result.commit == ""
    assert result.message == "the change is saved, but git did not commit it: spelling: 3 errors"
    assert (root / "a.md").read_text() == "changed\n"


def test_nobody_known_to_git_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    git(root, "config", "user.useConfigOnly", "true")
    (root / "a.md").write_text("changed\n")
    assert commit_paths(root, ["a.md"], "m").message.startswith("the change is saved, but git did not commit it: ")


def test_without_git(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(root))
    assert commit_paths(root, ["a.md"], "m").commit == ""
