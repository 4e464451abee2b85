"""Citations that hold: a quote must occur in the cited file at the cited lines."""

import re
from dataclasses import dataclass

# Shorter quotes ("the", "it is") occur almost anywhere and support nothing.
MIN_QUOTE_CHARS = 12

_LINE_MARKER = re.compile(r"[ \t]*(?:(?:>|[-*+]|\d{1,9}[.)]|#{1,6})(?=[ \t])[ \t]*|>)+")
_MARKERS = "*_`~"


@dataclass(frozen=True, slots=True)
class Citation:
    """A claim's source: workspace-relative path, 1-based inclusive lines, and the words relied on."""

    path: str
    start_line: int
    end_line: int
    quote: str


@dataclass(frozen=True, slots=True)
class Span:
    """Where a quote really stands: offsets into the source and its 1-based inclusive lines."""

    start: int
    end: int
    start_line: int
    end_line: int


def resolve(citation: Citation, source: str, *, min_chars: int = MIN_QUOTE_CHARS) -> Span | None:
    """The place of the quote within the cited lines of `source`, or None.

    Letters, digits, punctuation and case must match exactly. Only white space, markdown emphasis
    (`*`, `_`, backtick, `~` at the edge of a word) and markers at the start of a line (bullet, quote,
    heading) are passed over, since a model seldom copies those.
    """
    starts = _line_starts(source)
    if not 1 <= citation.start_line <= citation.end_line <= len(starts):
        return None
    first = starts[citation.start_line - 1]
    last = starts[citation.end_line] if citation.end_line < len(starts) else len(source)
    return _find(citation.quote, source, first, last, starts, min_chars)


def locate(quote: str, source: str, *, min_chars: int = MIN_QUOTE_CHARS) -> Span | None:
    """The first place of the quote anywhere in `source`, under the rules of `resolve`, or None."""
    return _find(quote, source, 0, len(source), _line_starts(source), min_chars)


def _find(quote: str, source: str, first: int, last: int, starts: list[int], min_chars: int) -> Span | None:
    wanted, _ = _normalise(quote)
    if len(wanted) < max(min_chars, 1):
        return None
    plain, offsets = _normalise(source[first:last])
    at = _find_words(plain, wanted)
    if at < 0:
        return None
    start, end = first + offsets[at], first + offsets[at + len(wanted) - 1] + 1
    return Span(start, end, _line_of(starts, start), _line_of(starts, end - 1))


def _find_words(plain: str, wanted: str) -> int:
    """Offset of `wanted` where it neither starts nor ends inside a word ("able" is no quote of "unable")."""
    at = plain.find(wanted)
    while at >= 0:
        after = at + len(wanted)
        inside_left = at > 0 and plain[at - 1].isalnum() and wanted[0].isalnum()
        inside_right = after < len(plain) and plain[after].isalnum() and wanted[-1].isalnum()
        if not (inside_left or inside_right):
            return at
        at = plain.find(wanted, at + 1)
    return -1


def _normalise(text: str) -> tuple[str, list[int]]:
    """The text without what `resolve` passes over, and for each kept character its offset in `text`."""
    kept: list[str] = []
    offsets: list[int] = []
    line_start = 0
    for line in text.split("\n"):
        marker = _LINE_MARKER.match(line)
        if kept and kept[-1] != " ":
            kept.append(" ")
            offsets.append(max(line_start - 1, 0))
        at = marker.end() if marker else 0
        while at < len(line):
            if line[at] in _MARKERS:
                run = at
                while run < len(line) and line[run] in _MARKERS:
                    run += 1
                if not _is_emphasis(line, at, run):
                    kept.extend(line[at:run])
                    offsets.extend(range(line_start + at, line_start + run))
                at = run
            elif line[at].isspace():
                if kept and kept[-1] != " ":
                    kept.append(" ")
                    offsets.append(line_start + at)
                at += 1
            else:
                kept.append(line[at])
                offsets.append(line_start + at)
                at += 1
        line_start += len(line) + 1
    while kept and kept[-1] == " ":
        kept.pop()
        offsets.pop()
    return "".join(kept), offsets


def _is_emphasis(line: str, start: int, end: int) -> bool:
    """Whether the marker run hugs a word on one side only: `*bold*` but not `2*3`, `a * b` or `max_len`."""
    left = line[start - 1] if start else " "
    right = line[end] if end < len(line) else " "
    if left.isalnum() and right.isalnum():
        return False
    return not (left.isspace() and right.isspace())


def _line_starts(source: str) -> list[int]:
    starts = [0]
    at = source.find("\n")
    while at >= 0:
        starts.append(at + 1)
        at = source.find("\n", at + 1)
    return starts


def _line_of(starts: list[int], offset: int) -> int:
    """1-based line that holds the offset."""
    low, high = 0, len(starts) - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if starts[middle] <= offset else (low, middle - 1)
    return low + 1
