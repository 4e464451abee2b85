"""What a lab may declare."""

from typing import Any

import pytest
from pydantic import ValidationError

from agent.domain.lab_plan import LabPlan

COMMAND = {"command": ["python", "main.py"]}


def test_a_variant_adds_its_arguments() -> None:
    plan = LabPlan.model_validate({**COMMAND, "variants": {"int8": ["--dtype", "int8"], "plain": []}})
    assert plan.words("int8") == ("python", "main.py", "--dtype", "int8")
    assert plan.words("plain") == plan.words("") == ("python", "main.py")


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"command": []},
        {"command": "python main.py"},
        {"command": ["python", "a\0b"]},
        {**COMMAND, "variant": {}},
        {**COMMAND, "variants": ["a", "b"]},
        {**COMMAND, "variants": {"": []}},
        {**COMMAND, "variants": {"a\nb": []}},
        {**COMMAND, "variants": {"a" * 61: []}},
        {**COMMAND, "environment": "conda"},
        {**COMMAND, "requirements": "../requirements.txt"},
        {**COMMAND, "requirements": "uv.lock"},
        {**COMMAND, "limits": {"seconds": 0}},
        {**COMMAND, "limits": {"seconds": float("nan")}},
        {**COMMAND, "limits": {"minutes": 5}},
    ],
    ids=str,
)
def test_what_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LabPlan.model_validate(data)
