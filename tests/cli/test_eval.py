"""`study eval run | compare | promote | report` as typed, against our own endpoint on a real socket."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli import suite
from evals.suite.drill import RULE, TEMPLATE, Drill, recognise
from evals.suite.endpoint import Served, StochasticModel
from evals.suite.home import Home
from evals.suite.subjects import SUBJECTS
from graphs.prompts import replaced, template_text
from tests.helpers.study import Ran, make_workspace, study


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace whose suite has one small subject and baselines of its own."""
    monkeypatch.setattr(suite, "_home", lambda app: Home(tmp_path / "evals", tmp_path / "baselines"))
    for name in list(SUBJECTS):
        monkeypatch.delitem(SUBJECTS, name)
    monkeypatch.setitem(SUBJECTS, "drill", lambda: Drill(sources=16))
    return make_workspace(tmp_path / "work")


@pytest.fixture
def endpoint() -> Iterator[Served]:
    with Served(StochasticModel(recognise, rules={RULE: 0.4}, seed=1)) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield served
        served.shutdown()
        thread.join()


def _eval(root: Path, endpoint: Served | None, *args: str) -> Ran:
    url = endpoint.base_url if endpoint else "http://127.0.0.1:9/v1"
    env = {"STUDY_CHAT": "stochastic", "STUDY_BASE_URL": url}
    return study(root, "eval", *args, env=env)


def test_a_baseline_a_drop_and_its_report(root: Path, endpoint: Served, tmp_path: Path) -> None:
    run = ("run", "--items", "4", "--repeats", "2", "--concurrency", "4", "--price", "0.1,0.4")
    first = _eval(root, endpoint, *run)
    assert first.code == 10
    assert "There is no baseline yet" in first.out
    promoted = _eval(root, None, "promote", "latest", "--why", "the first")
    assert (promoted.code, promoted.out.count("Wrote")) == (0, 1)
    drop = _eval(root, endpoint, *run, "--only", "drill", "--defect", "no-rule", "--full", "--json")
    result = drop.events[0]
    assert (drop.code, result["verdict"], result["exit_code"]) == (1, "regression", 1)
    assert result["cost"] > 0
    assert Path(result["report"]).read_text(encoding="utf-8").startswith("<!doctype html>")
    planted = (tmp_path / "evals/planted.jsonl").read_text(encoding="utf-8")
    assert '"defect": "no-rule", "model": "stochastic", "verdict": "regression"' in planted
    page = tmp_path / "page.html"
    shown = _eval(root, None, "report", result["id"], "--html", str(page))
    assert shown.code == 0
    assert shown.out.startswith("# Evals: regression")
    assert "regression" in page.read_text(encoding="utf-8")
    compared = _eval(root, None, "compare", "baseline", result["id"])
    assert compared.code == 1
    assert "drill: regression" in compared.out
    assert _eval(root, None, "compare", result["id"], "baseline").code == 0
    refused = _eval(root, None, "promote", result["id"], "--why", "it is there")
    assert (refused.code, "not the working tree" in refused.err) == (2, True)
    assert _eval(root, None, "report").out.startswith("# Evals: inconclusive"), "the last run without damage"


def test_editing_a_prompt_is_noticed_without_being_told(root: Path, endpoint: Served) -> None:
    run = ("run", "--items", "4", "--repeats", "2")
    _eval(root, endpoint, *run)
    _eval(root, None, "promote", "latest", "--why", "the first")
    assert _eval(root, endpoint, *run, "--changed").code == 0
    with replaced({TEMPLATE: template_text(TEMPLATE).replace(RULE, "Say it all")}):
        edited = _eval(root, endpoint, *run, "--changed")
    assert edited.code == 1
    assert "points worse, confirmed" in edited.out


def test_replay_asks_nobody(root: Path, endpoint: Served, tmp_path: Path) -> None:
    place = Home(tmp_path / "evals", tmp_path / "baselines")
    _eval(root, endpoint, "run", "--items", "4")
    asked = endpoint.model.tries
    again = _eval(root, endpoint, "run", "--items", "4", "--replay", "--json")
    assert endpoint.model.tries == asked
    assert again.code == 10
    first, second = (place.result(run).subjects[0] for run in place.runs())
    assert second.metrics == first.metrics
    assert second.spent["requests"] == 0


def test_a_dead_endpoint_is_no_regression(root: Path) -> None:
    ran = _eval(root, None, "run")
    assert ran.code == 11
    assert ran.err.startswith("study: The chat model does not answer, so nothing was measured")
    assert "Traceback" not in ran.err


def test_without_a_chat_model_it_says_what_is_left_out(root: Path) -> None:
    ran = study(root, "eval", "run", env={"STUDY_CHAT": "none"})
    assert ran.err == "study: There is no chat model, so drill cannot be measured.\n"
    assert ran.code == 11


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("run", "--only", "nothing"), "known: drill"),
        (("run", "--axis", "mood"), "--axis is one of prompt, model, sampler"),
        (("run", "--price", "cheap"), "two numbers"),
        (("run", "--defect", "none"), "drill: no-rule"),
        (("report", "2019"), "There is no one run"),
        (("compare", "baseline", "released"), "no subject in common"),
        (("promote", "latest", "--why", ""), "needs a reason"),
    ],
)
def test_mistakes_are_one_sentence(root: Path, endpoint: Served, args: tuple[str, ...], message: str) -> None:
    ran = _eval(root, endpoint, *args)
    assert ran.code == 2
    assert message in ran.err
    assert ran.err.count("\n") == 1


def test_a_broken_baseline_is_named(root: Path, endpoint: Served, tmp_path: Path) -> None:
    (tmp_path / "baselines").mkdir()
    (tmp_path / "baselines/drill.json").write_text("{torn")
    ran = _eval(root, endpoint, "run")
    assert ran.code == 11
    assert "is no baseline" in ran.err
