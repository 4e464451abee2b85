"""Prompt templates: what is declared, used and given must agree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.prompt import PromptError, parse_template

GOOD = "variables: topic, question\n---\nYou quiz on {{topic}}.\n---\nAsk: {{ question }}\n"


def test_a_good_one() -> None:
    template = parse_template("quiz/ask", GOOD)
    assert template.render({"topic": "RoPE", "question": "Why?"}) == ("You quiz on RoPE.", "Ask: Why?")
    assert template.id == f"quiz/ask@{template.hash[:8]}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not of the form"),
        ("variables: a\n---\nonly {{a}}\n", "is not of the form"),
        (GOOD.replace("topic, ", ""), "declares ['question'] and uses ['question', 'topic']"),
        (GOOD.replace("topic,", "topic, unused,"), "declares ['question', 'topic', 'unused'] and uses"),
    ],
)
def test_a_bad_one_fails_at_load(text: str, message: str) -> None:
    with pytest.raises(PromptError) as error:
        parse_template("quiz/ask", text)
    assert message in str(error.value)


@pytest.mark.parametrize("values", [{"topic": "t"}, {"topic": "t", "question": "q", "more": "m"}, {}])
def test_a_missing_or_unknown_value_fails(values: dict[str, str]) -> None:
    with pytest.raises(PromptError, match=r"takes \['question', 'topic'\]"):
        parse_template("quiz/ask", GOOD).render(values)


@given(st.text())
def test_values_are_inserted_once_and_as_they_are(value: str) -> None:
    system, _ = parse_template("quiz/ask", GOOD).render({"topic": value + "{{question}}\\1", "question": "LEAK"})
    assert system == f"You quiz on {value}{{{{question}}}}\\1."


def test_any_change_changes_the_id() -> None:
    assert parse_template("n", GOOD).id != parse_template("n", GOOD.replace("Ask", "Put")).id
    assert parse_template("n", GOOD.replace("\n", "\r\n")).system == parse_template("n", GOOD).system
