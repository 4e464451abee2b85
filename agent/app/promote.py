"""`study promote`: what a level asks for, what is there, and a proposal once nothing is missing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.app.container import App
from agent.domain.errors import UsageError
from agent.domain.gate import Requirement
from agent.domain.level import Level
from agent.domain.proposal import Change, Proposal
from agent.workspace.evidence import is_external


@dataclass(frozen=True, slots=True)
class Promotion:
    """A change, its gates, and the pending proposal; None where something is missing.

    `hints` name files of the workspace that look like the evidence that is missing.
    """

    change: Change
    requirements: tuple[Requirement, ...]
    proposal: Proposal | None
    hints: tuple[str, ...] = ()


def promote(app: App, query: str, to: str, evidence: Sequence[str], reason: str, *, cwd: Path) -> Promotion:
    """Check the gates of a level and propose the change where they are open. Nothing is ever applied here.

    Raises:
        UsageError: the topic or level cannot be understood, or a demotion has no reason.
        WorkspaceError: an evidence path does not exist or leads outside the workspace.
    """
    topic = app.workspace.topic(query)
    try:
        level = Level.parse(to)
    except ValueError as error:
        raise UsageError(f"{str(error)[0].upper()}{str(error)[1:]}.") from None
    change = app.promotions.change_to(topic.id, level, list(workspace_paths(app.settings.root, evidence, cwd)))
    requirements = tuple(app.promotions.requirements(change))
    if all(requirement.met for requirement in requirements):
        return Promotion(change, requirements, app.promotions.propose(change, reason))
    return Promotion(change, requirements, None, tuple(_hints(app.settings.root, change, requirements)))


def workspace_paths(root: Path, given: Sequence[str], cwd: Path) -> Iterator[str]:
    """Read paths as the shell completes them, from the working directory, else from the workspace's root."""
    for path in given:
        here = cwd / Path(path).expanduser()
        if not is_external(path) and here.exists() and here.resolve().is_relative_to(root.resolve()):
            yield here.resolve().relative_to(root.resolve()).as_posix()
        else:
            yield path


def _hints(root: Path, change: Change, requirements: Sequence[Requirement]) -> Iterator[str]:
    """Name what lies there unlinked: a lab named like the topic, sessions of quizzes on it."""
    missing = {requirement.what for requirement in requirements if not requirement.met}
    have = {item.path for item in change.evidence}
    if any(what.startswith("a session") for what in missing):
        for file in sorted((root / "sessions").glob(f"*-{change.topic}-quiz-*.md"))[-1:]:
            if f"sessions/{file.name}" not in have:
                yield f"sessions/{file.name}"
    if "a lab folder" in missing and (root / "lab" / change.topic).is_dir():
        yield f"lab/{change.topic}"
