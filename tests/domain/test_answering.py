import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain import answering
from agent.domain.answering import (
    for_model,
    has_evidence,
    in_reading_order,
    parse,
    pieces,
    relevances,
    supported,
)
from agent.domain.quoting import quote
from agent.domain.statement import statements

NOTE = """# KV cache

- (core) KV-cache memory grows linearly with the batch size: each sequence has its own cache. ^linear
  - Q: What happens to memory with more users?
- Decoding is bound by memory bandwidth, not by arithmetic. ^bandwidth
- One token of this model takes 131072 bytes. ^bytes
"""
GIVEN = statements(NOTE, "a.md", heading="KV cache")
SOURCES = {"a.md": NOTE}
QUESTION = "What limits decoding and how does the cache grow?"


@pytest.mark.parametrize(
    ("numbers", "sentence", "line"),
    [
        ((2,), "Decoding is not bound by arithmetic but by memory bandwidth.", 5),
        ((1,), "Decoding is bound by memory bandwidth, not arithmetic.", 5),
        ((), "The KV-cache memory grows linearly with batch size.", 3),
        ((9, 3), "One token takes 131072 bytes.", 6),
        ((1,), "Each sequence has its own cache.", 3),
    ],
)
def test_sentence_that_a_statement_carries(numbers: tuple[int, ...], sentence: str, line: int) -> None:
    found = supported(numbers, sentence, GIVEN, SOURCES, QUESTION)
    assert found is not None
    assert found.citation.start_line == found.citation.end_line == line
    assert found.citation.quote in NOTE.split("\n")[line - 1]


@pytest.mark.parametrize(
    "sentence",
    [
        "KV-cache memory grows quadratically with sequence length squared.",
        "KV-cache memory does not grow linearly with the batch size.",
        "One token of this model takes 262144 bytes.",
        "Paris is the capital of France.",
        "!!",
        "The scheduler preempts requests by priority.",
        "The cache grows and decoding is limited.",
    ],
)
@pytest.mark.parametrize("numbers", [(), (1,), (2, 3)])
def test_sentence_that_nothing_carries(numbers: tuple[int, ...], sentence: str) -> None:
    assert supported(numbers, sentence, GIVEN, SOURCES, QUESTION) is None


def test_a_file_that_changed_is_not_cited() -> None:
    changed = {"a.md": NOTE.replace("131072", "262144")}
    assert supported((3,), "One token of this model takes 131072 bytes.", GIVEN, changed, "") is None


def test_a_statement_far_from_the_question_answers_nothing() -> None:
    sentence = "One token of this model takes 131072 bytes."
    far = [2.0, 2.0, answering.RELEVANCE_FLOOR - 0.01]
    assert supported((3,), sentence, GIVEN, SOURCES, QUESTION, far) is None
    assert supported((3,), sentence, GIVEN, SOURCES, QUESTION, [0.0, 0.0, 2.0]) is not None


def test_relevance_is_the_best_cosine_of_a_statement_or_its_question_and_a_share_of_words() -> None:
    texts = answering.compared(GIVEN)
    assert texts[3:] == ["What happens to memory with more users?"]
    near = relevances("zebra", GIVEN, [0.1, 0.2, 0.3, 0.7])
    assert near == [0.7, 0.2, 0.3]
    near = relevances("bytes of one token", GIVEN, [0.0, 0.0, 0.0, 0.0])
    assert near[2] == pytest.approx(answering.COVERAGE_WEIGHT)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("A sentence. [1]", [((1,), "A sentence.")]),
        ("A sentence [1].", [((1,), "A sentence.")]),
        ("- A sentence [1, 3]", [((1, 3), "A sentence.")]),
        ("First thing. Second thing. [2][4]", [((2, 4), "First thing."), ((2, 4), "Second thing.")]),
        ("KV cache (and more): [1] The words.", [((1,), "The words.")]),
        ("No marker here", [((), "No marker here.")]),
        ("Three facts: one, two.", [((), "Three facts: one, two.")]),
    ],
)
def test_replies_that_are_read(reply: str, expected: list[tuple[tuple[int, ...], str]]) -> None:
    assert list(parse(reply)) == expected


@pytest.mark.parametrize("reply", ["NONE", " none.", "[None]", "[1]", "", "...", '"NONE"'])
def test_replies_without_a_sentence(reply: str) -> None:
    assert list(parse(reply)) == []


def test_a_sentence_is_whole_before_it_is_judged() -> None:
    stream = ["It ", "grows. [", "1] It is", " read at 1.5 GB", " a step. [2]\nThe e", "nd"]
    assert [piece.strip() for piece in pieces(stream)] == [
        "It grows. [1]",
        "It is read at 1.5 GB a step. [2]",
        "The end",
    ]


def test_prompt_numbers_the_statements_below_their_notes_title() -> None:
    assert for_model(GIVEN).split("\n") == [
        "KV cache:",
        "[1] KV-cache memory grows linearly with the batch size: each sequence has its own cache.",
        "[2] Decoding is bound by memory bandwidth, not by arithmetic.",
        "[3] One token of this model takes 131072 bytes.",
    ]
    assert for_model([]) == ""


def test_statements_of_a_file_stand_together_in_its_order() -> None:
    other = statements("- Another file says something.", "b.md")
    assert in_reading_order([GIVEN[2], *other, GIVEN[0]]) == [GIVEN[0], GIVEN[2], *other]


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


TEXT = st.text(st.sampled_from('ab.!? \n-*|`#>^1[]():"é'), max_size=200)


@given(TEXT | st.just(NOTE), TEXT | st.text(max_size=100), st.lists(st.integers(0, 12), max_size=3))
def test_whatever_is_shown_resolves(note: str, reply: str, numbers: list[int]) -> None:
    """Any note and any reply: what would be shown stands at the lines that it cites."""
    given, sources = statements(note, "a.md"), {"a.md": note}
    shown = [supported(n, sentence, given, sources, "") for piece in pieces([reply]) for n, sentence in parse(piece)]
    shown += [supported(numbers, statement.plain, given, sources, "") for statement in given]
    shown.append(quote(given, [1.0] * len(given), sources))
    for found in shown:
        if found:
            lines = note.split("\n")[found.citation.start_line - 1 : found.citation.end_line]
            assert found.citation.quote in "\n".join(lines)
