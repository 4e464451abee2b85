"""`study merge`: what git leaves after two machines decided, the roadmap's rows and the generated pages."""

from dataclasses import dataclass

from agent.adapters.vcs.history import toplevel
from agent.adapters.vcs.merging import merge_lines, stage, unmerged, version
from agent.app.container import App
from agent.app.progress import PAGE, refresh
from agent.domain import ledger
from agent.domain.progress_page import FOLDER, PICTURES
from agent.workspace.check import Problem, check_workspace
from agent.workspace.files import locked, write_text
from agent.workspace.roadmap_merge import merge_roadmaps
from agent.workspace.workspace import ROADMAP

GENERATED = (PAGE, *(f"{FOLDER}/{name}" for name in PICTURES))


@dataclass(frozen=True, slots=True)
class Merged:
    """What was resolved, what is left to a person, and what the check finds wrong in the result."""

    resolved: tuple[str, ...]
    left: tuple[str, ...]
    notes: tuple[str, ...]
    problems: tuple[Problem, ...]


def resolve(app: App) -> Merged:
    """Resolve what code can: rows of the roadmap that were approved on either side, and what is generated.

    Raises:
        UsageError: the workspace is in no git work tree.
    """
    root = app.settings.root
    toplevel(root)
    open_files = unmerged(root)
    resolved: list[str] = []
    notes: tuple[str, ...] = ()
    if ROADMAP in open_files:
        with locked(root):
            merged, notes = _roadmap(app, open_files[ROADMAP])
        if not merged:
            return Merged((), tuple(open_files), notes, ())
        resolved.append(ROADMAP)
    written = refresh(app)
    resolved += [path for path in GENERATED if path in open_files]
    stage(root, [*resolved, *written])
    left = tuple(unmerged(root))
    errors = tuple(p for p in check_workspace(app.workspace) if p.severity == "error") if not left else ()
    return Merged(tuple(resolved), left, notes, errors)


def _roadmap(app: App, stages: dict[int, str]) -> tuple[bool, tuple[str, ...]]:
    root = app.settings.root
    texts = [version(root, stages[stage]) if stage in stages else None for stage in (1, 2, 3)]
    base, ours, theirs = texts
    if base is None or ours is None or theirs is None:
        return False, ("roadmap.md was added, deleted or is no UTF-8 on one side; choose one with git checkout.",)
    levels = ledger.levels(ledger.sound(app.workspace.ledger.readable()[0]))
    merged = merge_roadmaps(base, ours, theirs, levels, merge_lines)
    write_text(root, ROADMAP, merged.text)
    return not merged.conflicts, merged.notes
