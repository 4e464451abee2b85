"""The canary's bytes hold on one kind of processor: elsewhere they are no drift, and both arms are measured."""

import platform
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent.ports import Chat
from evals.suite.baseline import read_baseline
from evals.suite.contract import Case, Value
from evals.suite.drill import RULE, Drill, harmless
from evals.suite.endpoint import StochasticModel
from evals.suite.home import Home
from evals.suite.plan import Options
from evals.suite.processor import processor
from evals.suite.result import RunResult
from evals.suite.session import promote
from tests.helpers.suite import home, model, promoted, session, variants

FULL = Options(items=4, full=True)


def on(kind: str, **fields: float) -> StochasticModel:
    return model(greedy=True, processor=kind, **fields)


@pytest.mark.parametrize("made_on", ["avx512", ""], ids=["another kind", "a baseline that does not say"])
def test_other_bytes_of_another_processor_are_no_drift(tmp_path: Path, made_on: str) -> None:
    place, here = home(tmp_path), on("avx2", skill=0.5)
    promoted(place, on(made_on, skill=0.9))
    result = session(place, here).run()
    subject = result.subjects[0]
    assert (result.verdict, result.exit_code) == ("not worse", 0)
    assert "nothing that decides has changed" in subject.reason
    assert "made on another kind of processor" in subject.reason
    assert here.tries == 20, "the canary, and nothing else"
    assert subject.axes == (), "a processor is no change of ours"


def test_other_bytes_of_the_same_processor_are_drift(tmp_path: Path) -> None:
    place = home(tmp_path)
    promoted(place, on("avx512", skill=0.9))
    result = session(place, on("avx512", skill=0.5)).run()
    assert (result.verdict, result.exit_code) == ("invalid", 11)
    assert "environment drift" in result.subjects[0].reason


def test_a_processor_is_held_against_what_it_gave_at_the_last_run(tmp_path: Path) -> None:
    place = home(tmp_path)
    promoted(place, on("avx512", skill=0.9))

    def night(skill: float) -> RunResult:
        return session(place, on("avx2", skill=skill)).run()

    assert [night(0.5).exit_code, night(0.5).exit_code] == [0, 0]
    drifted = night(0.2)
    assert drifted.exit_code == 11
    assert "are not what this processor gave at the last run" in drifted.subjects[0].reason
    assert night(0.2).exit_code == 0, "told once"


def test_a_changed_prompt_is_measured_in_both_arms_on_another_processor(tmp_path: Path) -> None:
    place, drill = home(tmp_path), Drill()
    promoted(place, on("avx512", skill=0.9))
    result = session(place, on("avx2", skill=0.6), options=variants(drill, harmless())).run()
    subject = result.subjects[0]
    assert result.verdict == "not worse"
    assert "the baseline's arm is measured anew" in subject.canary
    assert subject.first is not None
    assert subject.first.baseline == pytest.approx(0.6, abs=0.06), "and not the 0.9 of the other processor"
    worse = model(greedy=True, processor="avx2", skill=0.6, rules={RULE: 0.2})
    assert session(place, worse, options=variants(drill, drill.defects[0])).run().verdict == "regression"


def test_a_whole_run_there_can_be_promoted_and_names_its_processor(tmp_path: Path) -> None:
    place, here = home(tmp_path), on("avx2", skill=0.5)
    promoted(place, on("", skill=0.9))
    whole = session(place, here, options=FULL).run()
    assert whole.verdict == "not worse"
    assert "both arms are measured here" in whole.subjects[0].canary
    promote(place, whole.id, "figures of this machine", "2026-11-24")
    written = read_baseline("drill", place.baselines)
    assert written is not None
    assert written.fingerprint["processor"] == "avx2"
    assert "20 of 20" in session(place, here).run().subjects[0].reason
    assert _verdict(place, on("avx2", skill=0.8)) == "invalid", "from now on its bytes are witnesses"


def _verdict(place: Home, endpoint: StochasticModel) -> str:
    return session(place, endpoint).run().verdict


def test_a_subject_without_a_model_that_scores_otherwise_there_is_not_called_worse(tmp_path: Path) -> None:
    class Scores(Drill):
        """A component of our own: what it gives depends on the machine."""

        uses_chat = False
        right = 4

        def versions(self) -> dict[str, str]:
            return {"processor": "avx512" if Scores.right == 4 else "avx2"}

        def run(self, case: Case, chat: Chat, options: Mapping[str, str]) -> Value:
            place = int(case.id.rpartition("-")[2])
            return {"answer": "right" if place < Scores.right else "wrong"}

    place = home(tmp_path)
    promoted(place, model(), Scores())
    Scores.right = 3
    canary = session(place, model(), Scores()).run()
    assert (canary.verdict, canary.exit_code) == ("not worse", 0)
    whole = session(place, model(), Scores(), options=FULL).run()
    assert (whole.verdict, whole.exit_code) == ("inconclusive", 10)
    assert "promote a run of this one" in whole.subjects[0].reason


@pytest.mark.parametrize(
    ("text", "features"),
    [
        (
            "model name\t: x\nflags\t\t: fpu avx avx2 f16c fma lm\n\nflags\t\t: fpu avx avx2 f16c fma\n",
            "avx avx2 f16c fma",
        ),
        ("flags\t: avx avx2\nflags\t: avx\n", "avx"),
        ("Features\t: fp asimd asimddp crc32 i8mm\n", "asimd asimddp i8mm"),
        ("", ""),
    ],
    ids=["x86", "cores that differ", "arm", "nothing said"],
)
def test_the_instruction_sets_that_kernels_are_chosen_by(tmp_path: Path, text: str, features: str) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(text, encoding="utf-8")
    assert processor(path) == f"{platform.machine()} {features}".strip()
    assert processor(tmp_path / "none") == platform.machine(), "a system without /proc/cpuinfo"
