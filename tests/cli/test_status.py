"""`study status`: levels, what is pending, focus and milestones, from files alone."""

from pathlib import Path

import pytest

from agent.app.review import catch_up
from agent.domain.proposal import Decision
from tests.helpers.fakes import FakeClock
from tests.helpers.sittings import attempt, later, quiz_note, right
from tests.helpers.study import PASSING, ROADMAP, TOPIC, make_workspace, study
from tests.helpers.workspaces import make_app, record_pass
from tests.helpers.workspaces import make_workspace as make_small


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
  [x] A repository  (by hand)

"""


def test_plain(root: Path) -> None:
    ran = study(root, "status")
    assert (ran.code, ran.out, ran.err) == (0, PLAIN, "")


def test_json_has_the_documented_keys(root: Path) -> None:
    ran = study(root, "status", "--json")
    assert ran.code == 0
    (value,) = ran.events
    assert list(value) == ["topics", "pending", "focus", "milestones", "history", "next_gates"]
    assert value["topics"][1] == {
        "id": TOPIC,
        "track": "02-infra",
        "module": "Serving",
        "topic": "KV cache scaling (batch/seq/heads)",
        "level": "L0",
        "status": "Planned",
        "evidence": [],
        "retrievability": None,
        "due": None,
    }
    assert [topic["module"] for topic in value["topics"]] == ["Caching", "Serving", "Serving", "Serving"]
    assert value["milestones"][0]["bullets"][1] == {
        "text": "A repository",
        "checked": True,
        "number": "1.2",
        "state": "by hand",
    }


def test_what_is_pending(root: Path) -> None:
    proposal = study(root, "quiz", TOPIC, "--json", given=PASSING).result["proposal"]
    out = study(root, "status").out
    assert "Pending: KV cache scaling (batch/seq/heads): L0 → L1\nDecide with `study review`.\n" in out
    (row,) = study(root, "status", "--json").events[0]["pending"]
    assert (row["id"], row["topic"], row["from"], row["to"]) == (proposal, TOPIC, "L0", "L1")


def test_what_was_earned_and_what_is_left_of_it(tmp_path: Path) -> None:
    workspace = make_small(tmp_path / "small")
    app = make_app(workspace.root, clock=FakeClock(later(-60)), commit=False)
    record_pass(workspace, attempt(quiz_note(), [right] * 9, start=later(-60)))
    catch_up(app)
    for proposal in app.promotions.pending():
        app.promotions.decide(proposal.id, Decision(type="approve"))
    out = study(workspace.root, "status").out
    assert "1 link  recalled " in out
    assert "%, due " in out
    assert "Latest levels\n  2026-09-24  KV cache scaling (batch/seq/heads): L0 → L1\n" in out
    assert "Next gates\n  KV cache scaling (batch/seq/heads): L2 lacks 1 of 2, first a lab folder" in out
    assert "Due for a re-check: 1; `study due` lists them." in out
    value = study(workspace.root, "status", "--json").events[0]
    (row,) = (topic for topic in value["topics"] if topic["due"])
    assert (row["id"], row["level"]) == (TOPIC, "L1")
    assert 0 < row["retrievability"] < 0.7
    assert [step["to"] for step in value["history"]] == ["L1"]
    assert [gate["level"] for gate in value["next_gates"]] == ["L2"]


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
