"""`study init --hooks`: the pre-commit hook and the CI workflow of the user's own repository."""

import tomllib
from pathlib import Path

from agent import __version__
from agent.adapters.vcs.history import hooks_folder, toplevel
from agent.workspace.hooks import HOOK, WORKFLOW, install_hook, install_workflow

PACKAGE = "study-agent"


def install_hooks(root: Path) -> list[str]:
    """Install both and list what was written.

    Raises:
        UsageError: the workspace is in no git work tree, or has a pre-commit hook of its own.
    """
    root = root.resolve()
    top = toplevel(root).resolve()
    folder = root.relative_to(top).as_posix()
    written = [WORKFLOW] if install_workflow(top, folder, _package(top)) else []
    if install_hook(hooks_folder(root), folder):
        written.append(f"the {HOOK} hook")
    return written


def _package(top: Path) -> str:
    """Give what CI installs: this version, or the repository itself where it is the tool's own."""
    try:
        name = tomllib.loads((top / "pyproject.toml").read_text(encoding="utf-8")).get("project", {}).get("name")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        name = None
    return "." if name == PACKAGE else f"{PACKAGE}=={__version__}"
