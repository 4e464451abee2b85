"""Path-limited commits with the user's own git. A commit that fails never undoes what it was to record."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SECONDS = 30
# States in which a commit would end up inside somebody's unfinished work.
_UNFINISHED = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply", "BISECT_LOG")


@dataclass(frozen=True, slots=True)
class CommitResult:
    """`commit` is the short hash, "" where none was made; `message` says why or that it was."""

    commit: str
    message: str


def commit_paths(root: Path, paths: Sequence[str], message: str) -> CommitResult:
    """Commit exactly these files, whatever else is changed or staged.

    Skipped outside a work tree, in the middle of a merge, rebase or the like, and for files that git ignores.
    """
    if _git(root, "rev-parse", "--is-inside-work-tree").stdout.strip() != "true":
        return CommitResult("", "not a git work tree, so nothing was committed")
    folder = Path(_git(root, "rev-parse", "--absolute-git-dir").stdout.strip())
    unfinished = next((name for name in _UNFINISHED if (folder / name).exists()), None)
    if unfinished is not None:
        return CommitResult(
            "", f"not committed: git is in the middle of something ({unfinished}); commit when it is done"
        )
    known = [path for path in paths if (root / path).exists() or _tracked(root, path)]
    ignored = _git(root, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", *known).stdout.split(
        "\0"
    )
    known = [path for path in known if path not in ignored]
    if not known or not _git(root, "status", "--porcelain", "--", *known).stdout.strip():
        return CommitResult("", "nothing to commit")
    new = [path for path in known if (root / path).exists()]
    added = _git(root, "add", "--", *new)
    if added.returncode == 0:
        # `--only` leaves what the user has staged for their own next commit as it is.
        added = _git(root, "commit", "--quiet", "--only", "-m", message, "--", *known)
    if added.returncode != 0:
        reason = (added.stderr.strip() or added.stdout.strip()).splitlines()
        return CommitResult(
            "", f"the change is saved, but git did not commit it: {reason[0] if reason else 'no reason given'}"
        )
    head = _git(root, "rev-parse", "--short", "HEAD").stdout.strip()
    return CommitResult(head, f"committed {head}")


def _tracked(root: Path, path: str) -> bool:
    return bool(_git(root, "ls-files", "--", path).stdout.strip())


def _git(root: Path, *args: str) -> subprocess.CompletedProcess[str]:
    # No prompt may appear behind the user's back, and a message of git is matched in English or not at all.
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    command = ["git", "-C", str(root), "--literal-pathspecs", *args]
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            env=environment,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", f"git could not be run: {error}")
