import pytest

from agent.domain.level import Level
from agent.domain.roadmap import Module, Roadmap, Topic, Track


def _topic(id: str, text: str) -> Topic:
    return Topic(id=id, text=text, track="01-t", module="M", level=Level.L0, evidence=(), status="Planned", line=1)


TOPICS = (
    _topic("kv-cache", "KV cache: what it stores + scaling law"),
    _topic("kv-cache-scaling", "KV cache scaling (batch/seq/heads)"),
    _topic("rope", "RoPE: what it changes and why"),
    _topic("zero-1-2-3", "ZeRO-1/2/3: what is partitioned and why"),
)
ROADMAP = Roadmap(tracks=(Track(number=1, title="T", id="01-t", modules=(Module("M", TOPICS),)),))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("kv-cache", ["kv-cache"]),
        ("KV cache", ["kv-cache"]),
        ("KV cache scaling (batch/seq/heads)", ["kv-cache-scaling"]),
        ("kv", ["kv-cache", "kv-cache-scaling"]),
        ("partitioned", ["zero-1-2-3"]),
        ("ZeRO-1/2/3", ["zero-1-2-3"]),
        ("heads cache", ["kv-cache-scaling"]),
        ("what it", ["kv-cache", "rope"]),
        ("flash", []),
        ("", []),
        ("  ", []),
        ("🎉", []),
    ],
)
def test_a_query_finds_an_exact_id_or_all_that_may_be_meant(query: str, expected: list[str]) -> None:
    assert [topic.id for topic in ROADMAP.find(query)] == expected


def test_topics_and_tracks_by_id() -> None:
    assert ROADMAP.topic("rope") is TOPICS[2]
    assert ROADMAP.topic("Rope") is None
    assert ROADMAP.track("01-t") is ROADMAP.tracks[0]
    assert ROADMAP.topics == TOPICS
