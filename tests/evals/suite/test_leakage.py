"""Cases that a prompt already holds."""

import pytest

from evals.suite.contract import Case
from evals.suite.leakage import leaks

PROMPT = {
    "ask/answer": "You answer from notes.\nExample: what does one more token cost in the cache of a model?\nBe short."
}


@pytest.mark.parametrize(
    ("text", "leaked"),
    [
        ("Say, what does one MORE token cost, in the cache of it?", True),  # nine words in a row, punctuation apart
        ("one more token cost in the", False),  # six words
        ("Be short, you answer from notes", False),
        ("You answer from notes", True),  # a whole short line
        ("What is paged attention and why does it help a server that batches?", False),
        ("", False),
    ],
)
def test_shared_runs_of_words_and_near_duplicates(text: str, leaked: bool) -> None:
    case = Case("c1", "s", "dev", {"question": text}, {"facts": [{"text": "none"}]})
    assert bool(leaks([case], PROMPT)) == leaked


def test_what_is_expected_counts_too_and_the_sentence_names_both() -> None:
    case = Case("c1", "s", "dev", {}, {"facts": ["what does one more token cost in the cache of a model"]})
    found = leaks([case], PROMPT)
    assert len(found) == 1
    assert "c1" in found[0]
    assert "ask/answer" in found[0]
    assert "what does one more token" in found[0]
