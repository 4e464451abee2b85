"""Relative links of a markdown file: the target exists, stays inside the workspace, and has the block or heading."""

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath
from posixpath import normpath
from urllib.parse import unquote

from agent.domain.errors import WorkspaceError
from agent.domain.finding import Finding
from agent.domain.slug import slugify
from agent.workspace.files import inside, read_text
from agent.workspace.inline import markdown, plain_text

_SCHEME = re.compile(r"^(?:[a-zA-Z][a-zA-Z0-9+.-]+:|//)")
_BLOCK = re.compile(r"(?:^|\s)\^([A-Za-z0-9-]+)[ \t\r]*$", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t#\r]*$", re.MULTILINE)


def dead_links(root: Path, path: str, text: str) -> list[Finding]:
    """Check every link and picture of a file; `path` is its own, relative to the workspace. URLs are not visited."""
    return [
        Finding(path, line, "links", message)
        for line, target in _targets(text)
        if not _SCHEME.match(target)
        for message in _problem(root, path, text, target)
    ]


def _targets(text: str) -> Iterator[tuple[int, str]]:
    if "](" not in text and "]:" not in text:
        return
    for token in markdown().parse(text):
        if token.type != "inline" or token.map is None:
            continue
        line = token.map[0] + 1
        for child in token.children or []:
            if child.type in {"softbreak", "hardbreak"}:
                line += 1
            target = child.attrs.get("href") if child.type == "link_open" else child.attrs.get("src")
            if isinstance(target, str):
                yield line, target


def _problem(root: Path, path: str, text: str, target: str) -> Iterator[str]:
    place, _, fragment = target.partition("#")
    place, fragment = unquote(place), unquote(fragment)
    if place.startswith("/"):
        yield f"the link {target!r} must be relative to this file."
        return
    relative = path
    if place:
        relative = normpath(str(PurePosixPath(path).parent / place))
        try:
            if not inside(root, relative).exists():
                yield f"the link {target!r} leads to no file."
                return
        except WorkspaceError:
            yield f"the link {target!r} leads outside the workspace."
            return
    if not fragment or (place and not relative.endswith(".md")):
        return
    blocks, headings = _anchors(read_text(root, relative) if place else text)
    known = fragment[1:] in blocks if fragment.startswith("^") else slugify(fragment) in headings
    if not known:
        yield f"the link {target!r} names no block or heading of {relative!r}."


@lru_cache(maxsize=64)
def _anchors(text: str) -> tuple[frozenset[str], frozenset[str]]:
    headings = frozenset(slugify(plain_text(match)) for match in _HEADING.findall(text))
    return frozenset(_BLOCK.findall(text)), headings
