"""When a rewording may replace the authored question."""

import pytest

from agent.domain.wording import leaked_share, wording_fault

CLAIM = "Each token adds one key and one value vector per layer and per KV head."
AUTHORED = "What does one more token cost in the cache?"
TOPIC = "KV cache scaling"


@pytest.mark.parametrize(
    ("wording", "fault"),
    [
        ("What is the cache cost of one more token?", None),
        ("How much does the cache grow, what does it cost for one more token?", None),
        ("What does a token cost?", None),
        ("What does one more token cost in the cache", "not one question"),
        ("What does a token cost? And in the cache?", "not one question"),
        ("What does one more\ntoken cost in the cache?", "not one question"),
        ("Token cost?", "2 words long"),
        ("What does one more token cost in the cache " + "really " * 40 + "?", "49 words long"),
        ("What does one more token cost in a cache of 32 bytes?", "adds a number"),
        ("Which key and value vector per layer does one more token cost in the cache?", "gives the answer away"),
        ("What does one key cost per head, value, layer and token in the cache?", "gives the answer away"),
        ("How do bananas ripen in the warm sun?", "asks something else"),
        ("What does one more token cost in the cache of a banana plantation under warm sun?", "asks something else"),
        ("", "not one question"),
    ],
)
def test_faults(wording: str, fault: str | None) -> None:
    assert wording_fault(wording, claim=CLAIM, authored=AUTHORED, topic=TOPIC) == fault


def test_the_authored_question_itself_is_always_fine() -> None:
    assert wording_fault(AUTHORED, claim=CLAIM, authored=AUTHORED, topic=TOPIC) is None


def test_words_that_the_author_used_are_no_leak() -> None:
    assert leaked_share("A key and a value?", CLAIM) > 0
    assert leaked_share("A key and a value?", CLAIM, "Which key, which value?") == 0
    assert leaked_share("Anything?", "the of and") == 0
    assert leaked_share(CLAIM, CLAIM) == 1
