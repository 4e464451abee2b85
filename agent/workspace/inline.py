"""Inline markdown: the text of a cell or bullet without its markup, its links, and how to write both safely."""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from agent.domain.errors import WorkspaceError
from agent.domain.roadmap import EvidenceLink

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_SCHEME = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]+:")
_WEB = re.compile(r"^https?://", re.IGNORECASE)
# `_` inside a word is no markup. Entities for what would pair up with a stray character earlier in the cell.
_MARKUP = re.compile(r"[\\*\[\]~]|(?<![^\W_])_|_(?![^\W_])")
# Without any of these a text has no inline markup, and the parser is spared.
_SPECIAL = re.compile(r"[\\`*_\[\]<&~!\0]")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "&#96;"})
# What need not be percent-encoded: the rest of ASCII, white space and control characters are.
_UNSAFE_IN_PATH = re.compile(r"[^\w/#^=+,;@!$.~'-]", re.UNICODE)
_UNSAFE_IN_URL = re.compile(r"[^\w/#^=+,;@!$.~'?&%:-]", re.UNICODE)


@cache
def markdown() -> "MarkdownIt":
    """Give the one parser: CommonMark with tables and strikethrough, link targets left as written."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]
    return parser


@cache
def blocks() -> "MarkdownIt":
    """Give a parser for block structure alone: paragraphs keep their source, which saves most of the time."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table").disable("inline")


def _inline(source: str) -> Sequence["Token"]:
    tokens = markdown().parseInline(source)
    return tokens[0].children or []


def _text(token: "Token") -> str:
    if token.type in {"softbreak", "hardbreak"} or token.type == "html_inline":
        return " "
    return token.content


def plain_text(source: str) -> str:
    """Take the markup off: `**LangGraph** [x](y)<br>z` reads `LangGraph x z`; white space is collapsed."""
    if not _SPECIAL.search(source):
        return " ".join(source.split())
    return " ".join("".join(_text(token) for token in _inline(source)).split())


def links(source: str) -> tuple[EvidenceLink, ...]:
    """List the links; local targets are percent-decoded (`a%20b.md` is the file `a b.md`), URLs are not."""
    found: list[EvidenceLink] = []
    target, label = "", ""
    for token in _inline(source):
        if token.type == "link_open":
            target, label = str(token.attrs.get("href", "")), ""
        elif token.type == "link_close":
            decoded = target if _SCHEME.match(target) else unquote(target, errors="replace")
            found.append(EvidenceLink(label=" ".join(label.split()), target=decoded))
        else:
            label += _text(token)
    return tuple(found)


def escape_text(text: str) -> str:
    """Write plain text as inline markdown that reads the same; white space is collapsed, controls dropped."""
    printable = "".join(c for c in " ".join(text.split()) if unicodedata.category(c) != "Cc")
    marked = _MARKUP.sub(lambda match: "\\" + match[0], printable)
    return marked.translate(_ENTITIES)


def link_source(link: EvidenceLink) -> str:
    """Write a link that parses back to the same label and target: `[2026-11-23 quiz](sessions/2026-11-23-kv-cache.md)`.

    Raises:
        WorkspaceError: the target is empty or cannot be written in UTF-8.
    """
    if not link.target.strip():
        raise WorkspaceError(f"The evidence {link.label!r} has no target; give it a path or a URL.")
    unsafe = _UNSAFE_IN_URL if _WEB.match(link.target) else _UNSAFE_IN_PATH
    try:
        target = unsafe.sub(_percent, link.target).replace("&", "&amp;")
    except UnicodeEncodeError as error:
        raise WorkspaceError(f"The evidence path {link.target!r} is not valid Unicode; rename the file.") from error
    return f"[{escape_text(link.label) or escape_text(link.target)}]({target})"


def _percent(match: re.Match[str]) -> str:
    char = match[0]
    visible = ord(char) > 127 and char.isprintable()
    return char if visible else quote(char, safe="")
