"""The embedded chat model: llama.cpp in this process, as an OpenAI-compatible endpoint on loopback."""

import atexit
import math
import os
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from agent.adapters.models.endpoint import OpenAIChat
from agent.domain.errors import ModelError
from agent.ports.chat import Prompt

if TYPE_CHECKING:
    import httpx

T = TypeVar("T", bound=BaseModel)

CONTEXT = 4096
"""Tokens of one request, prompt and reply together."""

PROMPT_CACHE_MIB = 256
"""Memory for the states of earlier prompts (28 KiB a token here): the grader's prefix survives a chat reply."""

READY_SECONDS = 120.0
SILENT = -1


class EmbeddedServer:
    """One model, one slot, loopback only, with a random key. Loads in the background.

    Args:
        model: a GGUF file.
        name: the name that travels with results.
        threads: CPU threads; more than there are cores makes llama.cpp crawl, so that is the cap.
    """

    def __init__(self, model: Path, *, name: str, threads: int = 2, context: int = CONTEXT) -> None:
        self.model = model
        self.name = name
        self.api_key = secrets.token_urlsafe(32)
        self._threads = max(1, min(threads, os.cpu_count() or 1))
        self._context = context
        self._lock = threading.Lock()
        self._loaded = threading.Event()
        self._thread: threading.Thread | None = None
        self._server: Any = None
        self._client: httpx.Client | None = None
        self._failure: str | None = None
        self._stopped = False

    def start(self) -> None:
        """Begin loading and return at once; a second call does nothing."""
        with self._lock:
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._load, name="embedded-model", daemon=True)
                self._thread.start()
                atexit.register(self.stop)

    @property
    def ready(self) -> bool:
        """Whether a request would be served now."""
        return self._server is not None

    def wait_ready(self, timeout: float | None = READY_SECONDS) -> None:
        """Start if need be and wait until the model is loaded.

        Raises:
            ModelError: it cannot be loaded, was stopped, or takes longer than `timeout` seconds.
        """
        self.start()
        if not self._stopped and not self._loaded.wait(timeout):
            raise ModelError(f"The embedded model {self.name!r} took more than {timeout:.0f} s to load; try again.")
        if self._stopped:
            raise ModelError(f"The embedded model {self.name!r} was stopped.")
        if self._failure:
            raise ModelError(self._failure)

    @property
    def base_url(self) -> str:
        """Address of the OpenAI-compatible endpoint; waits until the model is loaded."""
        self.wait_ready()
        return f"{self._server.listening_address}/v1"

    def first_token_probs(self, prompt: str, n_probs: int) -> dict[str, float]:
        """The most likely next tokens after a raw prompt (no chat template), with their probabilities.

        At most `n_probs` tokens, temperature 1, no sampling filters: softmax over the whole vocabulary, so that
        the values sum to less than 1. The longest prefix that equals that of an earlier prompt is not computed
        again. A token's text may be partial UTF-8, shown with replacement characters; such tokens are added up.

        Raises:
            ModelError: the server cannot be reached or answers with something else.
        """
        import httpx

        self.wait_ready()
        body = {"prompt": prompt, "n_predict": 1, "n_probs": n_probs, "cache_prompt": True, "temperature": 0}
        try:
            response = self._http().post("/completion", json=body)
            response.raise_for_status()
            top = response.json()["completion_probabilities"][0]["top_logprobs"]
            probs: dict[str, float] = {}
            for item in top:
                probs[item["token"]] = probs.get(item["token"], 0.0) + math.exp(item["logprob"])
        except httpx.HTTPStatusError as error:
            raise ModelError(f"The embedded model refused a prompt: {error.response.text[:200]!r}.") from None
        except (httpx.HTTPError, KeyError, IndexError, TypeError, ValueError) as error:
            raise ModelError(f"The embedded model did not answer: {error!r}.") from None
        return probs

    def stop(self) -> None:
        """Cancel what runs and free the memory; waits for a load in progress, which cannot be interrupted."""
        with self._lock:
            self._stopped = True
            thread, client = self._thread, self._client
            self._client = None
        atexit.unregister(self.stop)
        if client is not None:
            client.close()
        if thread is not None:
            thread.join()
        self._server = None  # its destructor stops the server threads

    def __enter__(self) -> "EmbeddedServer":
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def _http(self) -> "httpx.Client":
        import httpx

        with self._lock:
            if self._client is None:
                self._client = httpx.Client(
                    base_url=self._server.listening_address,
                    headers={"Authorization": f"Bearer {self.api_key}"},
                    timeout=httpx.Timeout(300.0, connect=3.0),
                    trust_env=False,  # a proxy setting must not carry loopback traffic away
                )
            return self._client

    def _load(self) -> None:
        try:
            import xllamacpp

            self._server = xllamacpp.Server(self._params(xllamacpp))
        except ImportError:
            self._failure = "The embedded model needs xllamacpp; install the extra `local`, or set STUDY_CHAT=none."
        except RuntimeError:
            self._failure = (
                f"llama.cpp cannot load {str(self.model)!r}; fetch it again with `study model rm {self.name}` "
                f"and `study model pull {self.name}`."
            )
        finally:
            self._loaded.set()

    def _params(self, xllamacpp: Any) -> Any:
        params = xllamacpp.CommonParams()
        params.verbosity = SILENT  # native logs would wreck the terminal
        params.model.path = str(self.model)
        params.model_alias = {self.name}
        params.hostnames = ["127.0.0.1"]
        params.port = 0
        params.api_keys = [self.api_key]
        params.n_ctx = self._context
        params.n_parallel = 1
        params.n_gpu_layers = 0
        params.cpuparams.n_threads = self._threads
        params.cpuparams_batch.n_threads = self._threads
        params.cache_ram_mib = PROMPT_CACHE_MIB
        params.ui = False
        return params


class EmbeddedChat:
    """The chat role on an `EmbeddedServer`: starts it when first used and waits for it."""

    def __init__(self, server: EmbeddedServer, *, timeout: float = 120.0) -> None:
        self._server = server
        self._timeout = timeout
        self._lock = threading.Lock()
        self._chat: OpenAIChat | None = None
        self._cancelled = 0

    @property
    def name(self) -> str:
        """The model's name."""
        return self._server.name

    def structured(self, prompt: Prompt, schema: type[T], *, max_tokens: int) -> T | None:
        """See `agent.ports.Chat`; the time to load the model is not part of the timeout."""
        return self._ready_chat().structured(prompt, schema, max_tokens=max_tokens)

    def stream(self, prompt: Prompt, *, max_tokens: int) -> Iterator[str]:
        """See `agent.ports.Chat`."""
        yield from self._ready_chat().stream(prompt, max_tokens=max_tokens)

    def cancel(self) -> None:
        """Give up every reply in progress, so that the model is free at once; their callers get a ModelError."""
        self._cancelled += 1
        if self._chat is not None:
            self._chat.cancel()

    def close(self) -> None:
        """Cancel and let go of the connection; the server goes on."""
        if self._chat is not None:
            self._chat.close()

    def _ready_chat(self) -> OpenAIChat:
        before = self._cancelled
        base_url = self._server.base_url
        if self._cancelled != before:
            raise ModelError("The reply was cancelled.")
        with self._lock:
            if self._chat is None:
                self._chat = OpenAIChat(
                    base_url, api_key=self._server.api_key, model=self._server.name, timeout=self._timeout
                )
            return self._chat
