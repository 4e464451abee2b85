"""ragas behind one door: rows are counted, a failure is unmeasured, a judge is believed on labels only."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from agent.domain.errors import SetupError
from evals.suite.calibration import Calibration, calibrations, keep
from evals.suite.judges import (
    Endpoint,
    Judged,
    Row,
    add_to_report,
    answered,
    calibrate,
    first_samples,
    judge,
    labelled,
    trend_lines,
)
from evals.suite.markdown import as_markdown
from evals.suite.page import as_page
from tests.helpers.embedders import HashingEmbedder
from tests.helpers.openai_server import OpenAIServer, Reply, fails, says
from tests.helpers.suite import home, model, session

ROW = Row("What grows?", "The cache grows. It is blue.", ("The cache grows with each token.",), "The cache grows.")


def statements(*texts: str) -> Reply:
    return says(json.dumps({"statements": list(texts)}))


def verdicts(*supported: bool) -> Reply:
    rows = [{"statement": "s", "reason": "r", "verdict": int(yes)} for yes in supported]
    return says(json.dumps({"statements": rows}))


def run(rows: Sequence[Row], metrics: Sequence[str], *script: Reply) -> list[Judged]:
    with OpenAIServer(*script) as server:
        return judge(rows, Endpoint(server.base_url, "judge", timeout=5), HashingEmbedder(), metrics)


def test_faithfulness_is_the_share_of_statements_that_the_context_bears_out() -> None:
    (judged,) = run([ROW], ["faithfulness"], statements("The cache grows.", "It is blue."), verdicts(True, False))
    assert judged.scores == (0.5,)
    assert judged.mean == 0.5
    assert not judged.errors


def test_relevancy_takes_our_own_embedder() -> None:
    reply = says(json.dumps({"question": ROW.question, "noncommittal": 0}))
    (judged,) = run([ROW], ["answer relevancy"], reply)
    assert judged.mean == pytest.approx(1.0)


def test_recall_of_the_reference() -> None:
    found = [{"statement": "The cache grows.", "reason": "r", "attributed": 1}]
    (judged,) = run([ROW], ["context recall"], says(json.dumps({"classifications": found})))
    assert judged.scores == (1.0,)


@pytest.mark.parametrize("reply", [fails(500), says("no JSON at all"), statements()], ids=["down", "unfit", "nan"])
def test_a_failed_row_is_an_error_and_no_score(reply: Reply) -> None:
    good = (statements("The cache grows."), verdicts(True))
    (judged,) = run([ROW, ROW], ["faithfulness"], *good, reply)
    assert judged.scores == (1.0, None)
    assert list(judged.errors) == [1]
    assert judged.coverage == 0.5
    assert judged.mean is None, "ragas would say 1.0"


def test_a_judge_that_leaves_a_statement_out_is_an_error_and_no_higher_score() -> None:
    said = statements("The cache grows.", "It is blue.")
    (judged,) = run([ROW], ["faithfulness"], said, verdicts(True))
    assert judged.scores == (None,), "ragas would say 1.0"
    assert "1 verdicts came back for 2 statements" in judged.errors[0]


def test_a_runs_samples_are_counted_against_what_it_measured(tmp_path: Path) -> None:
    place = home(tmp_path)
    whole = session(place, model(greedy=True)).run()
    assert len(first_samples(place, "latest", "drill")) == 200
    journal = place.run_folder(whole.id) / "journal.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    lines.remove(next(line for line in lines if "drill/first/candidate/0/" in line))
    journal.write_text("".join(lines), encoding="utf-8")
    with pytest.raises(SetupError, match="measured 200 items of drill and its journal holds 199"):
        first_samples(place, "latest", "drill")
    with pytest.raises(SetupError, match="measured 0 items of answering"):
        first_samples(place, "latest", "answering")


def test_labels_and_scores_that_do_not_match_are_refused() -> None:
    with pytest.raises(AssertionError, match="a label is missing"):
        calibrate([True], Judged("m", (1.0, 0.0), {}))


def test_relevancy_without_an_embedder_is_refused() -> None:
    with OpenAIServer(says("")) as server, pytest.raises(SetupError, match="needs an embedder"):
        judge([ROW], Endpoint(server.base_url, "judge"), None, ["answer relevancy"])


def test_ragas_loads_only_with_a_judge() -> None:
    code = "import sys, evals.suite.judges; sys.exit('ragas' in sys.modules or 'openai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_kappa_takes_chance_away() -> None:
    half = Judged("m", (1.0, 1.0, 0.0, 0.0), {})
    assert calibrate([True, True, False, False], half).kappa == 1.0
    assert calibrate([True, False, True, False], half).kappa == 0.0
    assert Calibration(tuple([(True, True)] * 90 + [(False, True)] * 10), 100).kappa == 0.0, "yes to everything"


def test_a_judge_is_believed_with_kappa_labels_and_coverage() -> None:
    agreeing = [(True, True), (False, False)] * 50
    assert Calibration(tuple(agreeing), 100).believed
    assert not Calibration(tuple(agreeing[:90]), 90).believed, "too few"
    assert not Calibration(tuple(agreeing), 110).believed, "too many failed"
    assert not Calibration((*agreeing[:60], *[(True, False), (False, True)] * 20), 100).believed
    assert "a trend only" in str(Calibration(tuple(agreeing[:90]), 90))


def test_labels_are_balanced_and_enough() -> None:
    rows, labels = labelled(100)
    assert (len(rows), sum(labels)) == (100, 50)
    assert len({row.answer for row in rows}) == 100
    with pytest.raises(SetupError, match="not for 100000"):
        labelled(100_000)


def test_answers_of_a_run_are_judged_with_what_they_cite() -> None:
    told = {"case": "a", "value": {"answer": [{"text": "It grows.", "quote": "The cache grows."}]}}
    silent = {"case": "b", "value": {"answer": []}}
    assert answered([told, silent, {"case": "c", "value": None}], {"a": "What?", "b": "Why?"}) == [
        Row("What?", "It grows.", ("The cache grows.",))
    ]


def test_a_calibration_is_kept_and_shown_in_every_report(tmp_path: Path) -> None:
    place = home(tmp_path)
    poor = Calibration((*[(True, True)] * 45, *[(True, False)] * 5, *[(False, True)] * 40, *[(False, False)] * 10), 100)
    place.baselines.mkdir()
    keep(place.baselines, "faithfulness of qwen", Calibration((), 3), "2026-11-01")
    keep(place.baselines, "faithfulness of qwen", poor, "2026-11-24")
    assert calibrations(place.baselines) == {"faithfulness of qwen": f"{poor} (on 2026-11-24)"}
    result = session(place, model(greedy=True)).run()
    line = "faithfulness of qwen: kappa 0.10, agreement 55.0% on 100 of 100 labelled answers: a trend only"
    for report in (as_markdown(place.result(result.id)), as_page(result)):
        assert line in report
    assert "Judges" not in as_page(session(home(tmp_path / "other"), model(greedy=True)).run())


def test_what_a_judge_said_of_a_run_is_shown_in_its_report(tmp_path: Path) -> None:
    place = home(tmp_path)
    result = session(place, model(greedy=True)).run()
    found = [Judged("faithfulness", (1.0, 0.5), {}), Judged("answer relevancy", (0.5, None), {1: "down"})]
    add_to_report(place, result.id, trend_lines(found, "qwen", {"faithfulness of qwen": "kappa 0.10"}))
    report = as_markdown(place.result(result.id))
    assert "faithfulness of qwen: 0.750 over 2 answers; kappa 0.10" in report
    assert "answer relevancy of qwen: unmeasured over 2 answers; not calibrated: a trend only" in report
