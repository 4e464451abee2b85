"""`python -m evals.adversarial --kind endpoint`: the endpoint as judge, through the same report as the local grader."""

import json
import sys

import pytest

from agent.domain.errors import SetupError
from evals.adversarial.__main__ import main
from tests.helpers.openai_server import OpenAIServer, Reply, fails, says


def run(monkeypatch: pytest.MonkeyPatch, *replies: Reply) -> tuple[int, OpenAIServer]:
    monkeypatch.setattr(sys, "argv", ["adversarial", "--kind", "endpoint", "--split", "dev", "--items", "30"])
    monkeypatch.setenv("STUDY_CHAT", "scripted")
    with OpenAIServer(*replies) as server:
        monkeypatch.setenv("STUDY_BASE_URL", server.base_url)
        return main(), server


def verdict(name: str) -> Reply:
    return says(json.dumps({"quotes": [""], "verdicts": [name]}))


def accepted(report: str, line: str) -> int:
    found = next(text for text in report.splitlines() if text.startswith(line))
    return int(found.split()[-3])


def test_its_verdicts_are_what_the_report_counts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, server = run(monkeypatch, verdict("covered"))
    generous = capsys.readouterr().out
    assert code == 0
    assert generous.startswith("endpoint-scripted+encoder-")
    assert 0 < len(server.requests) < 60, "copies, orders and heaps are refused before anybody is asked"
    assert f"scripted judged {len(server.requests)} of {len(server.requests)} answers" in generous
    code, _ = run(monkeypatch, verdict("missing"))
    strict = capsys.readouterr().out
    assert code == 0
    line = "all false answers passed"
    assert accepted(generous, line) > accepted(strict, line) == 0


def test_an_endpoint_that_fails_is_not_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _ = run(monkeypatch, verdict("missing"), fails(400, "no such model"))
    out = capsys.readouterr().out
    assert code == 11
    assert "scripted judged 1 of" in out
    assert "the local grader alone judged the other" in out


def test_without_an_endpoint_nobody_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["adversarial", "--kind", "endpoint"])
    monkeypatch.setenv("STUDY_CHAT", "none")
    with pytest.raises(SetupError, match="needs a chat endpoint"):
        main()
