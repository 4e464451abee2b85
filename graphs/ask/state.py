"""State of a conversation with the notes: JSON-plain, with places instead of note text."""

from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from agent.ports import Chat
from agent.ports.retriever import Retriever, Similar, Sources

FLOW_VERSION = 1
CANDIDATES = 20


class AskInput(TypedDict, total=False):
    """A run's input; `filters` holds `folders`, `since` (an ISO date) and `topics`, each optional."""

    question: str
    filters: dict[str, Any]


class AskState(AskInput, total=False):
    """What a checkpoint holds.

    `turns` are earlier {question, answer}; `query` is the question made to stand alone. `places` are the passages
    found: path, lines, heading, section, scores. `answer` is a list of {text, path, start_line, end_line, quote,
    verbatim}, the last being whether the text is the note's own. `reply` is what the model said where no
    sentence of it held.
    `outcome` is `passages` where there is no chat model or it failed, and `notice` says so in a sentence.
    """

    flow_version: int
    turns: list[dict[str, str]]
    query: str
    places: list[dict[str, Any]]
    answer: list[dict[str, Any]]
    reply: str
    outcome: Literal["answered", "abstained", "passages"]
    notice: str


@dataclass(frozen=True, slots=True)
class AskContext:
    """What the nodes need from outside.

    `passages` are shown; `candidates` are searched for statements, of which `context_chars` (about 4 a token) go into
    the prompt.
    """

    retriever: Retriever
    sources: Sources
    chat: Chat | None = None
    similar: Similar | None = None
    context_chars: int = 1700
    passages: int = 6
    candidates: int = CANDIDATES
