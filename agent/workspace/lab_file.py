"""A lab folder by its name, and its declaration, `lab.toml`."""

import tomllib
from pathlib import Path

from pydantic import ValidationError

from agent.domain.errors import UsageError, WorkspaceError
from agent.domain.lab import README
from agent.domain.lab_plan import LabPlan
from agent.workspace.files import inside, read_text
from agent.workspace.labs import lab_topics

PLAN = "lab.toml"


def lab_folders(root: Path) -> list[str]:
    """List the lab folders (`lab/x`), hidden ones left out."""
    return [f"lab/{path.name}" for path in sorted((root / "lab").glob("[!.]*")) if path.is_dir()]


def find_lab(root: Path, query: str) -> str:
    """Find the one lab folder (`lab/x`) that a user means: its exact name, else the only one that the text is part of.

    Raises:
        UsageError: none or several match.
        WorkspaceError: it leads outside the workspace.
    """
    wanted = query.strip().rstrip("/").removeprefix("lab/")
    names = [folder.removeprefix("lab/") for folder in lab_folders(root)]
    found = [wanted] if wanted in names else [name for name in names if wanted and wanted.casefold() in name.casefold()]
    if len(found) == 1:
        inside(root, f"lab/{found[0]}")
        return f"lab/{found[0]}"
    if found:
        raise UsageError(f"{query!r} could be any of {', '.join(found[:8])}; give one name.")
    have = f"there are {', '.join(names[:8])}{', …' if len(names) > 8 else ''}" if names else "there is none yet"
    raise UsageError(f"No lab matches {query!r}; {have}. `study lab new TOPIC` makes one.")


def read_plan(root: Path, folder: str) -> LabPlan:
    """Read a lab's declaration.

    Raises:
        WorkspaceError: it is missing, no TOML, or has an unknown or invalid key; the sentence names it.
    """
    path = f"{folder}/{PLAN}"
    if not (root / path).is_file():
        raise WorkspaceError(
            f'{path} does not exist; write `command = ["python", "main.py"]` into it (docs/labs.md has the other keys).'
        )
    try:
        return LabPlan.model_validate(tomllib.loads(read_text(root, path, limit=64 * 1024)))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise WorkspaceError(f"{path} is not valid TOML: {error}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ").rstrip(".")
        raise WorkspaceError(f"{path}: {where!r} is not valid: {message}.") from None


def topics_of(root: Path, folder: str) -> tuple[str, ...]:
    """Give the topics that the README's front matter names, () where it names none or cannot be read."""
    try:
        return lab_topics(read_text(root, f"{folder}/{README}"), f"{folder}/{README}")[0]
    except WorkspaceError:
        return ()
