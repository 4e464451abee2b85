"""`study status`: levels, what is pending, focus and milestones, from files alone."""

from pathlib import Path

import pytest

from tests.helpers.study import PASSING, ROADMAP, TOPIC, make_workspace, study


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_workspace(tmp_path / "work")


PLAIN = """\
Track 01  Frameworks  0/1 at L1 or above
  Caching
    L0  Planned   Response caching (TTL, keys)  (response-caching)

Track 02  Infra  0/3 at L1 or above
  Serving
    L0  Planned   KV cache scaling (batch/seq/heads)  (kv-cache-scaling)
    L0  Planned   KV cache: definition  (kv-cache)
    L0  In progress Paged attention  (paged-attention)

Quarter focus
  Q1 focus: caches
  Q2 focus: caches

Milestone A  1/2
  [ ] A server that streams
  [x] A repository

"""


def test_plain(root: Path) -> None:
    ran = study(root, "status")
    assert (ran.code, ran.out, ran.err) == (0, PLAIN, "")


def test_json_has_the_documented_keys(root: Path) -> None:
    ran = study(root, "status", "--json")
    assert ran.code == 0
    (value,) = ran.events
    assert list(value) == ["topics", "pending", "focus", "milestones"]
    assert value["topics"][1] == {
        "id": TOPIC,
        "track": "02-infra",
        "module": "Serving",
        "topic": "KV cache scaling (batch/seq/heads)",
        "level": "L0",
        "status": "Planned",
        "evidence": [],
    }
    assert [topic["module"] for topic in value["topics"]] == ["Caching", "Serving", "Serving", "Serving"]
    assert value["milestones"][0]["bullets"][1] == {"text": "A repository", "checked": True}


def test_what_is_pending(root: Path) -> None:
    proposal = study(root, "quiz", TOPIC, "--json", given=PASSING).result["proposal"]
    out = study(root, "status").out
    assert "Pending: KV cache scaling (batch/seq/heads): L0 → L1\nDecide with `study review`.\n" in out
    (row,) = study(root, "status", "--json").events[0]["pending"]
    assert (row["id"], row["topic"], row["from"], row["to"]) == (proposal, TOPIC, "L0", "L1")


def test_levels_count_by_track(root: Path) -> None:
    text = ROADMAP.replace(
        "| KV cache: definition | L0 | - |", "| KV cache: definition | L2 | [a](a.md)<br>[b](b.md) |"
    )
    (root / "roadmap.md").write_text(text, encoding="utf-8")
    out = study(root, "status").out
    assert "Track 02  Infra  1/3 at L1 or above" in out
    assert "    L2  Planned   KV cache: definition  (kv-cache)  2 links\n" in out


def test_it_reads_files_and_writes_none(root: Path) -> None:
    study(root, "status")
    assert not (root / ".study").exists()


def test_no_workspace(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(empty)
    ran = study(empty, "status", env={"STUDY_ROOT": ""})
    assert ran.code == 3
    assert ran.err.startswith("study: No roadmap.md in ")
    assert ran.err.count("\n") == 1


def test_the_users_own_roadmap_has_44_topics() -> None:
    (value,) = study(Path(__file__).parents[2], "status", "--json").events
    assert len(value["topics"]) == 44
    assert len({topic["id"] for topic in value["topics"]}) == 44
