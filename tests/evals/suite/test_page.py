"""The report: one page that needs nothing else, with what a person looks for."""

import re
from pathlib import Path

import pytest

from evals.suite.drill import RULE, TEMPLATE, Drill
from evals.suite.home import Home
from evals.suite.markdown import as_markdown
from evals.suite.page import as_page
from evals.suite.result import RunResult, result_from
from graphs.prompts import replaced, template_text
from tests.helpers.suite import home, model, promoted, session


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, RunResult]:
    place = home(tmp_path_factory.mktemp("page"))
    drill, endpoint = Drill(sources=30), model(rules={RULE: 0.3})
    promoted(place, endpoint, drill)
    hostile = template_text(TEMPLATE).replace(RULE, "<script>alert(1)</script>")
    with replaced({TEMPLATE: hostile}):
        result = session(place, endpoint, drill, budget_minutes=60).run()
    return place, result


def test_the_verdict_comes_first_and_everything_promised_is_there(run: tuple[Home, RunResult]) -> None:
    place, result = run
    page = as_page(result, place.history())
    body = page[page.index("<body>") :]
    assert body.index("regression") < 80
    for part in (
        "Worst cases",
        "Trend",
        "Fingerprint",
        "Slices",
        "Spent",
        "expected",
        "reply 1",
        "fresh samples",
        "60 minutes",
        "Planted damage: no-rule on the stochastic model unmeasured",
    ):
        assert part in body, part
    assert f"{100 * result.subjects[0].both.difference:+.1f}" in body  # type: ignore[union-attr]
    assert "prefers-color-scheme: dark" in page


def test_the_page_loads_nothing_and_runs_nothing(run: tuple[Home, RunResult]) -> None:
    place, result = run
    page = as_page(result, place.history())
    assert "<script" not in page
    assert not re.search(r"""(?:src|href)=["'](?!#)|@import|url\(""", page)
    assert "&lt;script&gt;alert(1)" in page, "the hostile prompt is shown as text"


def test_the_markdown_has_the_same_figures_and_survives_a_round_trip(run: tuple[Home, RunResult]) -> None:
    place, result = run
    again = place.result(result.id)
    assert as_markdown(again) == as_markdown(result)
    assert result_from(again.as_dict()) == again
    assert as_markdown(result).startswith("# Evals: regression")
    assert "| Drill | **regression** |" in as_markdown(result)
    assert len(as_markdown(result)) < 10_000


def test_no_sealed_case_is_shown(run: tuple[Home, RunResult]) -> None:
    _, result = run
    sealed = {case.id for case in Drill(sources=30).cases() if case.split == "sealed"}
    assert result.subjects[0].worst
    assert not sealed & {worst.case for worst in result.subjects[0].worst}


def test_nothing_measured_is_said_and_not_drawn(tmp_path: Path) -> None:
    empty = RunResult("r", "a", "b", "budget spent", 12, [], not_reached=["drill"])
    assert "Nothing was measured" in as_markdown(empty)
    assert "not reached" in as_page(empty)
