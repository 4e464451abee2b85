"""The chat role on any OpenAI-compatible endpoint, through langchain-openai."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from agent.adapters.models.background import BackgroundLoop
from agent.adapters.models.schema import flat_schema, json_object, reask_text
from agent.domain.errors import ModelError
from agent.ports.chat import Prompt

if TYPE_CHECKING:
    import httpx
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, BaseMessage

T = TypeVar("T", bound=BaseModel)
R = TypeVar("R")

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
CONNECT_SECONDS = 5.0
BACKOFF = (0.5, 1.5)
"""Seconds before the first and the second retry of a request that may be repeated unchanged."""

# Words of a 400 that says a parameter is unknown, and which of ours each parameter name stands for. Endpoints
# differ in the name of the token limit and in whether they know the others.
_UNSUPPORTED = re.compile(r"unsupported|not support|unknown|unrecogni[sz]ed|not permitted|not allowed", re.I)
_OPTION_OF = {
    "max_tokens": "extra_body",
    "max_completion_tokens": "max_tokens",
    "response_format": "response_format",
    "json_schema": "response_format",
    "temperature": "temperature",
}


class OpenAIChat:
    """A chat model behind an OpenAI-compatible endpoint; implements `agent.ports.Chat`.

    Args:
        base_url: e.g. `http://127.0.0.1:8080/v1`; None is OpenAI's own.
        api_key: the endpoint's key, if it wants one.
        model: the model's name at the endpoint.
        timeout: seconds for a structured reply (each of at most two) and for each piece of a streamed one.
        temperature: 0 for the most likely reply.
        backoff: seconds before each retry of a 429, a 5xx or a failed connection; nothing else is retried.
        client: a langchain chat model to use instead of `ChatOpenAI`.
    """

    def __init__(
        self,
        base_url: str | None,
        *,
        api_key: str | None = None,
        model: str,
        timeout: float = 60.0,
        temperature: float = 0.0,
        backoff: Sequence[float] = BACKOFF,
        client: "BaseChatModel | None" = None,
    ) -> None:
        self._base_url = base_url
        self._api_key = api_key
        self._model = model
        self._timeout = timeout
        self._temperature = temperature
        self._backoff = tuple(backoff)
        self._chat = client
        self._http: httpx.AsyncClient | None = None
        self._loop = BackgroundLoop(f"chat-{model}")
        self._unsupported: set[str] = set()

    @property
    def name(self) -> str:
        """The model's name at the endpoint."""
        return self._model

    def structured(self, prompt: Prompt, schema: type[T], *, max_tokens: int) -> T | None:
        """See `agent.ports.Chat`. None also for a refusal and for a reply cut off by `max_tokens`."""
        response_format = {
            "type": "json_schema",
            "json_schema": {"name": schema.__name__, "strict": True, "schema": flat_schema(schema)},
        }
        options = {**self._options(max_tokens), "response_format": response_format}
        try:
            return self._loop.run(self._structured(prompt, schema, options))
        except CancelledError:
            raise ModelError("The reply was cancelled.") from None

    def stream(self, prompt: Prompt, *, max_tokens: int) -> Iterator[str]:
        """See `agent.ports.Chat`. Leaving the loop early ends the generation at the endpoint."""
        try:
            yield from self._loop.iterate(self._stream(prompt, self._options(max_tokens)))
        except CancelledError:
            raise ModelError("The reply was cancelled.") from None

    def cancel(self) -> None:
        """Give up every reply in progress; their callers get a ModelError."""
        self._loop.cancel()

    def close(self) -> None:
        """Cancel, close the connections and end the background thread."""
        http, self._http = self._http, None
        self._loop.close(http.aclose() if http is not None else None)

    def _options(self, max_tokens: int) -> dict[str, Any]:
        # ChatOpenAI sends its limit as max_completion_tokens only, which llama.cpp and others may ignore.
        return {
            "temperature": self._temperature,
            "max_tokens": max_tokens,
            "extra_body": {"max_tokens": max_tokens},
        }

    async def _structured(self, prompt: Prompt, schema: type[T], options: Mapping[str, Any]) -> T | None:
        from langchain_core.messages import AIMessage, HumanMessage
        from openai import ContentFilterFinishReasonError, LengthFinishReasonError

        messages = _messages(prompt)
        chat = self._client()

        async def ask(kept: dict[str, Any]) -> "AIMessage":
            return await chat.ainvoke(list(messages), **kept)

        for attempt in range(2):
            try:
                async with asyncio.timeout(self._timeout):
                    reply = await self._attempts(ask, options)
            except (LengthFinishReasonError, ContentFilterFinishReasonError):
                return None
            except TimeoutError:
                raise self._too_slow() from None
            refused = bool(reply.additional_kwargs.get("refusal"))
            if refused or reply.response_metadata.get("finish_reason") in ("length", "content_filter"):
                return None
            text = str(reply.text)
            try:
                return schema.model_validate_json(json_object(text))
            except ValidationError as error:
                if attempt == 0:
                    messages += [AIMessage(text), HumanMessage(reask_text(schema, error))]
        return None

    async def _stream(self, prompt: Prompt, options: Mapping[str, Any]) -> AsyncIterator[str]:
        messages = _messages(prompt)
        chat = self._client()
        pieces: AsyncIterator[Any] | None = None
        begun = finished = spoke = False

        async def next_piece(kept: dict[str, Any]) -> Any:
            nonlocal pieces
            current, pieces = pieces or chat.astream(messages, **kept), None
            piece = await anext(current, None)
            pieces = current  # only after a success: a repeated request starts anew
            return piece

        while True:
            try:
                async with asyncio.timeout(self._timeout):
                    piece = await self._attempts(next_piece, options, repeat=not begun)
            except TimeoutError:
                raise self._too_slow() from None
            if piece is None:
                break
            begun = True
            finished = finished or bool(piece.response_metadata.get("finish_reason"))
            if text := str(piece.text):
                spoke = True
                yield text
        if not (finished and spoke):
            raise ModelError(f"The chat model {self._model!r} broke off its reply.")

    async def _attempts(
        self, request: Callable[[dict[str, Any]], Awaitable[R]], options: Mapping[str, Any], *, repeat: bool = True
    ) -> R:
        """One request with what the endpoint supports of `options`, repeated where repeating may help."""
        import httpx
        import openai

        delays = iter(self._backoff if repeat else ())
        while True:
            kept = {key: value for key, value in options.items() if key not in self._unsupported}
            try:
                return await request(kept)
            except openai.BadRequestError as error:
                # Never repeated as it was, only without a parameter that the endpoint says it does not know.
                option = _named_option(str(error), kept)
                if option is None:
                    raise self._sentence(error) from None
                self._unsupported.add(option)
            except (openai.LengthFinishReasonError, openai.ContentFilterFinishReasonError):
                raise
            except openai.APITimeoutError:
                raise self._too_slow() from None
            except (openai.RateLimitError, openai.InternalServerError, openai.APIConnectionError) as error:
                delay = next(delays, None)
                if delay is None:
                    raise self._sentence(error) from None
                await asyncio.sleep(delay)
            except (openai.OpenAIError, httpx.HTTPError) as error:
                raise self._sentence(error) from None
            except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
                # What langchain-openai raises for a body that is no chat completion.
                raise ModelError(
                    f"The endpoint of {self._model!r} answered with something that is no chat completion "
                    f"({type(error).__name__}); check STUDY_BASE_URL."
                ) from None

    def _client(self) -> "BaseChatModel":
        if self._chat is None:
            import httpx
            from langchain_openai import ChatOpenAI
            from pydantic import SecretStr

            host = urlsplit(self._base_url or "").hostname
            timeout = httpx.Timeout(self._timeout, connect=min(CONNECT_SECONDS, self._timeout))
            # Own connections: langchain-openai shares its own between event loops. No proxy for loopback.
            self._http = httpx.AsyncClient(timeout=timeout, trust_env=host not in LOOPBACK, follow_redirects=True)
            self._chat = ChatOpenAI(
                model=self._model,
                base_url=self._base_url,
                api_key=SecretStr(self._api_key or "none"),
                http_async_client=self._http,
                timeout=timeout,
                max_retries=0,
                stream_usage=False,
                stream_chunk_timeout=None,
                use_responses_api=False,
            )
        return self._chat

    def _too_slow(self) -> ModelError:
        return ModelError(
            f"The chat model {self._model!r} took more than {self._timeout:g} s; try again or raise STUDY_TIMEOUT."
        )

    def _sentence(self, error: Exception) -> ModelError:
        import openai

        where = f"{self._model!r} at {self._base_url or 'the default OpenAI endpoint'}"
        match error:
            case openai.AuthenticationError() | openai.PermissionDeniedError():
                text = f"The endpoint refuses the key for {where}; check STUDY_API_KEY."
            case openai.NotFoundError():
                text = f"There is no {where}; check STUDY_CHAT and STUDY_BASE_URL."
            case openai.RateLimitError():
                text = f"The endpoint is over its limit for {where}; wait a little or use another one."
            case openai.APIStatusError():
                text = f"The endpoint answered {error.status_code} for {where}: {error.message[:200]!r}."
            case openai.APIConnectionError():
                text = f"There is no connection to {where}; check STUDY_BASE_URL and that it runs."
            case _:
                text = f"The reply of {where} broke off ({type(error).__name__})."
        return ModelError(text)


def _messages(prompt: Prompt) -> "list[BaseMessage]":
    from langchain_core.messages import HumanMessage, SystemMessage

    return [SystemMessage(prompt.system), HumanMessage(prompt.user)]


def _named_option(message: str, options: Mapping[str, Any]) -> str | None:
    """The option of ours that a 400 says is not known, if it names one."""
    if not _UNSUPPORTED.search(message):
        return None
    named = (option for word, option in _OPTION_OF.items() if word in message and option in options)
    return next(named, None)
