"""Port of a day's sessions: what there is to tell, the draft that waits, and what a human decided on it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from agent.domain.day import Day
from agent.domain.session_draft import SessionDraft
from agent.ports.promotions import DecisionOutcome

SessionDecision = Literal["approve", "edit", "reject", "later"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A draft as it lies in `sessions/`: its text, and the hash by which a decision names exactly this text.

    `missing` counts events of the day that it does not tell.
    """

    path: str
    text: str
    sha256: str
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """What there is of a day. `day` has the events that no session tells yet; it is None where none are new.

    `waiting` is the draft to decide on, None where one has to be drafted. `told` counts the events that the approved
    `sessions` tell. `problems` are sentences about files that could not be read.
    """

    day: Day | None
    waiting: Waiting | None
    told: int = 0
    sessions: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


class Sessions(Protocol):
    """The sessions of one workspace."""

    def find(self, day: str, since: str) -> Found:
        """Look at a day (`2026-11-24`, "" for today) from `since` on ("" for its beginning).

        Raises:
            UsageError: one of them is no date or time.
        """
        ...

    def day(self, day: str, since: str, ids: Iterable[str]) -> Day:
        """Give the day again with just these events."""
        ...

    def keep(self, draft: SessionDraft) -> Waiting:
        """Write a draft, so that it waits for its decision whatever happens to this process.

        An earlier draft of the same day that nobody edited is replaced.

        Raises:
            ConflictError: one that was edited meanwhile lies there.
        """
        ...

    def settle(self, path: str, sha256: str, decision: SessionDecision, body: str = "") -> DecisionOutcome:
        """Carry out a decision on the text with this hash, once; `body` is an edit's new text.

        Raises:
            ConflictError: the draft is another one now; it has to be shown and asked again.
        """
        ...
