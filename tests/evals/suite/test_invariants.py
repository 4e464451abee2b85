"""Invariants: no tolerance where nothing is drawn; where replies vary, both arms are held against each other."""

from pathlib import Path

import pytest

from evals.suite.drill import RULE, Drill, NoKey, harmless, recognise
from evals.suite.endpoint import Asked, StochasticModel
from evals.suite.invariants import CERTAIN, Breaks, verdict_on
from evals.suite.markdown import as_markdown
from evals.suite.transport import Body, Reply
from tests.helpers.suite import home, model, promoted, session, variants

ONE = "drill-4-1"
TOLD = "ANSWER: wrong, as the key says"


class Uneven(StochasticModel):
    """Skill 0.8, but for one question."""

    hard = 0.8

    def chance(self, case: str, prompt: str) -> float:
        return self.hard if case == ONE else 0.8


def telling(system: str, user: str) -> Asked | None:
    """Every flawed reply tells the key once the prompt lacks its rule."""
    asked = recognise(system, user)
    if asked is None or RULE in f"{system}\n{user}":
        return asked
    return Asked(asked.case, asked.good, TOLD)


def telling_once(system: str, user: str) -> Asked | None:
    """The same, for one question only."""
    asked = recognise(system, user)
    return telling(system, user) if asked is not None and asked.case == ONE else asked


@pytest.mark.parametrize("leaky", [1, 10, 100])
def test_a_model_that_breaks_one_now_and_then_turns_no_night_red(tmp_path: Path, leaky: int) -> None:
    place, endpoint, drill = home(tmp_path), model(seed=1), Drill(leaky=leaky)
    promoted(place, endpoint, drill)
    changed = session(place, endpoint, drill, options=variants(drill, harmless())).run()
    unchanged = session(place, endpoint, drill).run()
    assert [night.verdict for night in (changed, unchanged)] == ["not worse", "not worse"]
    shown = changed.subjects[0]
    assert shown.broken == []
    assert list(shown.tolerated) == [NoKey.name]
    assert "As in the baseline, 'the key is never told' does not always hold: " in as_markdown(changed)


def test_one_case_that_breaks_anew_is_drawn_again_in_both_arms_and_convicts(tmp_path: Path) -> None:
    place, drill, endpoint = home(tmp_path), Drill(), Uneven(telling_once)
    endpoint.hard = 0.1
    promoted(place, endpoint, drill)
    result = session(place, endpoint, drill, options=variants(drill, drill.defects[0])).run()
    subject = result.subjects[0]
    assert (result.verdict, result.exit_code) == ("regression", 1)
    assert subject.reason.startswith("an invariant broke: The answer to drill-4-1 tells the key. (")
    assert "of 610 draws, the baseline's 0 of 610, p < 0.001)" in subject.reason
    assert subject.broken == ["The answer to drill-4-1 tells the key."]
    assert subject.samples == 2 * (3 * 200 + 10), "ten more draws of the suspect in both arms"


def test_a_lone_break_is_neither_red_nor_green_where_the_baseline_has_none(tmp_path: Path) -> None:
    place, drill, endpoint = home(tmp_path), Drill(), Uneven(telling_once)
    endpoint.hard = 0.6
    promoted(place, endpoint, drill)
    result = session(place, endpoint, drill, options=variants(drill, drill.defects[0])).run()
    assert (result.verdict, result.exit_code) == ("inconclusive", 10)
    assert "too seldom to tell whether anew: The answer to drill-4-1 tells the key." in result.subjects[0].reason


def test_cases_that_seldom_break_convict_together(tmp_path: Path) -> None:
    place, drill, endpoint = home(tmp_path), Drill(), model(recognise=telling, skill=0.95)
    promoted(place, endpoint, drill)
    result = session(place, endpoint, drill, options=variants(drill, drill.defects[0])).run()
    assert (result.verdict, result.exit_code) == ("regression", 1)
    assert "the baseline's 0 of" in result.subjects[0].reason


def test_a_confirmation_draws_so_both_arms_of_it_are_compared(tmp_path: Path) -> None:
    """A model that repeats itself loses 20 points greedily and none with spread, where both arms break an invariant."""
    drill, place = Drill(leaky=20), home(tmp_path)

    def plain(system: str, user: str) -> Asked | None:
        asked = recognise(system, user)
        return asked and Asked(asked.case, asked.good, "ANSWER: wrong")

    class Warmed(StochasticModel):
        def post(self, body: Body) -> Reply:
            warm = bool(body.get("temperature"))
            self.recognise, self.rules = (recognise, {}) if warm else (plain, {RULE: 0.2})
            return StochasticModel.post(self, body)

    endpoint = Warmed(plain, greedy=True)
    promoted(place, endpoint, drill)
    result = session(place, endpoint, drill, options=variants(drill, drill.defects[0])).run()
    subject = result.subjects[0]
    assert subject.repeatable
    assert subject.fresh is not None
    assert subject.samples > 200 + 2 * 3 * 200, "what broke at the temperature of the confirmation is drawn again"
    assert result.verdict != "regression"
    assert "an alarm was not borne out" in subject.reason


def test_tonights_baseline_arm_counts_where_the_kept_one_is_of_another_machine(tmp_path: Path) -> None:
    place, drill = home(tmp_path), Drill(leaky=200)
    promoted(place, model(greedy=True, skill=1.2), drill)
    elsewhere = model(greedy=True, skill=-1.0)  # other bytes under the same name, and every case breaks in both arms
    result = session(place, elsewhere, drill, options=variants(drill, harmless())).run()
    assert result.subjects[0].broken == []
    assert result.verdict == "not worse"


def test_a_silent_change_that_breaks_one_is_drift(tmp_path: Path) -> None:
    place, drill = home(tmp_path), Drill(leaky=40)
    promoted(place, model(skill=0.97), drill)
    result = session(place, model(skill=0.8), drill).run()
    assert (result.verdict, result.exit_code) == ("invalid", 11)
    assert "environment drift" in result.subjects[0].reason


def test_sentences() -> None:
    seldom = Breaks("never", "It broke.", (1, 600), (0, 600), known=False, p=0.5)
    assert verdict_on(seldom, 0.5) == (
        "inconclusive",
        "an invariant broke, and too seldom to tell whether anew: It broke. (1 of 600 draws, the baseline's 0 of 600)",
    )
    known = Breaks("never", "It broke.", (5, 600), (3, 600), known=True, p=0.4)
    assert verdict_on(known, 0.4) is None
    assert verdict_on(known, CERTAIN) == (
        "regression",
        "an invariant broke: It broke. (5 of 600 draws, the baseline's 3 of 600, p 0.010)",
    )
    assert verdict_on(Breaks("never", "", (0, 600), (9, 600), known=True, p=0.001), 0.001) is None
