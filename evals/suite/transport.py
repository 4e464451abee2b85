"""One request to an OpenAI-compatible endpoint, and the three ways in which it can end badly.

A time-out is the model's failure, a broken endpoint is nobody's measurement: the two must never look alike.
"""

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from agent.domain.errors import ModelError

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS = 5.0
Body = Mapping[str, Any]
_LASTING = (401, 403, 404)
_NEEDED = ("model", "messages")
_LIMIT, _NEWER_LIMIT = "max_tokens", "max_completion_tokens"
_REFUSES = re.compile(r"unsupported|not support|unknown|unrecogni[sz]ed|not (?:permitted|allowed)", re.I)


class TimedOut(ModelError):
    """The model took longer than it may: a failure of the subject."""


class Infrastructure(ModelError):
    """The endpoint failed; nothing was learned about the subject.

    `wait`: seconds it asked us to wait, if it did. `limited`: it said that we ask too often, which is no sign of a
    broken one. `lasting`: asking again cannot help.
    """

    def __init__(
        self, message: str, *, wait: float | None = None, limited: bool = False, lasting: bool = False
    ) -> None:
        super().__init__(message)
        self.wait, self.limited, self.lasting = wait, limited, lasting


class Unsupported(ModelError):
    """The endpoint does not take an option that was sent; `param` is the one that its reply names, "" for none."""

    def __init__(self, message: str, param: str = "") -> None:
        super().__init__(message)
        self.param = param

    def option(self, sent: Body) -> str | None:
        """The option of `sent` that is meant: the named one, else the first in quotes, else the first at all.

        A message may name the model, or what to send instead, beside it.
        """
        text = str(self)
        named = [self.param, *re.findall(r"['\"`](\w+)['\"`]", text), *re.findall(r"\w+", text)]
        return next((name for name in named if name in sent and name not in _NEEDED), None)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the endpoint said. `finish` is OpenAI's reason; tokens are its own count, 0 where it gives none."""

    text: str
    finish: str = "stop"
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0


class Transport(Protocol):
    """Where requests go. `name` is the model's; `identity` what must be the same for two replies to be comparable."""

    @property
    def name(self) -> str:
        """The model's name."""
        ...

    @property
    def identity(self) -> Mapping[str, str]:
        """Fingerprint parts: `model`, `runtime`."""
        ...

    def post(self, body: Body) -> Reply:
        """Send one chat completion.

        Raises:
            TimedOut: it took too long.
            Infrastructure: the endpoint failed or answered with something that is no chat completion.
        """
        ...


class RateLimit:
    """Lets one request through every `60 / per_minute` seconds; 0 lets all through at once."""

    def __init__(self, per_minute: float) -> None:
        self._gap = 60 / per_minute if per_minute > 0 else 0.0
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Wait for this request's turn."""
        if not self._gap:
            return
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._gap
        time.sleep(max(0.0, turn - now))


class Replay:
    """Asks nobody: what is not kept from an earlier run stays unmeasured."""

    def __init__(self, transport: Transport) -> None:
        self.name, self.identity = transport.name, transport.identity

    def post(self, body: Body) -> Reply:
        """Nothing is sent."""
        raise Infrastructure("This reply was not kept; run without --replay.", lasting=True)


class HttpTransport:
    """An endpoint over HTTP.

    Args:
        base_url: e.g. `http://127.0.0.1:8080/v1`.
        name: the model's name there.
        identity: fingerprint parts.
        api_key: "" sends none.
        timeout: seconds for one reply.
        extra: options that only this endpoint knows, such as llama.cpp's `cache_prompt`.
        limit: how often it may be asked.
    """

    def __init__(
        self,
        base_url: str,
        name: str,
        identity: Mapping[str, str],
        *,
        api_key: str = "",
        timeout: float = 120.0,
        extra: Mapping[str, Any] | None = None,
        limit: RateLimit | None = None,
    ) -> None:
        self.name, self.identity = name, identity
        self._url, self._key, self._timeout = base_url.rstrip("/"), api_key, timeout
        self._extra, self._limit = dict(extra or {}), limit or RateLimit(0)
        self._client: httpx.Client | None = None
        self._unknown: set[str] = set()
        self._lock = threading.Lock()

    def post(self, body: Body) -> Reply:
        """See `Transport`. An option that the endpoint does not take is left out from then on, at most each once."""
        while True:
            sent = {**body, **self._extra}
            if _LIMIT in self._unknown and _LIMIT in sent:
                sent[_NEWER_LIMIT] = sent[_LIMIT]
            sent = {key: value for key, value in sent.items() if key not in self._unknown}
            try:
                return self._post(sent)
            except Unsupported as error:
                option = error.option(sent)
                if option is None:
                    raise Infrastructure(str(error)) from None
                self._unknown.add(option)

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _post(self, sent: Body) -> Reply:
        import httpx

        self._limit.wait()
        began = time.monotonic()
        try:
            response = self._http().post(f"{self._url}/chat/completions", json=dict(sent))
        except (httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Infrastructure(f"There is no connection to {self.name!r} ({type(error).__name__}).") from None
        except httpx.TimeoutException:
            raise TimedOut(f"{self.name!r} took more than {self._timeout:g} s.") from None
        except httpx.HTTPError as error:
            raise Infrastructure(f"The connection to {self.name!r} failed ({type(error).__name__}).") from None
        if response.status_code != httpx.codes.OK:
            raise _refusal(response)
        return _reply(response, time.monotonic() - began)

    def _http(self) -> "httpx.Client":
        import httpx

        with self._lock:
            if self._client is None:
                local = urlsplit(self._url).hostname in ("127.0.0.1", "localhost", "::1")
                headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
                timeout = httpx.Timeout(self._timeout, connect=min(CONNECT_SECONDS, self._timeout))
                # A proxy setting must not carry loopback traffic away.
                self._client = httpx.Client(headers=headers, timeout=timeout, trust_env=not local)
            return self._client


def _refusal(response: "httpx.Response") -> ModelError:
    status, text = response.status_code, response.text[:300]
    if status in (400, 422) and _REFUSES.search(response.text):
        return Unsupported(text, _param(response))
    try:
        wait = float(response.headers.get("retry-after", ""))
    except ValueError:
        wait = None
    return Infrastructure(
        f"The endpoint answered {status}: {text!r}.", wait=wait, limited=status == 429, lasting=status in _LASTING
    )


def _param(response: "httpx.Response") -> str:
    """The option that OpenAI's form of an error names."""
    try:
        return str(response.json()["error"]["param"] or "")
    except (ValueError, KeyError, TypeError):
        return ""


def _reply(response: "httpx.Response", seconds: float) -> Reply:
    try:
        data = response.json()
        choice, usage = data["choices"][0], data.get("usage") or {}
        text = choice["message"].get("content") or ""
        refused = bool(choice["message"].get("refusal"))
        finish = "content_filter" if refused else str(choice.get("finish_reason") or "")
        tokens = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise Infrastructure("The endpoint answered with something that is no chat completion.") from None
    if not isinstance(text, str) or not finish:
        raise Infrastructure("The endpoint answered with something that is no chat completion.")
    return Reply(text, finish, *tokens, seconds)
