"""Loads the prompt files that lie beside the graphs."""

from functools import cache
from importlib import resources

from agent.domain.prompt import Template, parse_template
from agent.ports import Prompt


@cache
def template(name: str) -> Template:
    """Read a template by its name, `quiz/reword` for `graphs/quiz/prompts/reword.md`.

    Raises:
        PromptError: what the file declares and uses differ.
    """
    graph, file = name.split("/")
    text = resources.files("graphs").joinpath(graph, "prompts", f"{file}.md").read_text(encoding="utf-8")
    return parse_template(name, text)


def prompt(name: str, **values: str) -> Prompt:
    """Render a prompt; its id carries the template's content hash."""
    found = template(name)
    system, user = found.render(values)
    return Prompt(id=found.id, system=system, user=user)
