"""Port of the chat role: wording, drafting, answering. Never a judge, never near a level."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pydantic import BaseModel

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A rendered prompt: `id` is the template's name and content hash, e.g. `quiz/reword@1f3a9c`."""

    id: str
    system: str
    user: str


class Chat(Protocol):
    """A chat model behind an OpenAI-compatible endpoint, embedded or remote."""

    @property
    def name(self) -> str:
        """Model name that travels with results, e.g. `qwen2.5-coder-1.5b-instruct-q4_k_m`."""
        ...

    def structured(self, prompt: Prompt, schema: type[T], *, max_tokens: int) -> T | None:
        """A reply validated against a flat schema; re-asked at most once; None when it still does not fit.

        Raises:
            ModelError: the endpoint cannot be reached, times out or refuses.
        """
        ...

    def stream(self, prompt: Prompt, *, max_tokens: int) -> Iterator[str]:
        """The reply as it is generated, in pieces.

        Raises:
            ModelError: the endpoint cannot be reached, times out or refuses.
        """
        ...
