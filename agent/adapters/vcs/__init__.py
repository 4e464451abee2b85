"""Git: committing exactly the files of a decision."""

from agent.adapters.vcs.git import CommitResult, commit_paths

__all__ = ["CommitResult", "commit_paths"]
