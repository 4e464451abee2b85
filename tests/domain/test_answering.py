import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.answering import Numbered, for_model, has_evidence, highlights, parse, supported

NOTE = """# KV cache

- (core) KV-cache memory grows linearly with the batch size: each sequence has its own cache. ^linear
  - Q: What happens to memory with more users?
- Decoding is bound by memory bandwidth, not by arithmetic. ^bandwidth
- One token of this model takes 131072 bytes. ^bytes
"""
PASSAGES = [
    Numbered(1, "a.md", 1, 3, "\n".join(NOTE.split("\n")[:3])),
    Numbered(2, "a.md", 3, 6, "\n".join(NOTE.split("\n")[2:6])),
]
SOURCES = {"a.md": NOTE}
LINEAR = "KV-cache memory grows linearly with the batch size"
BOUND = "Decoding is bound by memory bandwidth, not by arithmetic."
QUESTION = "What limits decoding and how does the cache grow?"


@pytest.mark.parametrize(
    ("number", "quote", "sentence", "line"),
    [
        (2, BOUND, "Decoding is not bound by arithmetic but by memory bandwidth.", 5),
        (1, BOUND[:-1], "Decoding is bound by memory bandwidth, not arithmetic.", 5),
        (1, LINEAR, "The KV-cache memory grows linearly with batch size.", 3),
        (2, "takes 131072 bytes.", "One token takes 131072 bytes.", 6),
        (2, "words that stand nowhere in the note", "Each sequence has its own cache.", 3),
    ],
)
def test_sentence_that_its_quote_carries(number: int, quote: str, sentence: str, line: int) -> None:
    found = supported(number, quote, sentence, PASSAGES, SOURCES, QUESTION)
    assert found is not None
    assert found.citation.start_line == found.citation.end_line == line
    assert found.citation.quote in NOTE


@pytest.mark.parametrize(
    ("quote", "sentence"),
    [
        (LINEAR, "KV-cache memory grows quadratically with sequence length squared."),
        (LINEAR, "KV-cache memory does not grow linearly with the batch size."),
        ("One token of this model takes 131072 bytes.", "One token of this model takes 262144 bytes."),
        (BOUND, "Paris is the capital of France."),
        (BOUND, "!!"),
        ("invented words of the model itself", "The scheduler preempts requests by priority."),
        ("What happens to memory with more users?", "What happens to memory with more users is unknown."),
    ],
)
def test_sentence_that_nothing_carries(quote: str, sentence: str) -> None:
    assert supported(2, quote, sentence, PASSAGES, SOURCES, QUESTION) is None


def test_quote_outside_the_passage_does_not_count() -> None:
    alone = [Numbered(1, "a.md", 5, 5, NOTE.split("\n")[4])]
    assert (
        supported(1, "One token of this model takes 131072 bytes.", "One token takes 131072 bytes.", alone, SOURCES, "")
        is None
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('[1] "the words" -> A sentence.', (1, "the words", "A sentence.")),
        ("- [12]: “the words” => A sentence.", (12, "the words", "A sentence.")),
        ('[1] "a "nested" quote" -> S.', (1, 'a "nested" quote', "S.")),
    ],
)
def test_lines_that_are_read(line: str, expected: tuple[int, str, str]) -> None:
    assert list(parse(f"Sure!\n{line}\nNONE")) == [expected]


@pytest.mark.parametrize("line", ["NONE", '[1] "x" -> NONE', "A plain sentence.", "[1] no quote -> S", '"q" -> S', ""])
def test_lines_that_are_dropped(line: str) -> None:
    assert list(parse(line)) == []


def test_prompt_holds_no_quiz_questions_and_keeps_its_budget() -> None:
    text = for_model(PASSAGES, 10_000)
    assert "Q:" not in text
    assert "[2]\n- (core)" in text
    assert len(for_model(PASSAGES, 150)) < 170
    assert for_model(PASSAGES, 3) == ""


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([(0.3, 0.4)], True),
        ([(0.1, 0.3)], False),
        ([(0.1, 0.1), (0.0, 0.2), (0.4, 0.0)], True),
        ([], False),
        ([(0.3, None)], True),
        ([(0.1, None)], False),
        ([(0.0, 0.1)] * 3 + [(0.9, 0.9)], False),
    ],
)
def test_evidence(scores: list[tuple[float, float | None]], expected: bool) -> None:
    assert has_evidence(scores) is expected


def test_highlights_are_statements_of_the_passage() -> None:
    assert highlights("what bounds decoding?", PASSAGES[1]) == [
        "- Decoding is bound by memory bandwidth, not by arithmetic."
    ]
    assert highlights("zebra", PASSAGES[1]) == []


@given(st.text(max_size=300), st.text(max_size=80), st.text(max_size=80), st.integers(0, 99))
def test_any_reply_is_taken_and_what_is_kept_resolves(reply: str, quote: str, sentence: str, number: int) -> None:
    list(parse(reply))
    found = supported(number, quote, sentence, PASSAGES, SOURCES, QUESTION)
    if found:
        lines = NOTE.split("\n")[found.citation.start_line - 1 : found.citation.end_line]
        assert found.citation.quote in "\n".join(lines)
