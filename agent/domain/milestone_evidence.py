"""What a milestone's “Evidence required” line asks for: what links can show, and what only a person can judge."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["linked", "missing", "yours"]
_SPLIT = re.compile(r"\s*(?:\+|,|;|\band\b|&)\s*")
# What a part names, and the paths that are of its kind.
_KINDS = tuple(
    (re.compile(named, re.IGNORECASE), re.compile(path))
    for named, path in (
        (r"\bsessions?\b", r"^sessions/[^/]+\.md$"),
        (r"RESULTS\.md|\bresults\b", r"^lab/[^/]+/RESULTS\.md$"),
        (r"DESIGN\.md|\bdesign (?:notes?|docs?|documents?)\b", r"^lab/[^/]+/DESIGN\.md$"),
        (r"TEACHING\.md|\bteaching\b", r"^lab/[^/]+/TEACHING\.md$"),
        (r"\bnotes?\b", r"^tracks/.+\.md$"),
        (r"^(?:the |a )?labs?(?: links?| folders?)?$", r"^lab/[^/]+(?:/|$)"),
    )
)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the line: `linked` by these paths, `missing` among what is linked, or `yours` to judge."""

    what: str
    verdict: Verdict
    paths: tuple[str, ...] = ()


def required_parts(line: str, paths: Sequence[str]) -> tuple[Part, ...]:
    """Judge each part of the line by the paths that the milestone's rows, boxes and notes rest on."""
    return tuple(_part(what.replace("`", "").strip(), paths) for what in _SPLIT.split(line) if what.strip())


def _part(what: str, paths: Sequence[str]) -> Part:
    kind = next((path for named, path in _KINDS if named.search(what)), None)
    if kind is None:
        return Part(what, "yours")
    found = tuple(dict.fromkeys(path for path in paths if kind.search(path)))
    return Part(what, "linked" if found else "missing", found)
