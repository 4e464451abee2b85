"""Just enough of markdown's structure to inspect a document: sections, labelled parts, tables, code.

The workspace parses what it *edits* with a real parser; here a document is only looked at.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agent.domain.text import content_stems, words

_FRONT = re.compile(r"\A\ufeff?---\r?\n.*?^---[ \t]*$", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
# A document that somebody wrote has neither longer lines nor more text; what has is cut, so that no pattern takes long.
MAX_LINE, MAX_TEXT = 2_000, 200_000
_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$", re.MULTILINE)
_BAR = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"^[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_EMPHASIS = re.compile(r"\*+|`|~~|(?<!\w)_+|_+(?!\w)")
_LABELLED = re.compile(
    r"^[ \t]*(?:(?:[-*+]|\d+[.)])[ \t]+)?(?:\*\*|__)?([^\s*_:：|][^*_:：|\n]{1,60}?)(?:\*\*|__)?[ \t]*[:：](?:\*\*|__)?"
    r"(?=\s|$)(.*(?:\n[ \t]+\S.*)*)",
    re.MULTILINE,
)
_CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")


def prose(text: str) -> str:
    """Take front matter, comments and code blocks out, and make every line end a line feed."""
    return _COMMENT.sub("", _split_code(text)[0])


def code_blocks(text: str) -> list[str]:
    """List the contents of the code blocks that are not blank."""
    return [block for block in _split_code(text)[1] if block.strip()]


def _split_code(text: str) -> tuple[str, list[str]]:
    """Split off front matter and code; a block without an end runs to the end of the text, as in CommonMark."""
    cut = text[:MAX_TEXT].replace("\r\n", "\n").replace("\r", "\n")
    kept: list[str] = []
    blocks: list[str] = []
    fence = ""
    for line in _FRONT.sub("", cut).splitlines(keepends=True):
        found = _FENCE.match(line)
        if fence:
            if found and found[1].startswith(fence) and not found[2].strip():
                fence = ""
            else:
                blocks[-1] += line
        elif found and not (found[1][0] == "`" and "`" in found[2]):
            fence = found[1]
            blocks.append("")
        else:
            end = "\n" if line.endswith("\n") else ""
            kept.append(line if len(line) <= MAX_LINE else line[:MAX_LINE] + end)
    return "".join(kept), blocks


def size(text: str) -> int:
    """Count words; scripts without spaces count two characters as a word."""
    cjk = len(_CJK.findall(text))
    return len(words(_CJK.sub(" ", text))) + (cjk + 1) // 2


def variety(text: str) -> int:
    """Count the different words that carry meaning, and the different characters of scripts without spaces."""
    return len(content_stems(_CJK.sub(" ", text))) + len(set(_CJK.findall(text)))


def headings(text: str) -> list[str]:
    """List the headings of a prose text."""
    return [match[2] for match in _HEADING.finditer(text)]


def sections(text: str, *, nested: bool = True) -> list[tuple[str, str]]:
    """List (heading, body) of a prose text; what stands above the first heading has the heading "".

    `nested`: a body includes the sections below its own heading.
    """
    found = list(_HEADING.finditer(text))
    result = [("", text[: found[0].start()] if found else text)]
    for place, match in enumerate(found):
        after = (m for m in found[place + 1 :] if not nested or len(m[1]) <= len(match[1]))
        end = next(after, None)
        result.append((plain(match[2]), text[match.end() : end.start() if end else len(text)]))
    return result


def named_parts(text: str) -> list[tuple[str, str]]:
    """List everything that has a name: sections, lines like `- **Monitoring**: …`, rows of tables."""
    parts = sections(text)[1:]
    parts += [(match[1], match[2]) for match in _LABELLED.finditer(text)]
    # The source of a row, not its plain text: back-ticks say what is code.
    parts += [(row[0], source) for table in tables(text) for row, source in zip(table.rows, table.sources, strict=True)]
    return parts


@dataclass(frozen=True, slots=True)
class Table:
    """A table in plain text; `sources` holds each row's markdown behind its first cell."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    sources: tuple[str, ...]


def tables(text: str) -> list[Table]:
    """List the tables of a prose text."""
    return list(_tables(text.splitlines()))


def _tables(lines: list[str]) -> Iterator[Table]:
    place = 0
    while place + 1 < len(lines):
        head, rule = lines[place], lines[place + 1]
        if "|" in head and "-" in rule and _RULE.match(rule) and len(_cells(head)) == len(_cells(rule)):
            end = place + 2
            while end < len(lines) and "|" in lines[end]:
                end += 1
            sources = [_cells(line) for line in lines[place + 2 : end]]
            yield Table(
                header=tuple(map(plain, _cells(head))),
                rows=tuple(tuple(map(plain, row)) for row in sources),
                sources=tuple(" | ".join(row[1:]) for row in sources),
            )
            place = end
        else:
            place += 1


def _cells(line: str) -> list[str]:
    stripped = line.strip()
    bars = _BAR.split(stripped)
    if stripped.startswith("|"):
        bars = bars[1:]
    if len(bars) > 1 and not bars[-1].strip():
        bars = bars[:-1]
    return [cell.strip().replace("\\|", "|") for cell in bars]


def plain(source: str) -> str:
    """Take emphasis, back-ticks and link targets off a piece of inline markdown."""
    return " ".join(_EMPHASIS.sub("", _LINK.sub(r"\1", source)).split())
