"""The embedded chat model: llama.cpp in a child process, as an OpenAI-compatible endpoint on loopback."""

import atexit
import json
import math
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from agent.adapters.models.endpoint import OpenAIChat
from agent.domain.errors import ModelError
from agent.ports.chat import Prompt

if TYPE_CHECKING:
    import httpx

T = TypeVar("T", bound=BaseModel)

CONTEXT = 4096
"""Tokens of one request, prompt and reply together."""

READY_SECONDS = 120.0
SERVE = Path(__file__).with_name("serve.py")
_LIFT = 100.0
"""Added to the logits of the tokens asked about; no logit of such a model comes near it."""
_LEAST_PROB = 1e-30


class EmbeddedServer:
    """One model, one slot, loopback only, with a random key. Loads in the background.

    Args:
        model: a GGUF file.
        name: the name that travels with results.
        threads: CPU threads; capped at the number of cores.
        context: tokens of one request, prompt and reply together.
        program: the server's script, run by this Python.
    """

    def __init__(
        self, model: Path, *, name: str, threads: int = 2, context: int = CONTEXT, program: Path = SERVE
    ) -> None:
        self.model = model
        self.name = name
        self.api_key = secrets.token_urlsafe(32)
        self._request = {
            "model": str(model),
            "name": name,
            "api_key": self.api_key,
            "threads": max(1, min(threads, os.cpu_count() or 1)),
            "context": context,
        }
        self._program = program
        self._lock = threading.Lock()
        self._loaded = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._client: httpx.Client | None = None
        self._url: str | None = None
        self._failure: str | None = None
        self._stopped = False

    def start(self) -> None:
        """Begin loading and return at once; a second call does nothing.

        Raises:
            ModelError: the process cannot be started.
        """
        with self._lock:
            if self._process is not None or self._stopped:
                return
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", str(self._program)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                    # Threads that spin while they wait for each other lose 90% of the speed on a busy machine.
                    env={**os.environ, "OMP_WAIT_POLICY": "passive"},
                    start_new_session=True,  # Ctrl-C in the terminal is for the quiz
                )
            except OSError as error:
                raise ModelError(f"The embedded model's process cannot be started ({error}).") from None
            atexit.register(self.stop)
            threading.Thread(target=self._load, args=(self._process,), name="embedded-model", daemon=True).start()

    @property
    def ready(self) -> bool:
        """Whether the model is loaded and its process runs."""
        return self._url is not None and self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Process id of the server, for measurements; None before `start` and after `stop`."""
        return self._process.pid if self._process is not None and not self._stopped else None

    def wait_ready(self, timeout: float | None = READY_SECONDS) -> None:
        """Start if need be and wait until the model is loaded.

        Raises:
            ModelError: it cannot be loaded, was stopped, has ended, or takes longer than `timeout` seconds.
        """
        self.start()
        if not self._stopped and not self._loaded.wait(timeout):
            raise ModelError(f"The embedded model {self.name!r} took more than {timeout:.0f} s to load; try again.")
        if self._stopped:
            raise ModelError(f"The embedded model {self.name!r} was stopped.")
        if self._failure:
            raise ModelError(self._failure)
        if not self.ready:
            raise ModelError(f"The process of the embedded model {self.name!r} has ended; start again.")

    @property
    def base_url(self) -> str:
        """Address of the OpenAI-compatible endpoint; waits until the model is loaded."""
        self.wait_ready()
        return f"{self._url}/v1"

    def next_token_scores(self, prompt: str, tokens: Sequence[int]) -> list[float]:
        """Log probabilities of `tokens` among themselves as the next token after a raw prompt (no chat template).

        The same bias on each lifts them above the rest of the vocabulary, so that the server tells all of them, with
        the differences of their logits unchanged. Special tokens in the prompt are read as such. The longest prefix
        that an earlier prompt had too is not computed again.

        Raises:
            ModelError: the model is not there, the prompt is too long for it, or it does not answer.
        """
        import httpx

        self.wait_ready()
        body = {
            "prompt": prompt,
            "n_predict": 1,
            "n_probs": len(tokens),
            "post_sampling_probs": True,
            "logit_bias": [[token, _LIFT] for token in tokens],
            "samplers": ["top_k"],
            "top_k": len(tokens),
            "temperature": 1.0,
            "seed": 0,
            "cache_prompt": True,
        }
        try:
            response = self._http().post("/completion", json=body)
            response.raise_for_status()
            told = response.json()["completion_probabilities"][0]["top_probs"]
            scores = {item["id"]: math.log(max(item["prob"], _LEAST_PROB)) for item in told}
            return [scores[token] for token in tokens]
        except httpx.HTTPStatusError as error:
            raise ModelError(f"The embedded model refused a prompt: {error.response.text[:200]!r}.") from None
        except (httpx.HTTPError, RuntimeError, KeyError, IndexError, TypeError, ValueError) as error:
            raise ModelError(f"The embedded model did not answer ({error!r}); start again.") from None

    def warm(self, prompt: str) -> None:
        """Begin to compute what a later prompt begins with; returns at once.

        A failure is not told: the later prompt is then computed whole.
        """
        threading.Thread(target=self._warm, args=(prompt,), name="warm-prompt", daemon=True).start()

    def _warm(self, prompt: str) -> None:
        import httpx

        with suppress(ModelError, httpx.HTTPError, RuntimeError, OSError):
            self.wait_ready()
            self._http().post("/completion", json={"prompt": prompt, "n_predict": 0, "cache_prompt": True})

    def stop(self) -> None:
        """End the process at once, in the middle of a load or a reply too."""
        with self._lock:
            self._stopped = True
            process, client = self._process, self._client
            self._client = None
        atexit.unregister(self.stop)
        if client is not None:
            client.close()
        if process is not None:
            process.kill()
            process.wait()
            self._loaded.wait()  # its reader sees the end of the pipe
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

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
                    base_url=self._url or "",
                    headers={"Authorization": f"Bearer {self.api_key}"},
                    timeout=httpx.Timeout(300.0, connect=3.0),
                    trust_env=False,  # a proxy setting must not carry loopback traffic away
                )
            return self._client

    def _load(self, process: "subprocess.Popen[str]") -> None:
        """Hand the parameters over (not as arguments, which others can read) and wait for the address."""
        reply: dict[str, str] = {}
        try:
            if process.stdin is not None and process.stdout is not None:
                process.stdin.write(json.dumps(self._request) + "\n")
                process.stdin.flush()
                reply = json.loads(process.stdout.readline() or "{}")
        except (OSError, ValueError):
            reply = {}
        self._url = reply.get("url")
        if self._url is None:
            missing = reply.get("error") == "missing"
            self._failure = (
                "The embedded model needs xllamacpp; install the extra `local`, or set STUDY_CHAT=none."
                if missing
                else f"llama.cpp cannot load {str(self.model)!r}; fetch it again with `study model rm {self.name}` "
                f"and `study model pull {self.name}`."
            )
        self._loaded.set()


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
