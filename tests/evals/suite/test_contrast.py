"""`study eval compare`: two stored runs, the same rules as a night's without fresh samples."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from evals.suite.baseline import Baseline, write_baseline
from evals.suite.contrast import Contrast, contrast
from evals.suite.drill import RULE, Drill, NoKey
from evals.suite.home import Home
from tests.helpers.suite import home, model, session, variants

PARTS = {"model": "m", "dataset": "d", "scorer": "s"}
IDS = [case.id for case in Drill().cases()]


def kept(folder: Path, name: str = "drill", *, lost: int = 0, broken: int = 0, repeatable: bool = True) -> None:
    """A run's figures: `lost` items score 0, spread over the notes, and the first `broken` break the invariant."""
    below: dict[str, dict[str, float]] = {}
    cases = Drill(name).cases()
    for case in [case for item in range(4) for case in cases[item::4]][:lost]:
        below.setdefault(case.source, {})[case.id] = 0.0
    known = {NoKey.name: [case.id for case in cases[:broken]]} if broken else {}
    write_baseline(
        Baseline(name, "", "", "", PARTS, repeatable=repeatable, summary={}, known=known, below=below), folder
    )


def compared(place: Home, *names: str) -> list[Contrast]:
    return contrast(place, "released", "baseline", {name: Drill(name) for name in names or ("drill",)})


def between(
    tmp_path: Path, before: Mapping[str, int], after: Mapping[str, int], *, repeatable: bool = True
) -> Contrast:
    place = home(tmp_path)
    for folder, figures in ((place.baselines / "released", before), (place.baselines, after)):
        lost, broken = figures.get("lost", 0), figures.get("broken", 0)
        kept(folder, repeatable=repeatable, lost=lost, broken=broken)
    return compared(place)[0]


def test_a_case_that_breaks_an_invariant_anew_is_a_regression_though_the_figures_are_better(tmp_path: Path) -> None:
    found = between(tmp_path, {"lost": 40, "broken": 2}, {"lost": 0, "broken": 3})
    assert found.verdict == "regression"
    assert found.reason == (
        "an invariant broke: 'the key is never told' does not hold in drill-0-2"
        " (3 of 200 cases, the baseline's 2 of 200)"
    )


def test_what_was_broken_before_is_not_held_against_it(tmp_path: Path) -> None:
    assert between(tmp_path, {"broken": 3}, {"broken": 3}).verdict == "not worse"
    assert between(tmp_path, {"broken": 3}, {"broken": 1}).verdict == "not worse"


@pytest.mark.parametrize(
    ("before", "after", "verdict"), [(0, 2, "inconclusive"), (4, 6, "not worse"), (2, 60, "regression")]
)
def test_where_replies_vary_broken_cases_are_tested(tmp_path: Path, before: int, after: int, verdict: str) -> None:
    found = between(tmp_path, {"broken": before}, {"broken": after}, repeatable=False)
    assert found.verdict == verdict


def test_a_certain_drop_is_named_whatever_its_size(tmp_path: Path) -> None:
    small = between(tmp_path / "small", {}, {"lost": 9})
    assert (small.verdict, "no drop" in small.reason) == ("inconclusive", False)
    assert small.reason.startswith("4.5 points worse (p ")
    large = between(tmp_path / "large", {}, {"lost": 40})
    assert large.verdict == "regression"


def test_two_subjects_divide_the_level_and_see_less(tmp_path: Path) -> None:
    place = home(tmp_path)
    for name in ("one", "two"):
        kept(place.baselines / "released", name)
        kept(place.baselines, name, lost=19 if name == "one" else 0)
    alone, (one, two) = compared(place, "one")[0], compared(place, "one", "two")
    assert one.comparison is not None
    assert alone.comparison is not None
    assert one.comparison.p_worse == alone.comparison.p_worse
    assert one.comparison.detectable >= alone.comparison.detectable
    assert two.verdict == "not worse"


def test_a_demoted_gate_has_no_say_here_either_but_on_invariants(tmp_path: Path) -> None:
    place = home(tmp_path)
    kept(place.baselines / "released")
    kept(place.baselines, lost=40)
    (place.baselines / "trust.json").write_text(json.dumps({"drill": {"demoted": "it misses its defect"}}))
    found = compared(place)[0]
    assert found.verdict == "inconclusive"
    assert found.reason.endswith("but its gate is demoted: it misses its defect")
    kept(place.baselines, lost=40, broken=1)
    assert compared(place)[0].verdict == "regression"


def test_cases_that_one_of_them_lacks_are_left_out(tmp_path: Path) -> None:
    place = home(tmp_path)
    kept(place.baselines / "released")
    broken = {NoKey.name: IDS[:1]}
    write_baseline(
        Baseline("drill", "", "", "", PARTS, repeatable=True, summary={}, known=broken, unmeasured=IDS[:1]),
        place.baselines,
    )
    assert compared(place)[0].verdict == "not worse"


def test_two_runs_on_disk(tmp_path: Path) -> None:
    place, drill, endpoint = home(tmp_path), Drill(), model(greedy=True, rules={RULE: 0.6})
    good = session(place, endpoint, drill).run()
    bad = session(place, endpoint, drill, options=variants(drill, drill.defects[0])).run()
    found = contrast(place, good.id, bad.id, {"drill": drill})[0]
    assert (found.verdict, found.axes) == ("regression", ("template",))
