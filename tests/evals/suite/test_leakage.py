"""Cases that a prompt already holds."""

from pathlib import Path

import pytest

from evals.suite.contract import Case
from evals.suite.drill import Drill
from evals.suite.leakage import FEW_SHOTS, few_shots, leaks
from tests.helpers.suite import home, model, session

PROMPT = {
    "ask/answer": "You answer from notes.\nExample: what does one more token cost in the cache of a model?\nBe short."
}


@pytest.mark.parametrize(
    ("text", "leaked"),
    [
        ("Say, what does one MORE token cost, in the cache of it?", True),  # nine words in a row, punctuation apart
        ("one more token cost in the", False),  # six words
        ("Be short, you answer from notes", False),
        ("You answer from notes", True),  # a whole short line
        ("What is paged attention and why does it help a server that batches?", False),
        ("", False),
    ],
)
def test_shared_runs_of_words_and_near_duplicates(text: str, leaked: bool) -> None:
    case = Case("c1", "s", "dev", {"question": text}, {"facts": [{"text": "none"}]})
    assert bool(leaks([case], PROMPT)) == leaked


def test_what_is_expected_counts_too_and_the_sentence_names_both() -> None:
    case = Case("c1", "s", "dev", {}, {"facts": ["what does one more token cost in the cache of a model"]})
    found = leaks([case], PROMPT)
    assert len(found) == 1
    assert "c1" in found[0]
    assert "ask/answer" in found[0]
    assert "what does one more token" in found[0]


def test_the_few_shots_are_all_texts_that_models_read_besides_the_templates() -> None:
    lying = {path for path in Path("agent/adapters").rglob("*.md") if path.name != "MODEL_CARD.md"}
    assert {Path(package.replace(".", "/"), file) for package, file in FEW_SHOTS} == lying


@pytest.mark.parametrize("name", ["judge", "endpoint", "reask"])
def test_a_case_in_a_few_shot_stops_the_run_before_anything_is_measured(tmp_path: Path, name: str) -> None:
    place, drill, endpoint = home(tmp_path), Drill(), model()
    line = max(few_shots()[name].split("\n"), key=len)
    drill._cases[0] = Case("drill-0-0", "drill-0", "sealed", {"question": line}, marker=line)
    result = session(place, endpoint, drill).run()
    assert (result.verdict, endpoint.tries) == ("invalid", 0)
    assert f"the prompt {name} share" in result.subjects[0].reason
