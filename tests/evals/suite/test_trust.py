"""The suite tested on itself: false alarms, power, planted damage (the published figures come from longer runs)."""

import json
from pathlib import Path

from evals.suite.baseline import FOLDER
from evals.suite.contract import Subject
from evals.suite.drill import Drill
from evals.suite.gates import demoted, noticed, unmeasured
from evals.suite.subjects import SUBJECTS
from evals.suite.trust import FALSE_ALARM, defects, drill_night, nights, summary, trust_rows


def test_a_night_is_the_same_for_the_same_seed_and_goes_on_where_it_stopped() -> None:
    rows = list(nights(1, []))
    assert list(nights(1, rows)) == []
    assert list(nights(1, rows[1:])) == rows[:1]
    assert summary(rows)["nights on which nothing changed and the verdict was inconclusive"]["of"] == 1


def test_quiet_nights_are_quiet_and_a_large_drop_is_found() -> None:
    quiet = [drill_night(seed, drop=0.0).run() for seed in range(3)]  # the second one holds an alarm by chance
    assert sum(track.done is not None and track.done[0] == "regression" for tracks in quiet for track in tracks) == 0
    loud = [drill_night(seed, drop=0.2).run() for seed in range(2)]
    assert all(tracks[0].done is not None and tracks[0].done[0] == "regression" for tracks in loud)
    for track in [track for tracks in quiet for track in tracks]:
        shown = track.both or track.first
        assert shown is not None
        assert track.done is not None
        assert ("no drop" in track.done[1]) <= (shown.p_worse > 0.05 or shown.difference >= 0), track.done
    others = [track.done for tracks in loud for track in tracks[1:] if track.done is not None]
    assert {verdict for verdict, _ in others} <= {"not worse", "inconclusive"}
    assert all(track.drawn[0] and any(sample.broken for sample in track.drawn[0]) for track in loud[0][2:])


def test_planted_damage_is_caught_and_counted() -> None:
    subjects: list[Subject] = [Drill(sources=40)]
    rows = list(defects(subjects, 2, []))
    assert [row["verdict"] for row in rows] == ["regression", "regression"]
    caught = summary(rows)["defect drill/no-rule caught"]
    assert (caught["hits"], caught["of"]) == (2, 2)
    assert trust_rows(rows)["drill"]["demoted"] == ""


def test_a_gate_that_misses_damage_or_cries_wolf_is_demoted(tmp_path: Path) -> None:
    miss = {"kind": "planted", "subject": "drill", "defect": "no-rule", "model": "qwen", "verdict": "not worse"}
    rows = trust_rows([miss])
    (tmp_path / "trust.json").write_text(json.dumps(rows), encoding="utf-8")
    assert demoted(tmp_path) == {"drill": "it misses the planted defect no-rule on qwen"}
    wolf = {
        "kind": "night",
        "drop": 0.0,
        "seed": 0,
        "regressions": ["a"],
        "alarms": ["a"],
        "p": {"a": 0.01},
        "same": {},
    }
    caught = {**miss, "verdict": "regression"}
    assert "false alarms" in trust_rows([caught, *[{**wolf, "seed": i} for i in range(20)]])["drill"]["demoted"]
    assert summary([wolf])[FALSE_ALARM]["rate"] == 1


def test_a_defect_that_does_no_damage_is_neither_caught_nor_missed() -> None:
    """A small model may ignore the planted sentence; nothing gets worse then, and there is nothing to catch."""
    planted = {"kind": "planted", "subject": "drill", "model": "qwen", "verdict": "inconclusive"}
    heeded = {**planted, "defect": "no-rule", "verdict": "regression", "difference": -0.3, "run": "b"}
    ignored = {**planted, "defect": "hint", "difference": 0.02, "run": "a"}
    undecided = {**planted, "defect": "hint", "difference": -0.09, "run": "d"}
    overlooked = {**undecided, "verdict": "not worse", "run": "c"}
    rows = trust_rows([heeded, ignored, ignored])
    assert rows["drill"]["defects"]["hint on qwen"] == {"caught": 0, "undecided": 0, "inert": 1, "of": 1}, (
        "one run, noted twice"
    )
    assert rows["drill"]["demoted"] == ""
    assert trust_rows([ignored])["drill"]["demoted"] == "no planted defect is caught on qwen"
    assert trust_rows([heeded, undecided])["drill"]["demoted"] == "", "it said that it could not tell"
    assert trust_rows([undecided])["drill"]["demoted"] == "no planted defect is caught on qwen"
    assert trust_rows([heeded, overlooked])["drill"]["demoted"] == "it misses the planted defect hint on qwen"


def test_a_defect_that_was_never_planted_is_told_as_unmeasured(tmp_path: Path) -> None:
    drill = Drill()
    assert noticed(tmp_path, drill, "qwen") == [
        "no-rule on the stochastic model unmeasured",
        "no-rule on qwen unmeasured",
    ]
    assert unmeasured(tmp_path, [drill]) == ["drill: no-rule"]
    counts = {"no-rule on the stochastic model": {"caught": 19, "inert": 1, "of": 20}, "gone on qwen": {"caught": 0}}
    (tmp_path / "trust.json").write_text(json.dumps({"drill": {"defects": counts, "demoted": ""}}), encoding="utf-8")
    assert noticed(tmp_path, drill) == ["no-rule on the stochastic model caught 19 of 20, 1 of them without effect"]
    assert unmeasured(tmp_path, [drill]) == []


def test_every_defect_of_a_prompt_has_a_published_rate_on_our_own_model() -> None:
    subjects = [make() for make in SUBJECTS.values()]
    assert unmeasured(FOLDER, [subject for subject in subjects if subject.uses_chat]) == []


def test_new_trust_runs_add_to_what_is_known() -> None:
    night = {"kind": "night", "drop": 0.0, "seed": 0, "regressions": [], "alarms": [], "p": {"a": 0.5}, "same": {}}
    planted = {"kind": "planted", "subject": "drill", "defect": "no-rule", "model": "qwen"}
    before = trust_rows([night, {**planted, "verdict": "regression", "run": "a"}])
    after = trust_rows([{**planted, "defect": "hint", "verdict": "regression", "run": "b"}], before)
    assert set(after["drill"]["defects"]) == {"no-rule on qwen", "hint on qwen"}
    assert after["suite"] == before["suite"]
    again = trust_rows([{**planted, "verdict": "not worse", "difference": -0.2, "run": "c"}], after)
    assert again["drill"]["demoted"] == "it misses the planted defect no-rule on qwen"
