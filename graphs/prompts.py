"""Loads the prompt files that lie beside the graphs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import resources

from agent.domain.prompt import Template, parse_template
from agent.ports import Prompt

_replaced: ContextVar[Mapping[str, str] | None] = ContextVar("replaced_prompts", default=None)


def template(name: str) -> Template:
    """Read a template by its name, `quiz/reword` for `graphs/quiz/prompts/reword.md`.

    Raises:
        PromptError: what the file declares and uses differ.
    """
    return _parsed(name, (_replaced.get() or {}).get(name) or template_text(name))


@cache
def template_text(name: str) -> str:
    """The file's text as it lies on disk."""
    graph, file = name.split("/")
    return resources.files("graphs").joinpath(graph, "prompts", f"{file}.md").read_text(encoding="utf-8")


@contextmanager
def replaced(texts: Mapping[str, str]) -> Iterator[None]:
    """Let other texts stand for these templates within the block, for `study eval`: an older wording, a defect.

    Holds in this thread and in what it starts with a copy of its context, as langgraph does for nodes. Blocks nest.
    """
    token = _replaced.set({**(_replaced.get() or {}), **texts})
    try:
        yield
    finally:
        _replaced.reset(token)


def prompt(name: str, **values: str) -> Prompt:
    """Render a prompt; its id carries the template's content hash."""
    found = template(name)
    system, user = found.render(values)
    return Prompt(id=found.id, system=system, user=user)


@cache
def _parsed(name: str, text: str) -> Template:
    return parse_template(name, text)
