import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.fusion import ALPHA, ALPHA_CODE, alpha_for, convex, ranked, reciprocal_rank

SCORES = st.dictionaries(st.integers(0, 30), st.floats(0.01, 50), max_size=20)
COSINES = st.dictionaries(st.integers(0, 30), st.floats(-1, 1), max_size=20)


def test_agreement_wins() -> None:
    fused = convex({"a": 9.0, "b": 8.0}, 20.0, {"c": 0.8, "b": 0.75})
    assert ranked(fused)[0] == "b"


def test_weak_words_leave_it_to_the_dense_leg() -> None:
    cosine = {"a": 0.30, "b": 0.55}
    strong = convex({"a": 18.0, "b": 4.0}, 20.0, cosine, alpha=0.5)
    weak = convex({"a": 1.8, "b": 1.5}, 20.0, cosine, alpha=0.5)
    assert ranked(strong)[0] == "a"
    assert ranked(weak)[0] == "b"


def test_one_leg_alone_keeps_its_order() -> None:
    assert ranked(convex({"a": 3.0, "b": 5.0}, 9.0, {})) == ["b", "a"]
    assert ranked(convex({}, 0.0, {"a": 0.1, "b": 0.4})) == ["b", "a"]
    assert convex({}, 0.0, {}) == {}


@given(SCORES, COSINES, st.floats(0, 1))
def test_fused_scores_are_bounded_and_cover_both_legs(
    lexical: dict[int, float], cosine: dict[int, float], alpha: float
) -> None:
    fused = convex(lexical, 100.0, cosine, alpha)
    assert set(fused) == set(lexical) | set(cosine)
    assert all(-1e-9 <= value <= 1 + 1e-9 or not cosine or max(cosine.values()) < 0 for value in fused.values())


@given(SCORES, COSINES, st.floats(0.1, 10))
def test_scale_of_the_lexical_leg_does_not_matter(
    lexical: dict[int, float], cosine: dict[int, float], factor: float
) -> None:
    one = convex(lexical, 100.0, cosine)
    other = convex({k: v * factor for k, v in lexical.items()}, 100.0 * factor, cosine)
    assert one == pytest.approx(other)


def test_reciprocal_rank() -> None:
    fused = reciprocal_rank([["a", "b"], ["b", "c"]], k=60)
    assert fused == pytest.approx({"a": 1 / 61, "b": 1 / 62 + 1 / 61, "c": 1 / 62})


def test_equal_scores_keep_one_order() -> None:
    assert ranked({"b": 1.0, "a": 1.0, "c": 2.0}) == ["c", "a", "b"]


@pytest.mark.parametrize(
    "query", ["what does max_seq_len do", "torch.cat(tensors)", "useEffect cleanup", "`interrupt` twice", "x -> y"]
)
def test_code_like_queries_lean_to_dense(query: str) -> None:
    assert alpha_for(query) == ALPHA_CODE


@pytest.mark.parametrize("query", ["why is decoding memory-bound?", "What is GQA (briefly)?", "ZeRO 1/2/3, explained"])
def test_prose_does_not(query: str) -> None:
    assert alpha_for(query) == ALPHA
