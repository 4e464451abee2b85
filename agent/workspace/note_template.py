"""The skeleton of a new track note: well formed, and unfinished by every rule that asks for content."""

import json
from importlib.resources import files
from string import Template

from agent.domain.roadmap import Topic
from agent.workspace.inline import escape_text


def new_note(topic: Topic) -> str:
    """Fill the template for a roadmap row; its place is `note_path(topic.track, topic.id)`."""
    template = files("agent.workspace").joinpath("note_template.md").read_text(encoding="utf-8")
    # A JSON string is a YAML string in double quotes.
    quoted = json.dumps(topic.text, ensure_ascii=False)
    return Template(template).substitute(id=topic.id, quoted=quoted, heading=escape_text(topic.text))
