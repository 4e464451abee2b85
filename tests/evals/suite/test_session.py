"""Whole runs on disk against our own endpoint: verdicts, exit codes, budget, promotion, crash."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent.domain.errors import BusyError, UsageError
from agent.ports import Chat
from evals.suite.baseline import read_baseline
from evals.suite.contract import Case, Value, Variant
from evals.suite.drill import RULE, TEMPLATE, Drill, harmless
from evals.suite.endpoint import StochasticModel
from evals.suite.markdown import headline
from evals.suite.plan import Options
from evals.suite.result import RunResult
from evals.suite.session import promote
from evals.suite.transport import Body, Reply
from graphs.prompts import replaced, template_text
from tests.helpers.suite import Days, figures, home, model, promoted, session, variants

REPO = Path(__file__).resolve().parents[3]


def test_a_first_run_is_inconclusive_and_can_be_promoted(tmp_path: Path) -> None:
    place = home(tmp_path)
    result = session(place, model()).run()
    assert (result.verdict, result.exit_code) == ("inconclusive", 10)
    assert "no baseline" in result.subjects[0].reason
    with pytest.raises(UsageError, match="needs a reason"):
        promote(place, "latest", " ", "2026-11-24")
    written = promote(place, "latest", "first figures", "2026-11-24", released=True)
    assert [path.parent.name for path in written] == ["baselines", "released"]
    baseline = read_baseline("drill", place.baselines)
    assert baseline is not None
    assert (baseline.why, baseline.repeatable, baseline.run) == ("first figures", False, result.id)
    assert baseline.variant.templates == {TEMPLATE: template_text(TEMPLATE)}
    text = written[0].read_text(encoding="utf-8")
    assert len(text) < 20_000
    assert max(map(len, text.split("\n"))) < 700, "readable in a diff"


def test_a_harmless_change_is_not_worse_and_says_what_it_would_have_seen(tmp_path: Path) -> None:
    place, drill = home(tmp_path), Drill()
    promoted(place, model(seed=1))
    result = session(place, model(seed=1), options=variants(drill, harmless())).run()
    subject = result.subjects[0]
    assert (result.verdict, result.exit_code) == ("not worse", 0)
    assert subject.axes == ("template",)
    assert subject.first is not None
    assert 0.02 < subject.first.detectable < 0.1
    assert f"a drop of {100 * subject.first.detectable:.1f} points would have been seen" in subject.reason
    assert subject.first.items == 200
    assert subject.same_p is not None


def test_a_real_drop_is_confirmed_with_fresh_samples_of_both_arms(tmp_path: Path) -> None:
    place, drill = home(tmp_path), Drill()
    endpoint = model(rules={RULE: 0.2})
    promoted(place, endpoint)
    result = session(place, endpoint, options=variants(drill, drill.defects[0])).run()
    subject = result.subjects[0]
    assert (result.verdict, result.exit_code) == ("regression", 1)
    assert subject.fresh is not None
    assert subject.both is not None
    assert subject.both.difference == pytest.approx(-0.2, abs=0.05)
    assert subject.samples == 4 * 3 * 200  # first and fresh, two arms, three repeats
    assert subject.worst
    assert "Say something" in subject.worst[0].trace[0]["request"]
    assert all("sealed" not in worst.case for worst in subject.worst)


def test_a_drop_within_the_margin_is_named_and_never_called_none(tmp_path: Path) -> None:
    place, drill = home(tmp_path), Drill(sources=150)
    endpoint = model(rules={RULE: 0.04}, seed=1)
    promoted(place, endpoint, drill)
    subject = session(place, endpoint, drill, options=variants(drill, drill.defects[0])).run().subjects[0]
    assert subject.fresh is not None
    assert subject.both is not None
    assert subject.fresh.p_worse < 0.05
    assert -0.05 < subject.both.difference < -0.02
    assert subject.verdict == ("not worse" if subject.both.low >= -0.05 else "inconclusive")
    size = f"{-100 * subject.both.difference:.1f} points worse"
    assert subject.reason.startswith("an alarm was borne out (")
    assert f"): {size} (p < 0.001), anything from 2.1 to 5.4, where a regression begins at 5" in subject.reason


def test_an_improvement_is_named(tmp_path: Path) -> None:
    place, drill = home(tmp_path), Drill()
    endpoint = model(skill=0.6, rules={"Be exact": 0.2})
    promoted(place, endpoint)
    better = Variant("better", {TEMPLATE: template_text(TEMPLATE).replace(RULE, f"Be exact. {RULE}")})
    result = session(place, endpoint, options=variants(drill, better)).run()
    assert result.verdict == "not worse"
    assert result.subjects[0].reason.startswith("better")


def test_a_repeatable_model_that_changed_nothing_is_settled_by_its_canary(tmp_path: Path) -> None:
    place, endpoint = home(tmp_path), model(greedy=True)
    promoted(place, endpoint)
    asked = endpoint.tries
    result = session(place, endpoint).run()
    assert result.verdict == "not worse"
    assert "20 of 20 outputs are the baseline's byte for byte" in result.subjects[0].reason
    assert endpoint.tries == asked + 20, "the canary is asked anew, and nothing else"


def test_few_items_that_all_came_out_the_same_are_not_worse_and_not_called_blind(tmp_path: Path) -> None:
    place, endpoint, few = home(tmp_path), model(greedy=True), Drill(sources=30)
    once = Options(items=1, full=True)
    promoted(place, endpoint, few, options=once)
    result = session(place, endpoint, few, options=once).run()
    subject = result.subjects[0]
    assert subject.first is not None
    assert subject.first.detectable > 0.1, "a test on so few items could not have seen a drop of ten points"
    assert (result.verdict, result.exit_code) == ("not worse", 0)
    assert subject.reason == f"nothing that decides has changed, and all {subject.first.items} scores came out the same"


def test_other_bytes_under_the_same_fingerprint_are_drift_and_no_regression(tmp_path: Path) -> None:
    place = home(tmp_path)
    promoted(place, model(greedy=True))
    changed = model(greedy=True, skill=0.3)  # the same name and build, and other answers
    result = session(place, changed).run()
    assert (result.verdict, result.exit_code) == ("invalid", 11)
    assert "environment drift" in result.subjects[0].reason


def test_a_repeatable_model_keeps_its_baseline_arm_and_confirms_with_spread(tmp_path: Path) -> None:
    place, drill, endpoint = home(tmp_path), Drill(), model(greedy=True, rules={RULE: 0.3})
    promoted(place, endpoint)
    result = session(place, endpoint, options=variants(drill, drill.defects[0])).run()
    subject = result.subjects[0]
    assert result.verdict == "regression"
    assert subject.repeatable
    assert subject.samples == 200 + 2 * 3 * 200  # one greedy sample of the candidate; then both arms, three draws


def test_a_silent_change_of_a_varying_endpoint_is_drift(tmp_path: Path) -> None:
    place = home(tmp_path)
    promoted(place, model())
    quiet = session(place, model()).run()
    assert quiet.verdict == "not worse"
    result = session(place, model(skill=0.5)).run()
    assert (result.verdict, result.exit_code) == ("invalid", 11)
    assert "environment drift" in result.subjects[0].reason


def test_on_another_machine_a_changed_prompt_is_measured_in_both_arms(tmp_path: Path) -> None:
    place, drill = home(tmp_path), Drill()
    promoted(place, model(greedy=True, skill=0.9))
    elsewhere = model(greedy=True, skill=0.6, rules={RULE: 0.2})  # other bytes under the same name
    result = session(place, elsewhere, options=variants(drill, drill.defects[0])).run()
    subject = result.subjects[0]
    assert result.verdict == "regression"
    assert "measured anew" in subject.canary
    assert subject.first is not None
    assert subject.first.baseline == pytest.approx(0.6, abs=0.06)


def test_only_what_has_changed_is_measured_when_asked(tmp_path: Path) -> None:
    place, endpoint = home(tmp_path), model(greedy=True)
    drills = [Drill(name, sources=20) for name in ("one", "two")]
    promoted(place, endpoint, *drills)
    asked = endpoint.tries
    nothing = session(place, endpoint, *drills, changed_only=True).run()
    assert (nothing.verdict, nothing.exit_code, endpoint.tries) == ("not worse", 0, asked)
    one = Options(items=4, variants={"one": harmless()})
    result = session(place, endpoint, *drills, options=one, changed_only=True).run()
    assert [subject.name for subject in result.subjects] == ["one"]


def test_another_model_needs_its_axis(tmp_path: Path) -> None:
    place = home(tmp_path)
    promoted(place, model())
    other = model(name="another", skill=0.5)
    result = session(place, other).run()
    assert (result.verdict, result.exit_code) == ("invalid", 11)
    assert "differs in model" in result.subjects[0].reason
    named = session(place, other, options=Options(items=4, axis="model")).run()
    assert named.verdict == "regression"


@pytest.mark.parametrize("greedy", [True, False])
def test_whether_another_model_repeats_itself_is_tried_and_not_assumed(tmp_path: Path, greedy: bool) -> None:
    place = home(tmp_path)
    promoted(place, model(greedy=not greedy))
    other = model(name="another", greedy=greedy)
    subject = session(place, other, options=Options(items=4, axis="model")).run().subjects[0]
    assert subject.repeatable is greedy
    assert subject.canary.endswith("outputs came out the same bytes twice")
    assert subject.fingerprint["sampler"] == ("greedy" if greedy else "t=0×3")
    assert subject.first is not None
    repeats = 1 if greedy else 3
    assert subject.samples >= repeats * subject.first.items


@pytest.mark.parametrize("lasting", [True, False])
def test_an_endpoint_that_fails_a_twentieth_of_the_calls_ends_invalid(tmp_path: Path, lasting: bool) -> None:
    place, drill = home(tmp_path), Drill()
    promoted(place, model())
    result = session(place, model(fails=0.05, lasting=lasting), options=variants(drill, harmless())).run()
    assert (result.verdict, result.exit_code) == ("invalid", 11)
    assert ("unmeasured" if lasting else "failed") in result.subjects[0].reason


def test_the_budget_stops_and_the_next_run_goes_on(tmp_path: Path) -> None:
    place, drill, endpoint = home(tmp_path), Drill(), model(seed=1)
    promoted(place, endpoint)
    options = variants(drill, harmless())
    asked, ticks = endpoint.tries, iter(range(100_000))
    cut = session(place, endpoint, options=options, budget_minutes=5, timer=lambda: float(next(ticks))).run()
    assert (cut.verdict, cut.exit_code) == ("budget spent", 12)
    assert "the next run goes on" in cut.subjects[0].reason
    first = endpoint.tries - asked
    assert 50 < first < 300
    whole = session(place, endpoint, options=options).run()
    assert whole.verdict == "not worse"
    assert endpoint.tries - asked == 1200, "what was sampled before is not sampled again"
    undisturbed = home(tmp_path / "other")
    promoted(undisturbed, model(seed=1))
    once = session(undisturbed, model(seed=1), options=options).run()
    assert whole.subjects[0].first == once.subjects[0].first


def test_a_subject_without_a_model_goes_on_too(tmp_path: Path) -> None:
    class Silent(Drill):
        uses_chat = False
        runs = 0

        def run(self, case: Case, chat: Chat, options: Mapping[str, str]) -> Value:
            Silent.runs += 1
            return {"answer": "right"}

    place, ticks = home(tmp_path), iter(range(100_000))
    cut = session(place, model(), Silent(), budget_minutes=5, timer=lambda: float(next(ticks))).run()
    assert cut.verdict == "budget spent"
    first = Silent.runs
    assert 50 < first < 200
    whole = session(place, model(), Silent()).run()
    assert whole.subjects[0].complete
    assert Silent.runs == 200, "what was measured before is not measured again"


def test_no_sample_is_begun_that_would_end_after_the_budget(tmp_path: Path) -> None:
    endpoint, now = model(), [0.0]

    class Slow(StochasticModel):
        def post(self, body: Body) -> Reply:
            now[0] += 11.0  # seconds a reply, as of the embedded model on two cores
            return StochasticModel.post(self, body)

    slow = Slow(endpoint.recognise)
    result = session(home(tmp_path), slow, budget_minutes=2, timer=lambda: now[0], began=-30.0).run()
    assert result.verdict == "budget spent"
    assert now[0] <= 90, "half a minute went into loading"
    assert slow.tries == 8


def test_a_changed_prompt_that_was_not_reached_is_never_green(tmp_path: Path) -> None:
    place, endpoint = home(tmp_path), model(greedy=True, skill=2)
    drills = [Drill(name, sources=20) for name in ("one", "two")]
    promoted(place, endpoint, *drills)

    def night(*changed: str) -> RunResult:
        """Time for one prompt: twenty items of its canary, eighty of the new arm, a second each."""
        seconds, options = 20 + 80 + 1, Options(items=4, variants={name: stressed(len(changed)) for name in changed})
        timer = lambda: float(endpoint.tries)  # noqa: E731
        return session(place, endpoint, *drills, options=options, budget_minutes=seconds / 60, timer=timer).run()

    cut = night("one", "two")
    assert [(s.name, s.verdict) for s in cut.subjects] == [("one", "not worse")]
    assert (cut.not_reached, cut.verdict, cut.exit_code) == (["two"], "budget spent", 12)
    assert headline(cut) == "Exit code 12. Not all that has changed was measured; not reached: two."
    rotating = night("one")
    assert rotating.not_reached == ["two"]
    assert (rotating.verdict, rotating.exit_code) == ("not worse", 0), "what has not changed waits for its night"


def stressed(marks: int) -> Variant:
    """A change that cannot matter, another one for every number."""
    return Variant("stressed", {TEMPLATE: template_text(TEMPLATE).replace(RULE, RULE + "!" * marks)})


def test_changed_prompts_come_first_then_the_stalest(tmp_path: Path) -> None:
    place, endpoint = home(tmp_path), model(greedy=True)
    drills = [Drill(name, sources=20) for name in ("one", "two", "three")]
    promoted(place, endpoint, *drills)
    clock = Days()
    clock.seconds = 10_000
    session(place, endpoint, drills[0], clock=clock).run()
    clock.seconds += 10_000
    session(place, endpoint, drills[2], clock=clock).run()
    clock.seconds += 10_000
    changed = Options(items=4, variants={"three": harmless()})
    result = session(place, endpoint, *drills, options=changed, clock=clock).run()
    assert [subject.name for subject in result.subjects] == ["three", "two", "one"]


class Poisoned(Drill):
    """Breaks an invariant on one case."""

    class _Never:
        name = "never poisoned"

        def broken(self, case: Case, value: Value) -> str:
            return f"{case.id} is poisoned." if case.id == "drill-4-1" and value["answer"] == "right" else ""

    invariants = (_Never(),)


def test_an_invariant_has_no_tolerance_but_for_what_was_known(tmp_path: Path) -> None:
    place, endpoint = home(tmp_path), model(skill=1.2)
    promoted(place, endpoint)
    result = session(place, endpoint, Poisoned(), options=Options(items=4, variants={"drill": harmless()})).run()
    assert (result.verdict, result.exit_code) == ("regression", 1)
    assert result.subjects[0].broken == ["drill-4-1 is poisoned."]
    known = home(tmp_path / "known")
    promoted(known, endpoint, Poisoned())
    again = session(known, endpoint, Poisoned(), options=Options(items=4, variants={"drill": harmless()})).run()
    assert again.verdict == "not worse"
    assert again.subjects[0].known_broken == 1


def test_a_leaked_case_is_never_measured(tmp_path: Path) -> None:
    place, drill, endpoint = home(tmp_path), Drill(), model()
    promoted(place, endpoint)
    asked = endpoint.tries
    long = "one two three four five six seven eight nine"
    drill._cases[0] = Case("drill-0-0", "drill-0", "sealed", {"question": long}, marker=long)
    leaking = Variant("leak", {TEMPLATE: template_text(TEMPLATE).replace(RULE, f"{RULE}. {long.upper()}!")})
    result = session(place, endpoint, drill, options=variants(drill, leaking)).run()
    assert (result.verdict, result.exit_code) == ("invalid", 11)
    assert "leaked" in result.subjects[0].reason
    assert endpoint.tries == asked


def test_a_demoted_gate_reports_and_does_not_fail(tmp_path: Path) -> None:
    place, drill, endpoint = home(tmp_path), Drill(), model(rules={RULE: 0.3})
    promoted(place, endpoint)
    (place.baselines / "trust.json").write_text(json.dumps({"drill": {"demoted": "it misses its defect"}}))
    with replaced(drill.defects[0].templates):
        result = session(place, endpoint).run()
    assert (result.verdict, result.exit_code) == ("inconclusive", 10)
    assert "its gate is demoted: it misses its defect" in result.subjects[0].reason


def test_the_released_baseline_shows_a_slow_slide(tmp_path: Path) -> None:
    place, drill = home(tmp_path), Drill()
    released = session(place, model(skill=0.9)).run()
    (written, _) = promote(place, released.id, "release", "2026-11-01", released=True)
    written.unlink()
    promoted(place, model(skill=0.8))  # many small steps down later
    now = session(place, model(skill=0.8), options=variants(drill, harmless())).run()
    subject = now.subjects[0]
    assert now.verdict == "not worse"
    assert subject.released is not None
    assert subject.released.difference == pytest.approx(-0.1, abs=0.04)


def test_two_runs_at_once_are_refused(tmp_path: Path) -> None:
    place = home(tmp_path)
    with place.held(), pytest.raises(BusyError, match="at work"):
        session(place, model()).run()


def test_a_promotion_needs_every_item(tmp_path: Path) -> None:
    place, drill, endpoint = home(tmp_path), Drill(), model(greedy=True)
    promoted(place, endpoint)
    only_canary = session(place, endpoint).run()
    with pytest.raises(UsageError, match="--full"):
        promote(place, only_canary.id, "why", "2026-11-24")
    few = session(place, endpoint, options=Options(items=4, sources=12, full=True)).run()
    assert few.subjects[0].metrics["right"].items == 48, "12 of the sources, always the same"
    with pytest.raises(UsageError, match="--full"):
        promote(place, few.id, "why", "2026-11-24")
    whole = session(place, endpoint, options=Options(items=4, full=True)).run()
    assert whole.verdict == "not worse"
    assert promote(place, whole.id, "why", "2026-11-24")
    assert read_baseline(drill.name, place.baselines)


def test_after_cases_and_code_changed_a_new_baseline_is_measured_anew(tmp_path: Path) -> None:
    place, endpoint = home(tmp_path), model(greedy=True)
    promoted(place, endpoint)
    grown = Drill(per_source=5)
    grown.code = ("evals.suite.endpoint",)
    options = Options(items=5, full=True)
    refused = session(place, endpoint, grown, options=options).run()
    assert refused.exit_code == 11
    assert "use --anew and promote" in refused.subjects[0].reason
    with pytest.raises(UsageError):
        promote(place, refused.id, "more cases", "2026-11-24")
    anew = session(place, endpoint, grown, options=Options(items=5, anew=True)).run()
    assert (anew.exit_code, anew.subjects[0].metrics["right"].items) == (10, 250)
    promote(place, anew.id, "more cases", "2026-11-24")
    assert session(place, endpoint, grown, options=options).run().exit_code == 0


KILLED = """
import sys
from pathlib import Path
from evals.suite.drill import Drill, RULE, recognise
from tests.helpers.suite import home, session, variants
from evals.suite.endpoint import StochasticModel

class Loud(StochasticModel):
    def post(self, body):
        print(self.tries, flush=True)
        return StochasticModel.post(self, body)

endpoint = Loud(recognise, rules={RULE: 0.15})
drill = Drill()
session(home(Path(sys.argv[1])), endpoint, options=variants(drill, drill.defects[0])).run()
"""


def test_a_run_killed_in_the_middle_ends_with_the_same_figures(tmp_path: Path) -> None:
    drill, endpoint = Drill(), model(rules={RULE: 0.15})
    results = []
    for name in ("killed", "undisturbed"):
        place = home(tmp_path / name)
        promoted(place, model(rules={RULE: 0.15}))
        if name == "killed":
            _kill_after(700, tmp_path / name)
            assert len(place.runs()) == 1
        running = session(place, endpoint, options=variants(drill, drill.defects[0]))
        results.append(running.run())
        assert running.resumed == (name == "killed")
    assert figures(results[0]) == figures(results[1])


def _kill_after(requests: int, folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder)], cwd=REPO, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(REPO)},
    )  # fmt: skip
    assert process.stdout is not None
    deadline = time.monotonic() + 60
    for line in process.stdout:
        if int(line) >= requests or time.monotonic() > deadline:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
