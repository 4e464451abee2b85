"""`study plan` on a workspace: lines with reasons, and JSON."""

from pathlib import Path

import pytest

from tests.helpers.study import PASSING, TOPIC, answers, make_workspace, study, tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_workspace(tmp_path / "work")


def test_a_plain_week(root: Path) -> None:
    before = tree(root)
    ran = study(root, "plan", "--hours", "1")
    assert ran.code == 0
    assert ran.out.startswith("This week: 0 h 30 min of 1 hours\n")
    assert "   30 min  quiz      KV cache scaling (batch/seq/heads)\n" in ran.out
    assert f"study quiz {TOPIC}\n" in ran.out
    assert tree(root) == before


def test_what_waits_and_what_is_begun(root: Path) -> None:
    study(root, "quiz", TOPIC, "--json", given=answers("good", "good", "/quit"))
    (item,) = study(root, "plan", "--json").events[0]["items"]
    assert (item["topic"], item["minutes"]) == (TOPIC, 15)
    assert "2 of 4 core claims are explained and count until" in item["reason"]
    study(root, "quiz", TOPIC, "--json", given=PASSING)
    made = study(root, "plan", "--json").events[0]
    assert made["items"][0]["kind"] == "decide"
    assert made["minutes"] == sum(i["minutes"] for i in made["items"])


@pytest.mark.parametrize("hours", ["0", "-1", "1e9", "nan"])
def test_no_such_week(root: Path, hours: str) -> None:
    ran = study(root, "plan", f"--hours={hours}")
    assert (ran.code, "between 0 and 100 hours" in ran.err) == (2, True), ran.err
