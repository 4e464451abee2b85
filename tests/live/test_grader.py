"""The second opinion with the embedded model itself."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.adapters.grading import load_grader
from agent.adapters.grading.second import Reading, render
from agent.adapters.models.embedded import EmbeddedServer
from agent.domain.verdict import ClaimText

pytestmark = pytest.mark.live
MODEL = Path.home() / ".cache/study-agent/models/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
QUESTION = "What happens to the memory that a server holds when a conversation doubles in length?"
CLAIM = "KV-cache memory grows linearly with the sequence length."
TRUE = "It doubles too: each token adds the same amount of keys and values."
PLAIN = "The KV cache gets twice as big, because each token of the sequence adds the same amount of memory."


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    if not MODEL.exists():
        pytest.skip("the embedded model is not here (`study model pull`)")
    with EmbeddedServer(MODEL, name="live", threads=1) as running:
        yield running


def read(server: EmbeddedServer, answer: str) -> float:
    head = Reading.load()
    return head.covered(server.next_token_scores(render(QUESTION, CLAIM, answer), head.tokens), (0.25, 0.5, 0.25))


@pytest.mark.parametrize(
    "false", ["It is an important thing.", "It grows with the square of the length, so four times the room is needed."]
)
def test_the_reading_puts_a_true_answer_above_a_false_one(server: EmbeddedServer, false: str) -> None:
    assert read(server, TRUE) > read(server, false) + 0.05


def test_the_quiz_grader_asks_it(server: EmbeddedServer) -> None:
    claims = [ClaimText("linear", CLAIM, "core")]
    alone = load_grader(threads=1).judge(QUESTION, claims, PLAIN)[0]
    at = time.monotonic()
    both = load_grader(threads=1, model=server).judge(QUESTION, claims, PLAIN)[0]
    print(alone.p_covered, both.p_covered, round(time.monotonic() - at, 2), "s")
    assert alone.abstain
    assert both.p_covered > alone.p_covered
    assert both.quote in PLAIN
