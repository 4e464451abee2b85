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

    class Plain(yaml.SafeLoader):
        """One pass that stops at the first anchor, alias or tag."""

        def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
            event: Any = self.peek_event()  # type: ignore[no-untyped-call]
            if isinstance(event, yaml.AliasEvent) or event.anchor is not None or getattr(event, "tag", None):
                line = event.start_mark.line + 2
                raise WorkspaceError(f"{path}:{line}: anchors, aliases and tags are not read; write the value out.")
            return super().compose_node(parent, index)

    loader = None
    try:
        loader = Plain(source)  # which looks for characters that may not be in YAML
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise WorkspaceError(f"{path}:2: the front matter has no fields; write one `name: value` a line.")
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise WorkspaceError(f"{path}:{key.start_mark.line + 2}: {key.value!r} is given twice; keep one.")
            seen.add(key.value)
        loaded = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        line = (error.problem_mark.line if error.problem_mark else 0) + 2
        raise WorkspaceError(
            f"{path}:{line}: the front matter is not valid YAML ({error.problem}); put texts with : or # in quotes."
        ) from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise WorkspaceError(f"{path}:2: the front matter is not valid YAML; keep it to plain fields.") from None
    finally:
        if loader is not None:
            loader.dispose()
    return {str(key): value for key, value in loaded.items()}
