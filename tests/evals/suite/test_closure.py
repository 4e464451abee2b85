"""Which modules a fingerprint covers: what decides, and not what lies beside it."""

import pytest

from evals.suite.closure import deciding
from evals.suite.fingerprint import code_hash
from evals.suite.subjects import SUBJECTS

DECIDES = {
    "answering": ("agent.adapters.retrieval.retriever", "agent.domain.fusion", "agent.domain.text", "graphs.prompts"),
    "grading": (
        "agent.domain.probing",
        "agent.domain.text",
        "evals.adversarial.report",
        "agent.adapters.grading.local",
    ),
    "drafting": ("agent.domain.day", "agent.domain.event", "agent.domain.text", "graphs.session.drafting"),
    "writing": ("agent.app.wordings", "agent.domain.wording"),
    "rationale": ("agent.domain.rationale", "graphs.promotion.rationale"),
}


@pytest.mark.parametrize("name", SUBJECTS)
def test_what_decides_is_covered_and_what_shows_is_not(name: str) -> None:
    covered = deciding(f"evals.suite.subjects.{name}")
    assert set(DECIDES[name]) <= set(covered)
    beside = ("agent.cli", "agent.app.container", "agent.settings", "evals.suite", "agent.adapters.checkpoints")
    assert not [module for module in covered if module.startswith(beside)]


def test_a_name_passed_on_leads_to_where_it_is_defined_and_not_to_its_neighbours() -> None:
    covered = deciding("evals.suite.subjects.writing")
    assert "agent.ports.chat" in covered, "`from agent.ports import Chat`"
    assert "agent.ports.journal" not in covered


def test_imports_inside_functions_count_for_the_module_itself_only() -> None:
    assert "graphs.ask.graph" in deciding("evals.suite.subjects.answering"), "imported when it runs"
    beside = deciding("agent.app.review")
    assert "agent.app.quiz" in beside
    assert "graphs.quiz.graph" not in beside, "agent.app.quiz imports it when a quiz runs"


def test_the_hash_names_the_modules() -> None:
    both = ("agent.domain.text", "agent.domain.errors")
    assert code_hash(both) == code_hash(both[::-1])
    assert code_hash(both) != code_hash(both[:1])
