"""JSON schemas that weak models and strict endpoints both keep to, and what came back instead."""

import json
from pathlib import Path
from string import Template
from typing import Any

from pydantic import BaseModel, ValidationError

_KEPT = ("type", "enum", "const", "items", "anyOf", "description")
"""Everything else (lengths, patterns, defaults, titles) is left to pydantic: endpoints refuse or mishandle it."""


def flat_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a flat model in the subset that structured output accepts everywhere.

    All fields are required and none may be added. Lengths and patterns are not sent, only validated afterwards:
    a grammar that enforces them cuts a sentence off in the middle.

    Raises:
        TypeError: the model has nested models or enum classes (use `Literal`).
    """
    source = model.model_json_schema()
    if "$defs" in source:
        raise TypeError(f"{model.__name__} is not flat: {', '.join(source['$defs'])}")
    properties = {name: _reduced(field) for name, field in source.get("properties", {}).items()}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _reduced(field: dict[str, Any]) -> dict[str, Any]:
    kept = {key: field[key] for key in _KEPT if key in field}
    if "items" in kept:
        kept["items"] = _reduced(kept["items"])
    if "anyOf" in kept:
        kept["anyOf"] = [_reduced(option) for option in kept["anyOf"]]
    return kept


def json_object(text: str) -> str:
    """The part of a reply from its first `{` to its last `}`: models wrap JSON in fences and politeness."""
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text


def problem_of(error: ValidationError) -> str:
    """What does not fit, for the model to read: at most three problems, with their fields."""
    problems = [f"{'.'.join(map(str, item['loc'])) or 'reply'}: {item['msg']}" for item in error.errors()[:3]]
    return "; ".join(problems)


def reask_text(model: type[BaseModel], error: ValidationError) -> str:
    """The second and last request for a reply that fits."""
    template = Template(Path(__file__).with_name("reask.md").read_text(encoding="utf-8"))
    return template.substitute(problem=problem_of(error), schema=json.dumps(flat_schema(model)))
