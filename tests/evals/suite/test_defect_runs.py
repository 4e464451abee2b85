"""Runs of planted damage: they try the gate and are no figure of the product."""

import json
from pathlib import Path

import pytest

from agent.domain.errors import UsageError
from evals.suite.drill import RULE, Drill
from evals.suite.folders import read_json
from evals.suite.markdown import as_markdown
from evals.suite.page import as_page
from evals.suite.plan import Options
from evals.suite.session import promote
from tests.helpers.suite import home, model, promoted, session

DEFECT = Drill().defects[0]
PLANTED = Options(items=4, full=True, variants={"drill": DEFECT})


def test_planted_damage_is_never_the_baseline_nor_in_the_trend(tmp_path: Path) -> None:
    place, endpoint = home(tmp_path), model(rules={RULE: 0.3})
    whole = promoted(place, endpoint)
    before = read_json(place.folder / "state.json")["measured"]
    damaged = session(place, endpoint, options=PLANTED).run()
    assert damaged.verdict == "regression"
    assert damaged.planted == ["drill: no-rule"]
    with pytest.raises(UsageError, match=r"measured damage \(drill: no-rule\), not the working tree"):
        promote(place, damaged.id, "why not", "2026-11-24")
    assert place.result("latest").id == whole.id
    assert place.result(damaged.id).planted, "by its own id it is there"
    assert {row["run"] for row in place.history()} == {whole.id}
    assert read_json(place.folder / "state.json")["measured"] == before, "the drill itself is as stale as it was"
    for text in (as_markdown(damaged), as_page(damaged)):
        assert "Measured was drill: no-rule, not the working tree" in text
    assert "not the working tree" not in as_markdown(whole)


def test_a_second_trial_of_the_same_damage_is_sampled_anew(tmp_path: Path) -> None:
    place, endpoint = home(tmp_path), model(rules={RULE: 0.3})
    promoted(place, endpoint)
    for _ in range(2):
        asked = endpoint.tries
        session(place, endpoint, options=PLANTED).run()
        assert endpoint.tries - asked > 2 * 3 * 200


def test_a_gate_that_lost_its_say_wins_it_back_by_noticing_the_damage(tmp_path: Path) -> None:
    place, endpoint = home(tmp_path), model(rules={RULE: 0.3})
    promoted(place, endpoint)
    (place.baselines / "trust.json").write_text(json.dumps({"drill": {"demoted": "it misses no-rule"}}))
    result = session(place, endpoint, options=PLANTED).run()
    assert (result.verdict, result.exit_code) == ("regression", 1)
    assert "confirmed" in result.subjects[0].reason


def test_where_only_damage_was_measured_there_is_no_latest_run(tmp_path: Path) -> None:
    place = home(tmp_path)
    session(place, model(), options=PLANTED).run()
    with pytest.raises(UsageError, match="No run of the working tree is finished yet"):
        place.result("latest")
