"""What keeps a workspace checked by itself: a pre-commit hook, and a workflow for a code host's CI."""

import shlex
import stat
import sys
from importlib import resources
from pathlib import Path
from string import Template

from agent.domain.errors import UsageError
from agent.workspace.files import read_text, write_text

HOOK = "pre-commit"
WORKFLOW = ".github/workflows/study-check.yml"
MARK = "# study: pre-commit hook."
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./ ")


def install_hook(hooks: Path, folder: str) -> bool:
    """Write the pre-commit hook into git's folder of hooks; tells whether it changed.

    `folder` is the workspace relative to the top of the work tree. The hook names the interpreter that runs now, for
    terminals in which its environment is not active; hooks are local to a machine and never committed.

    Raises:
        UsageError: there is a hook of the user's own, which is left alone.
    """
    text = _template(HOOK).substitute(folder=shlex.quote(folder), python=shlex.quote(sys.executable))
    if (hooks / HOOK).exists():
        present = read_text(hooks, HOOK)
        if MARK not in present:
            raise UsageError(
                f"{str(hooks / HOOK)!r} is a hook of your own, left alone; add `study check --against HEAD` to it."
            )
        if present == text:
            return False
    write_text(hooks, HOOK, text)
    path = hooks / HOOK
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return True


def install_workflow(top: Path, folder: str, package: str) -> bool:
    """Write the CI workflow unless there is one; tells whether it was written. `package` is what pip installs.

    Raises:
        UsageError: the workspace's path cannot stand in a workflow as it is.
    """
    if (top / WORKFLOW).exists():
        return False
    if not set(folder) <= _PLAIN:
        raise UsageError(f"The folder {folder!r} has characters that a workflow cannot name safely; rename it.")
    write_text(top, WORKFLOW, _template("study-check.yml").substitute(folder=f"'{folder}'", package=package))
    return True


def _template(name: str) -> Template:
    return Template(resources.files("agent.workspace").joinpath("template", "hooks", name).read_text(encoding="utf-8"))
