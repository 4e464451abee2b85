"""A merge in progress: which files git could not merge, their three versions, and a line merge of three texts."""

import subprocess
import tempfile
from pathlib import Path

from agent.adapters.vcs.git import SECONDS
from agent.adapters.vcs.history import read_git


def unmerged(root: Path) -> dict[str, dict[int, str]]:
    """Map every unmerged file below the folder to its versions' object ids: 1 the common one, 2 ours, 3 theirs."""
    found: dict[str, dict[int, str]] = {}
    for entry in read_git(root, "ls-files", "--unmerged", "-z").decode("utf-8", "surrogateescape").split("\0"):
        facts, tab, path = entry.partition("\t")
        if tab:
            _, name, stage = facts.split(" ")
            found.setdefault(path, {})[int(stage)] = name
    return found


def version(root: Path, name: str) -> str | None:
    """Read an object's text; None where it is no UTF-8."""
    try:
        return read_git(root, "cat-file", "blob", name).decode("utf-8")
    except UnicodeDecodeError:
        return None


def merge_lines(ours: str, base: str, theirs: str) -> tuple[str, int]:
    """Merge line by line as git does; gives the text, with markers where it cannot, and the number of conflicts."""
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for name, text in (("ours", ours), ("base", base), ("theirs", theirs)):
            (Path(folder) / name).write_bytes(text.encode("utf-8"))
            names.append(str(Path(folder) / name))
        labels = ("-L", "ours", "-L", "base", "-L", "theirs")
        done = subprocess.run(
            ["git", "merge-file", "-p", *labels, *names], capture_output=True, timeout=SECONDS, check=False
        )
    if done.returncode < 0 or done.returncode > 127:
        raise OSError(done.stderr.decode("utf-8", "replace").strip() or "git merge-file failed")
    return done.stdout.decode("utf-8"), done.returncode


def stage(root: Path, paths: list[str]) -> None:
    """Tell git that these files are merged."""
    if paths:
        read_git(root, "add", "--", *paths)
