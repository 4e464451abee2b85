"""The gate of a milestone's box: levels that the ledger vouches for, or evidence that a person binds to it."""

from collections.abc import Mapping, Sequence

from agent.domain.change import TICKED, Evidence, LineChange
from agent.domain.errors import UsageError, WorkspaceError
from agent.domain.gate import Requirement
from agent.domain.level import Level
from agent.domain.milestone import read_goal
from agent.workspace.evidence import canonical, evidence_label, is_external
from agent.workspace.files import inside
from agent.workspace.workspace import Workspace

TICK = "The tick"
NO_EVIDENCE = "it names no levels to check, so link what shows it (--evidence)"


def bound_evidence(workspace: Workspace, paths: Sequence[str]) -> tuple[Evidence, ...]:
    """Give what a tick is bound to, each file or folder's file once, where it really lies.

    Raises:
        UsageError: a path is a URL or a folder.
        WorkspaceError: it does not exist, leads outside the workspace or proves nothing.
    """
    found: dict[str, Evidence] = {}
    for path in paths:
        if is_external(path):
            raise UsageError(f"{path!r} is no file of the workspace; evidence has to lie inside it.")
        place = canonical(workspace.root, path)
        if not (workspace.root / place).exists():
            raise WorkspaceError(f"{path} does not exist.")
        if (workspace.root / place).is_dir():
            raise UsageError(f"{path!r} is a folder; name the files in it.")
        found.setdefault(place, Evidence(path=place, label=evidence_label(place)))
    return tuple(found.values())


def box_requirements(workspace: Workspace, change: LineChange, vouched: Mapping[str, Level]) -> list[Requirement]:
    """Check what a tick rests on; to take a tick back, or to change the focus, nothing is asked."""
    if change.part != "milestone" or not change.after.startswith(TICKED):
        return []
    goal = read_goal(change.text, workspace.roadmap())
    if goal is not None:
        reached = goal.reached(vouched)
        short = "" if goal.met(vouched) else f"the ledger has {reached} of {goal.need}"
        return [Requirement(goal.level, goal.reading, short, TICK)]
    if not change.evidence:
        return [Requirement(Level.L0, "evidence", NO_EVIDENCE, TICK)]
    return [_readable(workspace, item.path) for item in change.evidence]


def _readable(workspace: Workspace, path: str) -> Requirement:
    gap = ""
    try:
        file = inside(workspace.root, canonical(workspace.root, path))
        if not file.is_file():
            gap = "it does not exist" if not file.exists() else "it is a folder"
        elif not file.read_bytes().strip():
            gap = "it is empty"
    except WorkspaceError as error:
        gap = str(error)
    except OSError as error:
        gap = f"it cannot be read ({error.strerror})"
    return Requirement(Level.L0, path, gap, TICK)
