"""Every prompt file that ships can be loaded and rendered."""

from pathlib import Path

import pytest

import graphs
from agent.domain.errors import StudyError
from graphs.prompts import prompt, template

FILES = sorted(Path(graphs.__file__).parent.glob("*/prompts/*.md"))
NAMES = [f"{file.parent.parent.name}/{file.stem}" for file in FILES]


def test_there_are_some() -> None:
    assert {"quiz/hint", "quiz/reword"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_loads_and_renders(name: str) -> None:
    found = template(name)
    rendered = prompt(name, **{variable: f"<{variable}>" for variable in found.variables})
    assert rendered.id == found.id
    assert rendered.system
    for variable in found.variables:
        assert f"<{variable}>" in rendered.system + rendered.user
    assert "{{" not in rendered.system + rendered.user


def test_a_value_that_is_missing_or_unknown_fails() -> None:
    with pytest.raises(StudyError, match="takes"):
        prompt("quiz/reword", topic="t")
    with pytest.raises(StudyError, match="takes"):
        prompt("quiz/reword", topic="t", question="q", claim="c", level="L5")
