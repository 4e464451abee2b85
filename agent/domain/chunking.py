"""Heading-aware chunks of notes: exact slices of the source, with stable ids and content hashes."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

TextKind = Literal["markdown", "text"]

MIN_CHARS = 800
MAX_CHARS = 1200
# A fence or table is one block however long it is, up to here: beyond it no embedder or reader gains from it whole.
ATOM_CHARS = 8000
CHUNKER_VERSION = "1"

_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})(.*)")
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_SETEXT = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
_TOP_BULLET = re.compile(r"(?:[-*+]|\d{1,9}[.)])[ \t]")
_TABLE_RULE = re.compile(r" {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_FRONT_MATTER_END = re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE)
_FRONT_MATTER_TOPIC = re.compile(r"^(?:topic|title):[ \t]*(.+?)[ \t]*$", re.MULTILINE)
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]*_]*\s+")
_EMPHASIS = re.compile(r"[*_`]+")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A slice of one file.

    `text` is exactly `source[start:end]`; lines are 1-based and inclusive. `heading` is the breadcrumb
    "note > section > subsection", "" where the file has none. `hash` covers heading and text, so it is the
    same wherever the same passage lies; `id` also covers the path. `section` is the line range of the
    heading's whole section, for readers who need more than the chunk.
    """

    id: str
    path: str
    heading: str
    text: str
    hash: str
    start: int
    end: int
    start_line: int
    end_line: int
    section: tuple[int, int]

    @property
    def embedded(self) -> str:
        """What both legs see: the breadcrumb in front of the text."""
        return f"{self.heading}\n\n{self.text}" if self.heading else self.text


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines [first, last] (0-based) that stay together; `level` is 1 to 6 for a heading, else 0."""

    first: int
    last: int
    level: int = 0
    title: str = ""
    atomic: bool = False


@dataclass(frozen=True, slots=True)
class _Section:
    """A heading with the blocks below it up to the next heading; `last` ends its subsections too."""

    level: int
    trail: tuple[str, ...]
    first: int
    last: int
    blocks: tuple[_Block, ...]


class _Source:
    """The text with the offset at which each line starts."""

    def __init__(self, text: str) -> None:
        self.text = text
        # Only "\n" ends a line: editors and citations count so, `str.splitlines` has eight more.
        self.lines = text.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)

    def span(self, first: int, last: int) -> tuple[int, int]:
        return self.starts[first], min(self.starts[last + 1], len(self.text))

    def line_of(self, offset: int) -> int:
        """1-based number of the line that holds the offset."""
        low, high = 0, len(self.lines) - 1
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.starts[middle] <= offset else (low, middle - 1)
        return low + 1


def chunk(
    text: str,
    path: str,
    kind: TextKind = "markdown",
    *,
    title: str = "",
    min_chars: int = MIN_CHARS,
    max_chars: int = MAX_CHARS,
) -> list[Chunk]:
    """Cut one file into chunks of about `min_chars` to `max_chars` characters, in the file's order.

    Sections of markdown stay apart unless they are short; fences and tables are never split (below
    `ATOM_CHARS`), list items and paragraphs only when they alone exceed `max_chars`. Front matter is left
    out. `title` stands for a heading where the text has none. A note's title is its first heading, else
    `topic` or `title` of its front matter: never its file name, so that a rename changes no hash.
    """
    source = _Source(text)
    body = _body_line(text) if kind == "markdown" else 0
    blocks = list(_markdown_blocks(source.lines, body) if kind == "markdown" else _text_blocks(source.lines))
    if not title and kind == "markdown":
        title = _front_matter_title(text, source.starts[body])
    seen: Counter[str] = Counter()
    result = []
    for section, start, end in _pack(source, _sections(blocks, title, len(source.lines)), (min_chars, max_chars)):
        piece = text[start:end]
        heading = " > ".join(part for part in section.trail if part)
        digest = _digest(heading, piece)
        seen[digest] += 1
        result.append(
            Chunk(
                id=_digest(path, digest, str(seen[digest])),
                path=path,
                heading=heading,
                text=piece,
                hash=digest,
                start=start,
                end=end,
                start_line=source.line_of(start),
                end_line=source.line_of(end - 1),
                section=(section.first + 1, section.last + 1),
            )
        )
    return result


def _digest(*parts: str) -> str:
    joined = "\0".join(parts).encode("utf-8", "surrogatepass")
    # 96 bits: no collision to expect below 10^13 chunks, and each byte is stored about ten times a chunk.
    return hashlib.blake2b(joined, digest_size=12).hexdigest()


def _body_line(text: str) -> int:
    """0-based line at which the body starts behind YAML front matter."""
    if not re.match(r"---[ \t]*\n", text):
        return 0
    end = _FRONT_MATTER_END.search(text, text.index("\n") + 1)
    return text.count("\n", 0, end.end()) + 1 if end and end.end() < len(text) else 0


def _front_matter_title(text: str, end: int) -> str:
    found = _FRONT_MATTER_TOPIC.search(text, 0, end)
    return found.group(1).strip("\"'") if found else ""


def _text_blocks(lines: list[str]) -> Iterator[_Block]:
    """Paragraphs: runs of lines without a blank one."""
    first = None
    for number, line in enumerate(lines):
        if line.strip():
            first = number if first is None else first
        elif first is not None:
            yield _Block(first, number - 1)
            first = None
    if first is not None:
        yield _Block(first, len(lines) - 1)


def _markdown_blocks(lines: list[str], at: int) -> Iterator[_Block]:
    while at < len(lines):
        line = lines[at]
        fence = _FENCE.match(line)
        heading = _ATX.match(line)
        if not line.strip():
            at += 1
            continue
        if fence and not (fence[1][0] == "`" and "`" in fence[2]):
            last = _fence_end(lines, at, fence[1])
            yield _Block(at, last, atomic=True)
        elif heading:
            last = at
            yield _Block(at, at, len(heading[1]), _plain(heading[2] or ""))
        elif at + 1 < len(lines) and "|" in line and "|" in lines[at + 1] and _TABLE_RULE.match(lines[at + 1]):
            last = at + 1
            while last + 1 < len(lines) and "|" in lines[last + 1]:
                last += 1
            yield _Block(at, last, atomic=True)
        elif at + 1 < len(lines) and _SETEXT.match(lines[at + 1]) and not _TOP_BULLET.match(line):
            last = at + 1
            yield _Block(at, last, 1 if "=" in lines[last] else 2, _plain(line))
        else:
            last = _paragraph_end(lines, at)
            yield _Block(at, last)
        at = last + 1


def _fence_end(lines: list[str], at: int, mark: str) -> int:
    close = re.compile(rf"[ \t]*{re.escape(mark[0])}{{{len(mark)},}}[ \t]*$")
    return next((n for n in range(at + 1, len(lines)) if close.match(lines[n])), len(lines) - 1)


def _paragraph_end(lines: list[str], at: int) -> int:
    """The last line of a paragraph, or of a list item with everything indented below it."""
    last = at
    for number in range(at + 1, len(lines)):
        line = lines[number]
        starts_block = (
            not line.strip()
            or _TOP_BULLET.match(line)
            or _ATX.match(line)
            or _FENCE.match(line)
            or (number + 1 < len(lines) and "|" in line and _TABLE_RULE.match(lines[number + 1]))
        )
        if starts_block:
            break
        last = number
    return last


def _plain(heading: str) -> str:
    return " ".join(_EMPHASIS.sub("", heading).split())[:200]


def _sections(blocks: list[_Block], title: str, line_count: int) -> list[_Section]:
    """One section a heading; text before the first heading belongs to the note itself."""
    titled = any(block.level for block in blocks)
    heads = [i for i, block in enumerate(blocks) if block.level]
    note = title or (blocks[heads[0]].title if titled else "")
    result = []
    lead = blocks[: heads[0]] if heads else blocks
    if lead:
        last = (blocks[heads[0]].first if heads else line_count) - 1
        result.append(_Section(0, (note,), lead[0].first, last, tuple(lead)))
    trail: list[tuple[int, str]] = []
    for position, index in enumerate(heads):
        head = blocks[index]
        following = heads[position + 1] if position + 1 < len(heads) else len(blocks)
        trail = [(level, name) for level, name in trail if level < head.level] + [(head.level, head.title)]
        names = tuple(name for _, name in trail)
        if names[0] != note:
            names = (note, *names)
        closing = next((blocks[i].first for i in heads[position + 1 :] if blocks[i].level <= head.level), line_count)
        result.append(_Section(head.level, names, head.first, closing - 1, tuple(blocks[index:following])))
    return result


def _pack(source: _Source, sections: list[_Section], limits: tuple[int, int]) -> Iterator[tuple[_Section, int, int]]:
    """Slices (section, start, end): whole blocks gathered up to limits[1] characters, short sections joined."""
    opened = latest = None
    begin = stop = 0
    for section in sections:
        for block in section.blocks:
            for start, end in _pieces(source, block, limits[1]):
                if opened and latest and _joins(opened, latest, section, (stop - begin, end - begin), limits):
                    latest, stop = section, end
                    continue
                if opened:
                    yield opened, begin, _trimmed(source.text, begin, stop)
                opened, latest, begin, stop = section, section, start, end
    if opened:
        yield opened, begin, _trimmed(source.text, begin, stop)


def _joins(
    opened: _Section, latest: _Section, section: _Section, sizes: tuple[int, int], limits: tuple[int, int]
) -> bool:
    """Whether a block of `section` goes into the chunk of sizes[0] characters that would then have sizes[1]."""
    (size, joined), (min_chars, max_chars) = sizes, limits
    if joined > max_chars:
        # A heading never stands alone: it takes its first block along even where that is a long fence.
        return latest is section and bool(section.level) and size <= _HEADING_CHARS
    # Across a heading only while the chunk is short, and only into the same or a deeper level.
    return latest is section or (size < min_chars // 2 and section.level >= opened.level)


_HEADING_CHARS = 120


def _trimmed(text: str, start: int, end: int) -> int:
    while end > start + 1 and text[end - 1].isspace():
        end -= 1
    return end


def _pieces(source: _Source, block: _Block, max_chars: int) -> Iterator[tuple[int, int]]:
    """The block's span, cut at sentence ends, else spaces, else anywhere, where it must not stay whole."""
    start, end = source.span(block.first, block.last)
    limit = ATOM_CHARS if block.atomic else max_chars
    while end - start > limit:
        cut = _cut(source.text, start, start + limit, by_line=block.atomic)
        yield start, cut
        start = cut
    if source.text[start:end].strip():
        yield start, end


def _cut(text: str, start: int, limit: int, *, by_line: bool) -> int:
    window = text[start:limit]
    if by_line:
        at = window.rfind("\n") + 1
        return start + at if at > 0 else limit
    ends = [found.end() for found in _SENTENCE_END.finditer(window)]
    if ends and ends[-1] > len(window) // 3:
        return start + ends[-1]
    at = max(window.rfind(" "), window.rfind("\n")) + 1
    return start + at if at > 0 else limit
