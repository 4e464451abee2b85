"""YAML front matter of the user's markdown: small, plain data, no tricks."""

from typing import Any

from agent.domain.errors import WorkspaceError
from agent.workspace.lines import BOM, line_spans

# Room for the ids of a long day; a document that unfolds in memory has to stay small.
MAX_CHARS = 32_768
# The scanner's time grows with the square of the nesting: 5,000 open brackets take seconds.
MAX_BRACKETS = 200


def split_front_matter(text: str, path: str) -> tuple[dict[str, Any], str]:
    """Read the block between the `---` lines; the body comes back with blank lines instead, so that lines still count.

    Raises:
        WorkspaceError: naming the line; also for anchors, aliases, repeated keys, or a block over `MAX_CHARS`.
    """
    spans = line_spans(text)
    lines = [text[start:end].removeprefix(BOM).rstrip() for start, end in spans]
    if lines[0] != "---":
        raise WorkspaceError(f"{path}:1: front matter is missing; begin the file with --- and its fields.")
    closing = next((number for number, line in enumerate(lines[1:], start=1) if line == "---"), None)
    if closing is None:
        raise WorkspaceError(f"{path}:1: the front matter has no end; close it with a line ---.")
    source = "\n".join(lines[1:closing])
    if len(source) > MAX_CHARS:
        raise WorkspaceError(f"{path}:1: the front matter is longer than {MAX_CHARS} characters; shorten it.")
    body = "\n" * closing + "\n".join(text[start:end] for start, end in spans[closing + 1 :])
    return _load(source, path), "\n" + body


def _load(source: str, path: str) -> dict[str, Any]:
    import yaml

    if source.count("[") + source.count("{") > MAX_BRACKETS:
        raise WorkspaceError(f"{path}:2: the front matter has over {MAX_BRACKETS} brackets; keep it to plain fields.")
    try:
        for token in yaml.scan(source, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.AnchorToken | yaml.AliasToken | yaml.TagToken):
                line = token.start_mark.line + 2
                raise WorkspaceError(f"{path}:{line}: anchors, aliases and tags are not read; write the value out.")
        node = yaml.compose(source, Loader=yaml.SafeLoader)
        if not isinstance(node, yaml.MappingNode):
            raise WorkspaceError(f"{path}:2: the front matter has no fields; write one `name: value` a line.")
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise WorkspaceError(f"{path}:{key.start_mark.line + 2}: {key.value!r} is given twice; keep one.")
            seen.add(key.value)
        loaded = yaml.safe_load(source)
    except yaml.MarkedYAMLError as error:
        line = (error.problem_mark.line if error.problem_mark else 0) + 2
        raise WorkspaceError(
            f"{path}:{line}: the front matter is not valid YAML ({error.problem}); put texts with : or # in quotes."
        ) from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise WorkspaceError(f"{path}:2: the front matter is not valid YAML; keep it to plain fields.") from None
    return {str(key): value for key, value in loaded.items()}
