"""State of a day's session: JSON-plain; events are kept by their ids, the draft itself lies in `sessions/`."""

from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from agent.ports import Chat
from agent.ports.sessions import Sessions

FLOW_VERSION = 1


class SessionInput(TypedDict, total=False):
    """A run's input: a `day` (`2026-11-24`, "" for today), and `since` what time or day on, if not all of it."""

    day: str
    since: str


class SessionState(SessionInput, total=False):
    """What a checkpoint holds.

    `events` are the ids that the draft is about, `said` the model's sentences with the facts that they cite. `draft`
    is what lies in `sessions/`: its path, hash and text. `decision` is a `Reply` as JSON.
    """

    flow_version: int
    events: list[str]
    said: list[dict[str, Any]]
    versions: dict[str, str]
    draft: dict[str, Any]
    notice: str
    decision: dict[str, Any]
    outcome: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SessionContext:
    """What the nodes need from outside. `context_chars` is how much of a day the chat model is given to read.

    `channel` says where decisions come from: an unauthenticated one decides nothing.
    """

    sessions: Sessions
    chat: Chat | None = None
    channel: Literal["terminal", "web", "api", "unauthenticated"] = "terminal"
    context_chars: int = 3200
