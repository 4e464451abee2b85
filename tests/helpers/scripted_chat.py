"""Chat models that say what a test tells them to: a langchain one and one behind our own port."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import BaseModel, PrivateAttr, ValidationError

from agent.domain.errors import ModelError
from agent.ports.chat import Prompt

T = TypeVar("T", bound=BaseModel)


class ScriptedChatModel(BaseChatModel):
    """A langchain chat model with a queue of replies; `asked` holds the messages and options of every call."""

    replies: list[str | Exception]
    _asked: list[tuple[list[BaseMessage], dict[str, Any]]] = PrivateAttr(default_factory=list)

    @property
    def asked(self) -> list[tuple[list[BaseMessage], dict[str, Any]]]:
        return self._asked

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _next(self, messages: list[BaseMessage], options: dict[str, Any]) -> str:
        self._asked.append((messages, options))
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        message = AIMessage(self._next(messages, kwargs), response_metadata={"finish_reason": "stop"})
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for word in self._next(messages, kwargs).split(" "):
            yield ChatGenerationChunk(message=AIMessageChunk(content=word))
        end = AIMessageChunk(content="", response_metadata={"finish_reason": "stop"})
        yield ChatGenerationChunk(message=end)


class ScriptedChat:
    """Implements `agent.ports.Chat` with a queue: a string, an object's fields, or a ModelError to raise.

    `asked` holds the prompts in order. An empty queue fails the test rather than answering.
    """

    def __init__(self, *replies: str | dict[str, Any] | ModelError) -> None:
        self.replies = list(replies)
        self.asked: list[Prompt] = []

    @property
    def name(self) -> str:
        return "scripted"

    def structured(self, prompt: Prompt, schema: type[T], *, max_tokens: int) -> T | None:
        reply = self._next(prompt)
        try:
            return schema.model_validate(reply)
        except ValidationError:
            return None

    def stream(self, prompt: Prompt, *, max_tokens: int) -> Iterator[str]:
        pieces: Sequence[str] = str(self._next(prompt)).split(" ")
        yield from (piece if index == 0 else f" {piece}" for index, piece in enumerate(pieces))

    def _next(self, prompt: Prompt) -> str | dict[str, Any]:
        self.asked.append(prompt)
        assert self.replies, f"nothing scripted for {prompt.id!r}"
        reply = self.replies.pop(0)
        if isinstance(reply, ModelError):
            raise reply
        return reply
