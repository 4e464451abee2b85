"""Copy detection tells runs taken from a passage from shared terms."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain import copying
from agent.domain.copying import detect_copying, fold, words_of

CLAIM = (
    "Decoding is usually limited by memory bandwidth, not by arithmetic: each step reads all weights and the "
    "whole KV cache from GPU memory while doing only a few operations per byte read."
)
OTHER = (
    "Sliding-window attention layers keep only the last W tokens, so the KV cache of such a layer stops growing "
    "once the sequence is longer than the window."
)


@pytest.mark.parametrize(
    "answer",
    [
        CLAIM,
        CLAIM.upper().replace(",", " ;"),
        CLAIM.replace("e", "\u0435").replace("o", "\u043e"),
        "\u200b".join(CLAIM),
        CLAIM.replace("usually limited", "usually always limited").replace("whole KV", "entire KV"),
        CLAIM.replace("each step reads all weights", "each step it reads all of the weights"),
        "I think that " + CLAIM[:110],
        CLAIM.replace("memory bandwidth", "\uff4d\uff45\uff4d\uff4f\uff52\uff59 bandwidth"),
    ],
    ids=["same", "case", "homoglyph", "zero-width", "insertion", "inserted-twice", "half", "fullwidth"],
)
def test_copied(answer: str) -> None:
    found = detect_copying(answer, [OTHER, CLAIM])
    assert found.is_copied
    assert found.share > 0.6
    assert all(span in answer for span in found.spans)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "memory bandwidth",
        "The GPU waits for its memory: every new token streams the weights and the cached keys once, with hardly "
        "any math per byte, so bandwidth and not FLOPs sets the speed.",
        "Because it is limited by memory bandwidth. All the weights have to be moved for one token.",
        "kv cache memory bandwidth arithmetic weights gpu operations byte step decoding",
        "Only the last W tokens stay in a sliding window layer and so its cache is flat after that.",
    ],
)
def test_own_words(answer: str) -> None:
    assert not detect_copying(answer, [CLAIM, OTHER]).is_copied


def test_long_own_answer_with_a_quotation_is_not_copied_but_shows_the_span() -> None:
    own = "My reasoning goes like this. Every token needs a full pass over the parameters and that is slow. " * 3
    found = detect_copying(own + OTHER[:90], [OTHER])
    assert not found.is_copied
    assert found.spans
    assert found.spans[0] in OTHER


@given(st.text(max_size=80), st.text(max_size=80))
def test_spans_are_exact_and_the_share_is_a_share(answer: str, passage: str) -> None:
    found = detect_copying(answer, [passage])
    assert 0.0 <= found.share <= 1.0
    assert all(span in answer for span in found.spans)


@given(st.text(max_size=120))
def test_words_stand_where_they_say(text: str) -> None:
    last = 0
    for word in words_of(text):
        assert last <= word.start < word.end <= len(text)
        assert word.form
        last = word.end


def test_fold_undoes_disguises() -> None:
    assert fold("\u0421\u0430\u0441h\u0435\u200b \ufb01ne CAF\u00c9") == "cache fine cafe"


RETOUCHED = "Plain RoPE leaves the length of each query and key vector unchanged and alters only its direction."


@pytest.mark.parametrize(
    ("answer", "copied"),
    [
        (
            "Plain RoPE leaves this length of every query and key vector unchanged and it alters just the direction.",
            True,
        ),
        (
            "RoPE just turns the query and the key; each vector keeps its length, and the direction is what changes.",
            False,
        ),
        ("The length of a query or key vector is unchanged, since a rotation alters its direction and no more.", False),
    ],
)
def test_other_function_words_do_not_hide_a_copy(answer: str, copied: bool) -> None:
    assert detect_copying(answer, [RETOUCHED]).is_copied is copied


@given(st.text(alphabet=string.printable + "’é", max_size=60))
def test_plain_text_is_read_as_any_other(text: str) -> None:
    """Words and folding of ASCII take a short way, which must come to the same."""
    assert words_of(text) == copying._words_of_any(text)
    assert copying.fold(text) == copying._fold_any(text)
