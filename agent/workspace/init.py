"""Making a new workspace. What is there already is left alone."""

from importlib import resources
from pathlib import Path

from agent.domain.errors import WorkspaceError
from agent.workspace.files import read_text, write_text

FOLDERS = ("tracks", "sessions", "lab", "progress")
IGNORED = ".study/"


def init_workspace(root: Path) -> list[str]:
    """Create what is missing of a workspace and list it, relative to the root.

    Raises:
        WorkspaceError: the folder cannot be made or written.
    """
    created: list[str] = []
    try:
        root.mkdir(parents=True, exist_ok=True)
        for folder in FOLDERS:
            if not (root / folder).exists():
                (root / folder).mkdir()
                created.append(f"{folder}/")
    except OSError as error:
        raise WorkspaceError(f"{str(root)!r} cannot be made a workspace: {error.strerror}.") from None
    if not (root / "roadmap.md").exists():
        text = resources.files("agent.workspace").joinpath("template", "roadmap.md").read_text(encoding="utf-8")
        write_text(root, "roadmap.md", text)
        created.append("roadmap.md")
    ignored = read_text(root, ".gitignore") if (root / ".gitignore").exists() else ""
    if IGNORED not in ignored.splitlines():
        end = "" if not ignored or ignored.endswith("\n") else "\n"
        write_text(root, ".gitignore", f"{ignored}{end}{IGNORED}\n")
        created.append(".gitignore")
    return created
