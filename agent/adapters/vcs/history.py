"""Reading from git: a file as it was, what changed since, where the hooks are."""

import subprocess
from pathlib import Path

from agent.adapters.vcs.git import SECONDS
from agent.domain.errors import UsageError


def commit_of(root: Path, revision: str) -> str:
    """Resolve a revision to its full hash.

    Raises:
        UsageError: the folder is no git work tree, or there is no such commit in it.
    """
    if read_git(root, "rev-parse", "--is-inside-work-tree").strip() != b"true":
        raise UsageError(f"{str(root)!r} is no git work tree, so there is no revision to compare with.")
    found = (
        read_git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        .decode()
        .strip()
    )
    if not found:
        raise UsageError(f"{revision!r} is no commit of this repository; fetch it, or name another one.")
    return found


def file_at(root: Path, commit: str, path: str) -> str | None:
    """Read a file as it was at a commit, its line endings as they were; None where it was not there.

    Raises:
        UsageError: it is no UTF-8.
    """
    if not read_git(root, "ls-tree", "--name-only", commit, "--", path).strip():
        return None
    try:
        return read_git(root, "show", f"{commit}:./{path}").decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{path} at {commit[:12]} is no valid UTF-8, so there is nothing to compare with.") from None


def changed_since(root: Path, commit: str, folder: str) -> list[tuple[str, str]]:
    """List (status letter, path) of what differs between a commit and the work tree below a folder."""
    out = read_git(root, "diff", "--name-status", "--no-renames", "--relative", "-z", commit, "--", folder)
    fields = out.decode("utf-8", "replace").split("\0")
    return list(zip(fields[::2], fields[1::2], strict=False))


def hooks_folder(root: Path) -> Path:
    """Give the folder in which git looks for hooks, the user's `core.hooksPath` included.

    Raises:
        UsageError: the folder is no git work tree.
    """
    return Path(_required(root, "rev-parse", "--path-format=absolute", "--git-path", "hooks"))


def toplevel(root: Path) -> Path:
    """Give the top of the work tree.

    Raises:
        UsageError: the folder is no git work tree.
    """
    return Path(_required(root, "rev-parse", "--show-toplevel"))


def _required(root: Path, *args: str) -> str:
    found = read_git(root, *args).decode("utf-8", "surrogateescape").strip("\n")
    if not found:
        raise UsageError(f"{str(root)!r} is no git work tree; run `git init` there first.")
    return found


def read_git(root: Path, *args: str) -> bytes:
    """Run git and give its output, b"" where it fails: callers know what nothing means."""
    command = ["git", "-C", str(root), "--literal-pathspecs", *args]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return b""
    return done.stdout if done.returncode == 0 else b""
