"""The second opinion with the embedded model itself."""

import time
from pathlib import Path

import pytest

from agent.adapters.grading.second import expected_grade, render
from agent.adapters.models.embedded import EmbeddedServer

pytestmark = pytest.mark.live
MODEL = Path.home() / ".cache/study-agent/models/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
QUESTION = "What happens to the memory that a server holds when a conversation doubles in length?"
CLAIM = "KV-cache memory grows linearly with the sequence length."


@pytest.mark.skipif(not MODEL.exists(), reason="the embedded model is not here (`study model pull`)")
def test_the_model_grades_a_true_answer_above_a_vague_one() -> None:
    server = EmbeddedServer(MODEL, name="live", threads=1)
    try:
        server.start()
        grades = []
        for answer in (
            "It doubles too: each token adds the same amount of keys and values.",
            "It is an important thing.",
        ):
            at = time.monotonic()
            grades.append(expected_grade(server.first_token_probs(render(QUESTION, answer, CLAIM), 20)))
            print(answer, grades[-1], round(time.monotonic() - at, 2), "s")
    finally:
        server.stop()
    assert grades[0] is not None
    assert grades[1] is not None
    assert grades[0] > grades[1]
