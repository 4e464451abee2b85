"""State of an approval. The proposal itself lies in `progress/proposals/`; a checkpoint only points to it."""

from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from agent.ports import Promotions

FLOW_VERSION = 1


class PromotionInput(TypedDict, total=False):
    """A run's input: the id of a pending proposal."""

    proposal: str


class PromotionState(PromotionInput, total=False):
    """What a checkpoint holds.

    `action` names the kind of change, `description` is what the human is shown, `decision` their normalised reply,
    `notice` why they are asked again, `outcome` what came of it.
    """

    flow_version: int
    topic: str
    action: str
    description: str
    args: dict[str, Any]
    decision: dict[str, Any]
    notice: str
    outcome: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PromotionContext:
    """What the nodes need from outside.

    `by` and `channel` say who answers and how they were recognised. Over the channel `unauthenticated` a reply is
    never applied.
    """

    promotions: Promotions
    by: str
    channel: Literal["terminal", "web", "api", "unauthenticated"] = "terminal"
