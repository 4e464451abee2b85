"""The chat role as the suite hands it to a subject: drawn, cached, counted, and never silent about a failure.

It re-asks as the product's own adapter does, so that what is measured is what a learner gets.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from agent.adapters.models.schema import flat_schema, json_object, problem_of, reask_text
from agent.domain.errors import ModelError
from agent.ports import Prompt
from evals.suite.store import Store, digest
from evals.suite.transport import Infrastructure, Reply, TimedOut, Transport

T = TypeVar("T", bound=BaseModel)
CallStatus = Literal["ok", "unfit", "timed out", "infrastructure"]
RETRIES: Sequence[float] = (0.5, 2.0, 6.0)
LONGEST_WAIT = 60.0


@dataclass(frozen=True, slots=True)
class Draw:
    """Which of the possible replies is meant: the same draw of the same request is the same sample.

    `salt` parts samples that must be fresh from older ones; `seed` goes to the endpoint, None where it is not sampled.
    """

    temperature: float = 0.0
    seed: int | None = None
    repeat: int = 0
    salt: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One request in the trace of an item; `key` finds it in the store. `asked` counts the tries, 0 where cached."""

    prompt: str
    key: str
    status: CallStatus
    why: str = ""
    asked: int = 0


@dataclass(frozen=True, slots=True)
class Spent:
    """What samples cost. `shaky` counts requests whose first try failed at the endpoint, rate limits apart."""

    requests: int = 0
    cached: int = 0
    shaky: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(*(getattr(self, name) + getattr(other, name) for name in Spent.__slots__))


class MeasuredChat:
    """Implements `agent.ports.Chat` for one item.

    `calls` is its trace and `replies` the raw texts, in order; `spent` is what they cost. `unparsed` says why a
    structured reply was given up, "" where none was: the product goes on without it, for the suite the prompt failed.
    """

    def __init__(
        self,
        transport: Transport,
        store: Store,
        draw: Draw,
        *,
        retries: Sequence[float] = RETRIES,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._transport, self._store, self._draw = transport, store, draw
        self._retries, self._sleep = retries, sleep
        self.calls: list[Call] = []
        self.unparsed = ""
        self.replies: list[str] = []
        self.spent = Spent()

    @property
    def name(self) -> str:
        """The model's name."""
        return self._transport.name

    def structured(self, prompt: Prompt, schema: type[T], *, max_tokens: int) -> T | None:
        """See `agent.ports.Chat`."""
        messages = _messages(prompt)
        wanted = {"name": schema.__name__, "strict": True, "schema": flat_schema(schema)}
        options = {"max_tokens": max_tokens, "response_format": {"type": "json_schema", "json_schema": wanted}}
        for attempt in range(2):
            reply, call = self._ask(prompt.id, {"messages": messages, **options})
            if reply.finish in ("length", "content_filter"):
                self.unparsed = f"The reply ended with {reply.finish!r}."
                self.calls.append(_unfit(call, self.unparsed))
                return None
            try:
                fitting = schema.model_validate_json(json_object(reply.text))
            except ValidationError as error:
                self.calls.append(_unfit(call, problem_of(error)))
                if attempt == 0:
                    messages = [*messages, _says("assistant", reply.text), _says("user", reask_text(schema, error))]
            else:
                self.calls.append(call)
                return fitting
        self.unparsed = f"The reply does not fit the schema: {self.calls[-1].why}."
        return None

    def stream(self, prompt: Prompt, *, max_tokens: int) -> Iterator[str]:
        """See `agent.ports.Chat`; the whole reply is one piece."""
        reply, call = self._ask(prompt.id, {"messages": _messages(prompt), "max_tokens": max_tokens})
        if not reply.text:
            self.calls.append(_unfit(call, "The reply is empty."))
            raise ModelError(f"The chat model {self.name!r} broke off its reply.")
        self.calls.append(call)
        yield reply.text

    def _ask(self, prompt: str, body: Mapping[str, Any]) -> tuple[Reply, Call]:
        """Give the kept reply of this draw, or ask for it; failures enter the trace before they are raised."""
        sent = {"model": self._transport.name, "temperature": self._draw.temperature, "stream": False, **body}
        if self._draw.seed is not None:
            sent["seed"] = self._draw.seed
        drawn = [dict(self._transport.identity), sent, self._draw.repeat, self._draw.salt]
        key = digest(drawn)
        kept = self._store.get(key)
        if kept is not None:
            self.spent += Spent(cached=1)
            self.replies.append(kept.text)
            return kept, Call(prompt, key, "ok")
        try:
            reply, asked = self._with_retries(sent)
        except ModelError as error:
            status: CallStatus = "timed out" if isinstance(error, TimedOut) else "infrastructure"
            self.calls.append(Call(prompt, key, status, str(error), len(self._retries) + 1))
            raise
        self._store.put(key, sent, reply)
        self.replies.append(reply.text)
        return reply, Call(prompt, key, "ok", asked=asked)

    def _with_retries(self, sent: Mapping[str, Any]) -> tuple[Reply, int]:
        shaky = False
        for tried, pause in enumerate((*self._retries, None), 1):
            try:
                reply = self._transport.post(sent)
            except TimedOut:
                self.spent += Spent(requests=1, shaky=shaky)
                raise
            except Infrastructure as error:
                shaky = shaky or not error.limited
                if pause is None or error.lasting:
                    self.spent += Spent(requests=1, shaky=shaky)
                    raise
                self._sleep(min(LONGEST_WAIT, max(pause, error.wait or 0.0)))
            else:
                self.spent += Spent(1, 0, shaky, reply.tokens_in, reply.tokens_out, reply.seconds)
                return reply, tried
        raise AssertionError("the last try returns or raises")


def _messages(prompt: Prompt) -> list[dict[str, str]]:
    return [_says("system", prompt.system), _says("user", prompt.user)]


def _says(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _unfit(call: Call, why: str) -> Call:
    return Call(call.prompt, call.key, "unfit", why, call.asked)
