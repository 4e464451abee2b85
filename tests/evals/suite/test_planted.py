"""The subjects on our own endpoint: perfect replies score high, flawed ones low, and each planted defect is caught."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

import pytest

from evals.suite.chat import Draw, MeasuredChat
from evals.suite.closure import source_of
from evals.suite.contract import CURRENT, Case, Subject
from evals.suite.endpoint import StochasticModel, recogniser
from evals.suite.fingerprint import decisive
from evals.suite.leakage import few_shots, leaks
from evals.suite.plan import Options, round_robin
from evals.suite.samples import Sample, run_case
from evals.suite.store import MemoryStore
from evals.suite.subjects import SUBJECTS
from evals.suite.subjects.answering import Answering
from evals.suite.trust import Night
from graphs.prompts import template_text

REPO = Path(__file__).resolve().parents[3]
CHAT = ("writing", "answering", "drafting", "rationale")
REACHED: Mapping[str, float] = {"writing": 1.0, "answering": 0.6, "drafting": 0.95, "rationale": 1.0}
"""What a perfect model scores; less where retrieval without vectors, or the product's own check, stands in its way."""


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Subject]:
    folder = tmp_path_factory.mktemp("index")
    made: dict[str, Subject] = {name: SUBJECTS[name]() for name in CHAT if name != "answering"}
    return {**made, "answering": Answering(folder=folder)}


@pytest.fixture(autouse=True)
def _words_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDY_EMBEDDER", "none")


def measured(subject: Subject, cases: Sequence[Case], skill: float) -> list[Sample]:
    model = StochasticModel(recogniser([subject]), skill=skill)
    return [
        run_case(subject, CURRENT, case, MeasuredChat(model, MemoryStore(), Draw(seed=1), retries=()), case.id, 0)
        for case in cases
    ]


def mean(subject: Subject, samples: Sequence[Sample]) -> float:
    return sum(s.scores[subject.scorer.metrics[0]] or 0.0 for s in samples) / len(samples)


@pytest.mark.parametrize("name", CHAT)
def test_perfect_replies_pass_and_flawed_ones_do_not(name: str, subjects: dict[str, Subject]) -> None:
    subject = subjects[name]
    cases = round_robin(subject.cases(), 1)
    good, bad = measured(subject, cases, 2.0), measured(subject, cases, -1.0)
    assert mean(subject, good) >= REACHED[name]
    # Questions that are turned away before a model is asked are right under any model.
    asked = [sample for sample in bad if sample.calls]
    assert mean(subject, asked) <= 0.1
    assert not [sample.broken for sample in [*good, *bad] if sample.broken], "the product lets nothing through"


@pytest.mark.parametrize(
    ("name", "defect"), [(name, defect.name) for name in CHAT for defect in SUBJECTS[name]().defects]
)
def test_each_planted_defect_is_caught(name: str, defect: str, subjects: dict[str, Subject]) -> None:
    subject = subjects[name]
    variant = next(found for found in subject.defects if found.name == defect)
    model = StochasticModel(recogniser([subject]), skill=0.9, rules={variant.rule: 0.6}, seed=3)
    (track,) = Night([subject], model, {name: variant}, Options(items=1, repeats=1)).run()
    assert track.done is not None
    assert track.done[0] == "regression", track.done


@pytest.mark.parametrize("name", SUBJECTS)
def test_the_code_that_runs_is_in_the_fingerprint(name: str, subjects: dict[str, Subject]) -> None:
    """Run cases under a profiler: what of ours is called, by the subject, its reading of replies or its scorer."""
    subject = subjects.get(name) or SUBJECTS[name]()
    cases = round_robin(subject.cases(), 1)[:6]
    subject.versions()  # wiring and loading are not what is looked at
    called: set[Path] = set()

    def note(frame: FrameType, event: str, _arg: object) -> None:
        if event == "call" and frame.f_code.co_name != "<module>":
            called.add(Path(frame.f_code.co_filename))

    for case in cases:
        model = StochasticModel(recogniser([subject]), skill=2.0)
        chat = MeasuredChat(model, MemoryStore(), Draw(seed=1), retries=())
        sys.setprofile(note)
        try:
            value = subject.run(case, chat, {})
            subject.scorer.score(case, value)
        finally:
            sys.setprofile(None)
    ours = [path for path in called if any(path.is_relative_to(REPO / top) for top in ("agent", "graphs", "evals"))]
    ran = {path for path in ours if not path.is_relative_to(REPO / "evals/suite")}
    assert ran
    assert ran <= {source_of(module) for module in decisive(subject)}


@pytest.mark.parametrize("name", SUBJECTS)
def test_no_case_has_leaked_into_a_prompt(name: str) -> None:
    subject = SUBJECTS[name]()
    prompts = {template: template_text(template) for template in subject.templates}
    assert leaks(subject.cases(), prompts | few_shots()) == []


def test_a_case_in_a_prompt_is_found() -> None:
    case = SUBJECTS["writing"]().cases()[0]
    assert leaks([case], {"quiz/reword": f"For example: {case.input['claim']}"})
    assert leaks([case], {"quiz/reword": f"Rules.\n{case.input['question']}\nMore rules."})


def test_writing_covers_every_note_with_five_claims() -> None:
    notes = {path.stem for path in Path("tracks").glob("*/*.md")}
    cases = SUBJECTS["writing"]().cases()
    assert {case.source for case in cases} == notes
    assert all(sum(case.source == note for case in cases) == 5 for note in notes)
