import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.slug import slugify, split_track, topic_id, track_id, unique_ids


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("KV cache scaling (batch/seq/heads)", "kv-cache-scaling"),
        ("KV cache: what it stores + scaling law", "kv-cache"),
        ("ZeRO-1/2/3: what is partitioned and why", "zero-1-2-3"),
        ("INT8/FP8/4-bit: constraints & trade-offs", "int8-fp8-4-bit"),
        ("Attention, FFN, residuals, normalization", "attention-ffn-residuals-normalization"),
        ("Émile & Straße", "emile-strasse"),
        ("KV 缓存（批量）", "kv-缓存"),
        ("हिन्दी में", "हिन्दी-में"),
        ("がぎぐ", "がぎぐ"),
        ("(only this)", "only-this"),
        ("🎉", "topic"),
        ("", "topic"),
    ],
)
def test_a_row_gives_its_id(text: str, expected: str) -> None:
    assert topic_id(text) == expected


@pytest.mark.parametrize(
    ("heading", "number", "title", "folder"),
    [
        ("Track 02 — Systems, Training & Performance (Infra)", 2, "Systems, Training & Performance (Infra)", None),
        ("track 7: Agents", 7, "Agents", "07-agents"),
        ("Track 11 - Ops", 11, "Ops", "11-ops"),
    ],
)
def test_a_track_heading_is_split(heading: str, number: int, title: str, folder: str | None) -> None:
    assert split_track(heading) == (number, title)
    assert track_id(number, title) == (folder or "02-systems-training-performance")


def test_a_heading_without_a_number_is_all_title() -> None:
    assert split_track(" Tracking progress ") == (None, "Tracking progress")


def test_repeated_ids_get_numbers_and_a_literal_one_keeps_its_own() -> None:
    assert unique_ids(["x", "x", "x-2", "x"]) == ["x", "x-3", "x-2", "x-4"]


@given(st.text())
def test_a_slug_is_its_own_slug(text: str) -> None:
    slug = slugify(text)
    assert slugify(slug) == slug
    assert not set(slug) & set(" /|()[]:.\\\n")


@given(st.lists(st.sampled_from(["a", "a-2", "a-3", "b", "a-2-2"])))
def test_ids_are_unique_and_first_ones_stay(ids: list[str]) -> None:
    result = unique_ids(ids)
    assert len(set(result)) == len(ids)
    assert set(ids) <= set(result)
