"""Committing what a human decided."""

from contextlib import suppress

from agent.adapters.vcs import commit_paths
from agent.app.container import App
from agent.app.progress import refresh
from agent.domain.errors import StudyError


def commit_decision(app: App, paths: list[str], message: str) -> str:
    """Refresh the progress page and commit it with the files of one decision, if the settings say so.

    Says in one clause what came of the commit. A page that cannot be written does not undo the decision.
    """
    with suppress(StudyError):
        paths = [*paths, *refresh(app)]
    if not app.settings.commit:
        return "not committed (the setting commit is off)"
    return commit_paths(app.settings.root, paths, f"study: {message.removesuffix('.')}").message
