"""The skeleton of a lab: it runs, says what is to be done, and is evidence of nothing until that was done."""

import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from string import Template
from uuid import uuid4

from agent.domain.errors import UsageError, WorkspaceError
from agent.domain.lab import DESIGN, README, RESULTS
from agent.domain.roadmap import Topic
from agent.domain.slug import slugify
from agent.workspace.files import TEMPORARY_SECONDS, inside, sync_folder, write_text
from agent.workspace.inline import escape_text

# Which parts of the note's “Towards L2, L3, L4” a file begins with.
FILES: Mapping[str, tuple[str, ...]] = {
    README: ("L2", "L3", "L4"),
    "lab.toml": (),
    "requirements.txt": (),
    "main.py": (),
    RESULTS: ("L3",),
    DESIGN: ("L4",),
}


def new_lab(root: Path, topic: Topic, towards: Mapping[str, str], slug: str = "") -> list[str]:
    """Write the skeleton of a lab on a topic, all of it or nothing, and list its files.

    Args:
        root: the workspace.
        topic: its id is the lab's name unless `slug` gives another.
        towards: maps `L2`, `L3`, `L4` to what the note says of them.
        slug: the lab's name.

    Raises:
        UsageError: the folder is there already, or the name is no slug.
        WorkspaceError: it cannot be written.
    """
    name = slug or topic.id
    if slugify(name) != name:
        raise UsageError(
            f"{name!r} is no name for a lab; use letters, digits and -, e.g. {slugify(name) or 'my-lab'!r}."
        )
    folder, making = f"lab/{name}", f"lab/.{name}.{uuid4().hex[:8]}.tmp"
    inside(root, folder)
    if (root / folder).exists() or (root / folder).is_symlink():
        raise UsageError(f"{folder} is there already; nothing in it was changed. Choose another name with --name.")
    _sweep(root)
    try:
        for file, parts in FILES.items():
            write_text(
                root, f"{making}/{file}", _filled(file, name, topic, {part: towards.get(part, "") for part in parts})
            )
        # A folder that is not empty is not replaced, so that nothing is overwritten by another process's lab either.
        (root / making).rename(root / folder)
        sync_folder(root / "lab")
    except OSError as error:
        raise WorkspaceError(f"{folder} cannot be made: {error.strerror}; nothing was changed.") from None
    finally:
        shutil.rmtree(root / making, ignore_errors=True)
    return [f"{folder}/{file}" for file in FILES]


def _filled(file: str, slug: str, topic: Topic, towards: Mapping[str, str]) -> str:
    template = files("agent.workspace").joinpath(f"template/lab/{file}").read_text(encoding="utf-8")
    return Template(template).substitute(
        id=topic.id, slug=slug, heading=escape_text(topic.text), towards=_comment(towards)
    )


def _comment(towards: Mapping[str, str]) -> str:
    """Quote the note as a comment: a guide for who writes the file, and no word of theirs for a gate."""
    lines = [f"- {level}: {' '.join(text.split())}" for level, text in towards.items() if text.strip()]
    if not lines:
        return ""
    quoted = "\n".join(lines).replace("--", "\N{EN DASH}")
    return f"<!-- From the note, as a guide:\n{quoted}\n-->\n\n"


def _sweep(root: Path) -> None:
    """Remove what a killed process left of a lab that it was making."""
    for path in (root / "lab").glob(".*.tmp"):
        with suppress(OSError):
            if path.is_dir() and time.time() - path.stat().st_mtime > TEMPORARY_SECONDS:
                shutil.rmtree(path)
