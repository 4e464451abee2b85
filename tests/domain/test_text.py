"""Untrusted text: what reaches a terminal, and comparing by words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.text import content_stems, fold, neutralise, one_line, stem, words

UNSAFE = ["\x1b", "\x07", "\x00", "\x7f", "\x9b", "\r", "\u202e", "\u2066", "\u200b", "\ufeff", "\u2060"]


@pytest.mark.parametrize("char", UNSAFE)
def test_what_a_terminal_would_act_on_is_shown_as_a_mark(char: str) -> None:
    assert neutralise(f"a{char}b") == "a\N{REPLACEMENT CHARACTER}b"


def test_line_feeds_tabs_and_other_scripts_stay() -> None:
    text = "键值缓存\tétude\n🇩🇪 👩\u200d💻"
    assert neutralise(text) == text
    assert neutralise("a\r\nb") == "a\nb"


@given(st.text())
def test_neutralised_text_is_safe_and_stays(text: str) -> None:
    safe = neutralise(text)
    assert not set(safe) & set(UNSAFE)
    assert neutralise(safe) == safe


@given(st.text(), st.integers(2, 50))
def test_one_line_is_one_short_line(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1


def test_one_line_marks_the_cut() -> None:
    assert one_line("a  b\nc") == "a b c"
    assert one_line("abcdef ghij", 8) == "abcdef…"


@pytest.mark.parametrize(
    ("a", "b"), [("caches", "cache"), ("batching", "batched"), ("quickly", "quick"), ("bus", "bus")]
)
def test_stems(a: str, b: str) -> None:
    assert stem(a) == stem(b)


def test_words_are_folded_and_numbers_stay_whole() -> None:
    assert words("ＫＶ-Cache: 1.5x, 10^6 and 2,048 zero\u200bwidth") == [
        *("kv", "cache", "1.5", "x", "10^6", "and", "2,048", "zerowidth")
    ]
    assert fold("Straße") == "strasse"


def test_content_stems_leave_function_words_out() -> None:
    assert content_stems("What happens when the caches grow by 1.5?") == {"cach", "grow", "1.5"}
