"""Proposed changes, what a human may answer, and the ledger entry that a decision leaves."""

from datetime import datetime
from typing import Literal, Self

from pydantic import Field

from agent.domain.attempt import Record, content_hash
from agent.domain.change import AnyChange, Change, Evidence, LevelName, topic_of

__all__ = ["Change", "Decision", "DecisionType", "Evidence", "LedgerEntry", "LevelName", "Proposal", "Unconfirmed"]

DecisionType = Literal["approve", "edit", "reject", "later"]


class Unconfirmed(Record):
    """A decision that arrived over a channel without authentication: shown to whoever decides, and nothing else."""

    type: DecisionType
    reason: str = ""
    at: datetime


class Proposal(Record):
    """A pending proposal, one file in `progress/proposals/`. `attempt` is the id of the quiz it came from.

    `intent` is the ledger entry of an approval that is being applied: it is written before any other file is
    touched and is enough to finish the decision after a crash. `unconfirmed` is the last decision that came from
    nobody in particular; it decides nothing.
    """

    id: str
    created: datetime
    change: AnyChange
    rationale: str
    attempt: str | None = None
    attempt_sha256: str | None = None
    appealed: tuple[str, ...] = ()
    versions: dict[str, str] = Field(default_factory=dict)
    unconfirmed: Unconfirmed | None = None
    intent: "LedgerEntry | None" = None

    @property
    def topic(self) -> str:
        """Give the id of the row that would change, "" for a line of a list."""
        return topic_of(self.change)


class Decision(Record):
    """What a human decided. An edit carries the change as they want it; it is gated again and asked again."""

    type: DecisionType
    reason: str = ""
    change: AnyChange | None = None
    by: str = ""
    channel: Literal["terminal", "web", "api"] = "terminal"


class LedgerEntry(Record):
    """One decision, one file in `progress/ledger/`, written last and never changed.

    `follows` holds the hashes of the entries that were the newest when it was written (two after a merge);
    `sha256` is the hash of everything else. The hashes make an accidental or casual edit visible; an owner who
    recomputes them is not stopped.
    """

    id: str
    at: datetime
    decision: Literal["approved", "rejected"]
    change: AnyChange
    rationale: str
    reason: str
    by: str
    attempt: str | None
    attempt_sha256: str | None
    appealed: tuple[str, ...]
    versions: dict[str, str]
    follows: tuple[str, ...]
    sha256: str = ""

    def computed_hash(self) -> str:
        """Hash the content, leaving out the stored hash."""
        return content_hash(self.model_dump(mode="json", exclude={"sha256"}))

    def sealed(self) -> Self:
        """Give the entry with its hash filled in."""
        return self.model_copy(update={"sha256": self.computed_hash()})


Proposal.model_rebuild()
