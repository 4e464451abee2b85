import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agent.domain.citation import Citation, locate, resolve

SOURCE = """# KV cache

- (core) The cache grows **linearly** with the
  sequence length, not quadratically. ^linear
- Set `max_seq_len` to 2*3 blocks; a * b stays.
> A quote that is
> carried on here.
The decoder is unable to skip it.
"""


@pytest.mark.parametrize(
    ("quote", "lines"),
    [
        ("The cache grows linearly with the", (3, 3)),
        ("grows linearly with the sequence length", (3, 4)),
        ("grows **linearly** with the\n  sequence   length", (3, 4)),
        ("Set max_seq_len to 2*3 blocks; a * b stays.", (5, 5)),
        ("A quote that is carried on here.", (6, 7)),
        ("not quadratically. ^linear Set max_seq_len", (4, 5)),
        ("(core) The cache grows", (3, 3)),
        ("- (core) The cache grows", (3, 3)),
    ],
)
def test_quote_is_found_at_its_lines(quote: str, lines: tuple[int, int]) -> None:
    span = resolve(Citation("a.md", 1, 8, quote), SOURCE)
    assert span is not None
    assert (span.start_line, span.end_line) == lines


@pytest.mark.parametrize(
    "quote",
    [
        "the cache grows linearly with",  # case
        "The cache grows quadratically",
        "Set maxseqlen to 2*3 blocks",  # an underscore inside a word is a letter
        "to 23 blocks; a * b stays.",  # so is a star between digits
        "able to skip it.",  # starts inside a word
        "The cache grow",  # ends inside one
        "The cache",  # too short to support anything
        "",
        "****",
    ],
)
def test_quote_that_does_not_stand_there(quote: str) -> None:
    assert resolve(Citation("a.md", 1, 8, quote), SOURCE) is None


@pytest.mark.parametrize(("first", "last"), [(0, 3), (4, 3), (1, 99), (-2, -1), (5, 8), (4, 8)])
def test_wrong_lines(first: int, last: int) -> None:
    assert resolve(Citation("a.md", first, last, "The cache grows linearly with the"), SOURCE) is None


def test_locate_looks_everywhere() -> None:
    span = locate("unable to skip it", SOURCE)
    assert span is not None
    assert SOURCE[span.start : span.end] == "unable to skip it"


WORDS = st.lists(st.text("abcXYZ019äß.,()-_*`", min_size=1, max_size=8), min_size=4, max_size=30)


@given(WORDS, st.lists(st.sampled_from([" ", "\n", "\n- ", "\n> ", "  \n"]), min_size=30, max_size=30), st.data())
def test_what_is_cut_from_the_source_resolves_to_itself(words: list[str], gaps: list[str], data: st.DataObject) -> None:
    source = "".join(word + gap for word, gap in zip(words, gaps, strict=False))
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first, len(words) - 1))
    quote = "".join(w + g for w, g in zip(words[first:last], gaps[first:last], strict=True)) + words[last]
    assume(not quote.startswith(("*", "_", "`", "-", ">")) and not quote.endswith(("*", "_", "`")))
    assume(not re.match(r"\d+[.)]\s", quote))  # at its start, a number in a list is a marker that is passed over
    span = locate(quote, source, min_chars=1)
    if span is None:  # only where nothing but markers remains, or the words are cut elsewhere
        assert not any(c.isalnum() for c in quote) or locate(quote, source, min_chars=0) is None
        assume(False)
    assert span is not None
    found = source[span.start : span.end]
    assert resolve(Citation("a", span.start_line, span.end_line, found), source, min_chars=1) is not None
    assert [c for c in found if c.isalnum()] == [c for c in quote if c.isalnum()]


@given(st.text(max_size=200), st.text(max_size=40))
def test_any_text_is_taken(source: str, quote: str) -> None:
    span = locate(quote, source, min_chars=1)
    if span:
        assert 0 <= span.start < span.end <= len(source)
        assert span.start_line <= span.end_line
