"""What decides the figures of a run, by axis. Two runs are compared only if they differ on the declared axis."""

import ast
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from agent.domain.errors import UsageError
from evals.suite.closure import deciding, source_of
from evals.suite.contract import Case, Subject, Variant
from evals.suite.store import digest
from graphs.prompts import replaced, template

Parts = Mapping[str, str]
"""Axis → what stands there: readable names with short hashes."""

AXES = ("template", "options", "schema", "code", "retrieval", "model", "runtime", "sampler", "dataset", "scorer")
"""What is compared. `processor` stands beside them in the parts: it decides bytes and no quality (`canary`)."""
DECLARED: Mapping[str, frozenset[str]] = {
    "prompt": frozenset({"template", "options", "schema", "code", "retrieval"}),
    "model": frozenset({"model", "runtime"}),
    "sampler": frozenset({"sampler"}),
}
"""What may differ under each `--axis`. The model of a component without prompts, a grader's weights, is its prompt."""


def fingerprint(
    subject: Subject, variant: Variant, cases: Iterable[Case], *, sampler: str, model: Parts | None = None
) -> dict[str, str]:
    """Every axis of one arm. `model` are the transport's parts, None for a subject that asks no model."""
    with replaced(variant.templates):
        templates = " ".join(template(name).id for name in subject.templates)
    schema = subject.schema.model_json_schema() if subject.schema else None
    parts = {
        "template": templates or "none",
        "options": " ".join(f"{key}={value}" for key, value in sorted(variant.options.items())) or "none",
        "schema": digest(schema) if schema else "none",
        "code": code_hash(decisive(subject)),
        "retrieval": "none",
        "model": "none",
        "runtime": "none",
        "sampler": sampler,
        "dataset": dataset_hash(cases),
        "scorer": f"{subject.scorer.version}@{scorer_hash(type(subject.scorer).__module__)}",
    }
    return {**parts, **(model or {}), **subject.versions()}


def decisive(subject: Subject) -> tuple[str, ...]:
    """The modules of the `code` axis: the subject's, and how a structured reply is read where it asks for one."""
    reading = deciding("evals.suite.chat") if subject.schema else ()
    return tuple(sorted({*subject.code, *reading}))


def dataset_hash(cases: Iterable[Case]) -> str:
    """Over everything in the cases that can change a figure."""
    rows = [[c.id, c.source, c.split, dict(c.input), dict(c.expected), c.weight] for c in cases]
    return digest([row if row[-1] != 1 else row[:-1] for row in rows])


def code_hash(modules: Sequence[str]) -> str:
    """Over the names and the source of modules, found without importing them.

    Raises:
        UsageError: there is no such module.
    """
    whole = hashlib.sha256()
    for module in sorted(modules):
        path = source_of(module)
        if path is None:
            raise UsageError(f"There is no module {module!r}; mend the subject that names it.")
        whole.update(module.encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()[:12]


def scorer_hash(module: str) -> str:
    """Over the source of a scorer's module, without the planted defects beside it: a new one changes no measurement."""
    path = _path(module)
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            for part in node.body:
                if _names(part) == "defects":
                    for line in range(part.lineno - 1, part.end_lineno or part.lineno):
                        lines[line] = ""
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:12]


def _names(part: ast.stmt) -> str:
    if isinstance(part, ast.FunctionDef):
        return part.name
    if isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name):
        return part.targets[0].id
    return ""


def _path(module: str) -> Path:
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.origin is None:
        raise UsageError(f"There is no module {module!r}; mend the subject that names it.")
    return Path(spec.origin)


def differing(one: Parts, other: Parts) -> tuple[str, ...]:
    """The axes on which two arms differ, in the order of `AXES`."""
    return tuple(axis for axis in AXES if one.get(axis, "none") != other.get(axis, "none"))


def undeclared(axes: Iterable[str], declared: str, *, uses_chat: bool) -> tuple[str, ...]:
    """Those of the axes that may not differ under `--axis declared`."""
    allowed = DECLARED[declared] | (frozenset() if uses_chat else {"model"})
    return tuple(axis for axis in axes if axis not in allowed)
