"""The embedded model as it ships. Pull it first: `study model pull`."""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import httpx
import pytest
from pydantic import BaseModel

from agent.adapters.models import EmbeddedChat, EmbeddedServer, ModelStore
from agent.ports.chat import Prompt

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

MODEL = "qwen2.5-coder-1.5b-instruct-q4_k_m"


class Wording(BaseModel):
    question: str
    kind: Literal["definition", "reason", "boundary"]


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    base = os.environ.get("STUDY_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "study-agent"
    with EmbeddedServer(ModelStore(Path(base)).path(MODEL), name=MODEL) as running:
        yield running


@pytest.fixture
def chat(server: EmbeddedServer) -> Iterator[EmbeddedChat]:
    chat = EmbeddedChat(server)
    yield chat
    chat.close()


def test_structured_reply(chat: EmbeddedChat) -> None:
    prompt = Prompt("live@0", "You write one short quiz question.", "Topic: why the KV cache grows with each token.")
    reply = chat.structured(prompt, Wording, max_tokens=100)
    assert reply is not None
    assert reply.question.strip()


def test_stream(chat: EmbeddedChat) -> None:
    pieces = list(chat.stream(Prompt("live@0", "You are terse.", "What is 2 + 2? One digit."), max_tokens=8))
    assert "4" in "".join(pieces)


PARIS, LONDON, ROME = 12095, 7148, 21718


def test_token_scores_are_repeatable_after_a_chat(server: EmbeddedServer, chat: EmbeddedChat) -> None:
    before = server.next_token_scores("The capital of France is", [ROME, PARIS, LONDON])
    list(chat.stream(Prompt("live@0", "You are terse.", "Say hello."), max_tokens=8))
    after = server.next_token_scores("The capital of France is", [ROME, PARIS, LONDON])
    assert max(before) == before[1]
    assert sum(math.exp(score) for score in before) == pytest.approx(1, abs=1e-3)
    assert after == pytest.approx(before, abs=0.1)


def test_stream_that_is_left_frees_the_model(server: EmbeddedServer, chat: EmbeddedChat) -> None:
    stream = chat.stream(Prompt("live@0", "You write.", "Write 2000 words about caches."), max_tokens=3000)
    assert next(iter(stream))
    stream.close()  # type: ignore[attr-defined]
    assert server.next_token_scores("The capital of France is", [PARIS, ROME])


def test_nobody_without_the_key(server: EmbeddedServer) -> None:
    base = server.base_url.removesuffix("/v1")
    for path, body in (("/completion", {"prompt": "hi"}), ("/v1/chat/completions", {"messages": []})):
        assert httpx.post(base + path, json=body, trust_env=False).status_code == 401
    assert httpx.get(f"{base}/slots", trust_env=False).status_code == 401


def test_nothing_is_written_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    base = os.environ.get("STUDY_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "study-agent"
    with EmbeddedServer(ModelStore(Path(base)).path(MODEL), name=MODEL) as other:
        other.next_token_scores("Hello", [PARIS])
    assert capfd.readouterr() == ("", "")
