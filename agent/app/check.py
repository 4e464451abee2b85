"""Comparing the workspace with a git revision: `study check --against REV`."""

from agent.adapters.vcs.history import changed_since, commit_of, file_at
from agent.app.container import App
from agent.workspace.check import Problem, check_against
from agent.workspace.workspace import ROADMAP

LEDGER = "progress/ledger"


def compare(app: App, revision: str) -> list[Problem]:
    """List the levels that rose since a revision without a decision, and decisions changed or deleted since.

    Raises:
        UsageError: the workspace is in no git work tree, or there is no such revision.
    """
    root = app.settings.root
    commit = commit_of(root, revision)
    before = file_at(root, commit, ROADMAP)
    return check_against(app.workspace, revision, before, changed_since(root, commit, LEDGER))
