"""A model's line is taken apart: each of its sentences stands or falls by itself, under the facts that say it."""

import pytest

from agent.domain.condense import condense
from agent.domain.saying import mended, split, supported
from agent.domain.session_draft import verify
from agent.domain.support import Said, parse
from tests.helpers.days import day, noted, usual

# 1 noted, 2 passed kv-cache-scaling, 3 not passed paged-attention, 4 and 5 asked, 6 and 7 ran, 8 changed, 9 approved
FACTS = condense(usual())
PASSED = "I passed the quiz on kv-cache-scaling with 9 answers."
RAN = "I ran serving-bench for 41.2 seconds, exit code 0."


def kept(text: str, *cited: int) -> list[str]:
    return [said.text for said, reason in supported(Said(text, cited), FACTS) if not reason]


def test_a_false_sentence_does_not_take_a_true_one_with_it() -> None:
    assert kept(f"{PASSED} I mastered paging.", 2, 3) == [PASSED]
    assert kept(f"I read 9 papers. {PASSED}", 1, 2) == [PASSED]


def test_a_line_that_holds_stays_whole() -> None:
    assert kept(f"{PASSED} {RAN}", 2, 6) == [f"{PASSED} {RAN}"]


def test_a_sentence_that_points_back_falls_with_the_one_before() -> None:
    assert kept(f"I mastered serving-bench. It took 41.2 seconds. {PASSED}", 6, 2) == [PASSED]
    assert kept("I ran serving-bench in 3 seconds. I committed this change with +40 −3 lines about paging.", 6, 8) == []


@pytest.mark.parametrize(
    ("text", "cited", "left"),
    [
        ("I committed 3fa1c2d with +40 −3 lines about paging, which improved the notes.", 8, True),
        ("I committed 3fa1c2d with +40 −3 lines about paging because the tests failed.", 8, True),
        ("I ran serving-bench for 41.2 seconds, achieving mastery.", 6, True),
        ("I committed nothing, which improved the notes.", 8, False),
    ],
)
def test_a_clause_too_much_is_cut_and_told_as_dropped(text: str, cited: int, left: bool) -> None:
    found = list(supported(Said(text, (cited,)), FACTS))
    assert [not reason for _, reason in found] == ([True, False] if left else [False])
    if left:
        assert text.startswith(found[0][0].text[:-1])
        assert found[1][0].text.startswith("…")


def test_a_wrong_number_is_put_right_where_another_fact_says_it_all() -> None:
    [(said, reason)] = supported(Said(PASSED, (3,)), FACTS)
    assert (said.cited, reason) == ((2,), "")
    [(said, reason)] = supported(Said("I passed the quiz on kv-cache-scaling with 8 answers.", (12,)), FACTS)
    assert reason, "no fact says 8 answers"


@pytest.mark.parametrize(
    "text", ["I passed the quiz on paged-attention.", "Every level was approved.", "I know it all."]
)
def test_what_no_fact_says_is_supported_by_none_of_them(text: str) -> None:
    assert kept(text, 1) == kept(text, 3) == kept(text, 40) == []


def test_a_line_without_a_number_cites_nothing() -> None:
    assert [reason for _, reason in supported(Said(PASSED, ()), FACTS)] == ["it cites nothing"]


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("I answered “why?” from the notes.", "I asked “why?”, which the notes answered."),
        ('I also answered "why?".', 'I also asked "why?", which the notes answered.'),
        ("I did not answer “why?” from the notes.", "I asked “why?”, which the notes did not answer."),
        ("I answered from the notes on “why?”.", "I asked “why?”, which the notes answered."),
        ("I asked “why?” and answered from the notes.", "I asked “why?”, which the notes answered."),
        ("I answered 9 questions of the quiz.", "I answered 9 questions of the quiz."),
    ],
)
def test_who_answered_is_put_right(text: str, right: str) -> None:
    assert mended(text) == right


def test_who_answered_is_checked_after_it_was_put_right() -> None:
    assert kept("I answered “why is decoding memory-bound?” from the notes.", 4)
    assert not kept("I answered “what is speculative decoding?” from the notes.", 5), "the notes did not say it"
    assert kept("I did not answer “what is speculative decoding?” from the notes.", 5)


def test_sentences_are_split_outside_quotations() -> None:
    text = "I noted “Stop. Then go.” today. I asked “why? Really?” once; I left."
    assert list(split(text)) == ["I noted “Stop. Then go.” today.", "I asked “why? Really?” once.", "I left."]


def test_two_facts_on_one_line_are_two_lines() -> None:
    assert [said.cited for said in parse(f"[2] {PASSED} [6] {RAN}")] == [(2,), (6,)]


def test_lines_added_are_not_lines_removed() -> None:
    assert kept("I committed 3fa1c2d, adding 40 lines and removing 3.", 8)
    assert not kept("I committed 3fa1c2d, adding 3 lines and removing 40.", 8)


def test_a_line_of_several_sentences_names_the_events_of_each() -> None:
    [statement], _ = verify(day(), FACTS, [Said(f"{PASSED} {RAN}", (2, 6))])
    assert statement.events == ("e20", "e50", "e120"), "the pause of the quiz is told with what it became"


def test_a_sentence_about_many_facts_at_once_is_dropped() -> None:
    """Of four facts the checks find a word for anything."""
    text = "I read the GQA paper, passed kv-cache-scaling, asked why decoding is memory-bound and ran serving-bench."
    [(_, reason)] = supported(Said(text, (1, 2, 4, 6)), FACTS)
    assert reason == "it tells 4 facts at once"


def test_a_sentence_about_one_of_many_that_were_put_together_names_them_all() -> None:
    many = tuple(noted(minute, f"read page {minute} of the book") for minute in range(40))
    whole = condense(many, limit=3)
    [statement], _ = verify(day(*many), whole, [Said("I noted that I read page 3 of the book.", (1,))])
    assert len(statement.events) == 40
