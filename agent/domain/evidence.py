"""What a lab's documents say, by their text alone.

Each `*_gap` function says in a clause what is missing, and "" where nothing is. They look for what a gate asks for and
for the usual ways to fake it (prose without numbers, numbers without units, headings with nothing below, filler);
whether what stands there is *good* is for the human who approves.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.domain.markdown import Table, code_blocks, headings, named_parts, prose, sections, size, tables, variety
from agent.domain.text import one_line
from agent.domain.units import SPECIFIC, has_unit, is_ratio, number_with_unit

MIN_README = 15
MIN_PART = 3
MIN_HOOK = 6
MIN_TEACHING = 150
MIN_TEACHING_VARIETY = 60
MIN_TEACHING_HEADINGS = 3

_PLACEHOLDER = re.compile(
    r"\b(?:todo|tbd|tba|fixme|xxx|lorem ipsum|to be (?:written|done|filled)|n/a)\b", re.IGNORECASE
)
# What a skeleton asks its reader to write is not yet written: `TODO: the number, with its unit`.
_TO_WRITE = re.compile(r"\b(?:todo|tbd|fixme)\b[*_`]*[:：].*", re.IGNORECASE)
_FAILURE = re.compile(r"failure|debug|incident|post-?mortem|went wrong", re.IGNORECASE)
_PARTS = {
    "symptom": re.compile(r"symptoms?", re.IGNORECASE),
    "hypothesis": re.compile(r"hypothes[ie]s", re.IGNORECASE),
    "test": re.compile(r"(?:tests?|experiments?)", re.IGNORECASE),
    "fix": re.compile(r"(?:fix(?:es)?|remedy)", re.IGNORECASE),
}
_LABEL = re.compile(
    r"(?:^|→|->|[;.])[ \t]*(symptoms?|hypothes[ie]s|tests?|experiments?|fix(?:es)?|remedy)[ \t]*"
    r"(?:[:：—–→]|-(?=\s)|->|\.(?=\s)|$)",
    re.IGNORECASE | re.MULTILINE,
)
_MARKS = re.compile(r"[*_`]|^[ \t]*(?:[-+>][ \t]+|#{1,6}[ \t]+|\d+[.)][ \t]+)+", re.MULTILINE)
_METRIC_COLUMN = re.compile(r"metrics?|measures?|measurements?|kpi", re.IGNORECASE)
# Settings of a run, not results: two variants that share them have been compared on nothing.
_SETTING = re.compile(
    r"n|k|learning rate|lr|top[- ]?k|seeds?|batch(?: size)?|epochs?|steps|runs?|samples?|date|#", re.IGNORECASE
)
_BOUND = re.compile(
    r"≤|<|⩽|\b(?:at most|no more than|not exceed|up to|max(?:imum)?|below|under|within|limit(?:ed|s)?|budget"
    r"|cap(?:ped)?|slo|target|constraints?|ceiling)\b",
    re.IGNORECASE,
)
_LIMITS = {
    "latency": re.compile(r"latenc|response time|time to first token|\bttft\b|\btpot\b|\bp9[59]\b", re.IGNORECASE),
    "memory": re.compile(r"\bmemory\b|\bv?ram\b|\brss\b", re.IGNORECASE),
    "cost": re.compile(r"\bcosts?\b|\bprices?\b|\bspend", re.IGNORECASE),
}
_HOOKS = {
    "monitoring": re.compile(r"monitor|observab|alert|dashboard|telemetry", re.IGNORECASE),
    "eval": re.compile(r"\beval|regression|golden set", re.IGNORECASE),
    "io": re.compile(r"\bi/?o\b|\binputs?\b|robust|validation|(?:error|failure) handling|malformed", re.IGNORECASE),
}
_NAMED = re.compile(r"`[^`\n]+`|\]\([^)\s]+\)")
_STEP = re.compile(r"^[ \t]*\d+[.)][ \t]+\S", re.MULTILINE)


def says(text: str, least: int) -> bool:
    """Whether a text has at least so many words of its own and is no placeholder."""
    written = _TO_WRITE.sub(" TODO ", text)
    return size(_PLACEHOLDER.sub(" ", written)) >= least and not (
        _PLACEHOLDER.search(written) and size(written) < 2 * least
    )


def readme_gap(text: str) -> str:
    """A README says what the lab shows and how to run it."""
    body = "\n".join(line for line in prose(text).splitlines() if not line.lstrip().startswith("#"))
    if not body.strip():
        return "it is empty"
    return "" if says(body, MIN_README) else f"it has fewer than {MIN_README} words beside headings and code"


def spec_gap(text: str) -> str:
    """An environment spec has a line that is no placeholder; that nothing is needed may be said in a comment."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return "it is empty"
    return "" if any(not _PLACEHOLDER.search(line) for line in lines) else "it is to be written yet"


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric of a results table with the variants that have a number for it, in order."""

    metric: str
    variants: tuple[str, ...]
    unit: bool


def measured(text: str) -> list[Measured]:
    """List what the tables of a results file measure.

    Variants are rows and metrics columns, or the other way round where the first column is headed `Metric`. Columns
    that only repeat a setting (seed, batch size) are no metrics.
    """
    return [found for table in tables(prose(text)) for found in _measured(table)]


def _measured(table: Table) -> Iterator[Measured]:
    header, rows = table.header, table.rows
    if header and _METRIC_COLUMN.fullmatch(header[0]):
        header, *columns = (tuple(column) for column in zip(table.header, *_padded(table), strict=True))
        rows = tuple(columns)
    for place, metric in enumerate(header[1:], 1):
        if _SETTING.fullmatch(metric):
            continue
        numbers = [(row[0], row[place]) for row in rows if len(row) > place and row[0]]
        parsed = [(variant, number_with_unit(cell)) for variant, cell in numbers]
        real = [(variant, number) for variant, number in parsed if number is not None]
        if real:
            unit = is_ratio(metric) or has_unit(metric) or all(number.unit for _, number in real)
            yield Measured(metric, tuple(dict.fromkeys(variant for variant, _ in real)), unit)


def _padded(table: Table) -> list[tuple[str, ...]]:
    width = len(table.header)
    return [(row + ("",) * width)[:width] for row in table.rows]


def comparison_gap(text: str) -> str:
    """Two variants or more are measured on the same metric, in numbers with a unit."""
    found = measured(text)
    if not found:
        return "it has no table with numbers, only text" if size(prose(text)) else "it is empty"
    shared = [item for item in found if len(item.variants) > 1]
    if any(item.unit for item in shared):
        return ""
    if shared:
        return f"the numbers of {_quoted(shared[0].metric)} have no unit"
    variants = list(dict.fromkeys(variant for item in found for variant in item.variants))
    if len(variants) > 1:
        return f"{_quoted(variants[0])} and {_quoted(variants[1])} have numbers, but no metric in common"
    return f"only one variant ({_quoted(variants[0])}) has numbers"


def failure_gap(text: str) -> str:
    """A failure analysis with symptom, hypothesis, test and fix, each of them saying something."""
    found = [body for title, body in sections(prose(text)) if _FAILURE.search(title)]
    if not found:
        return "the section is missing"
    failures = [failure for body in found for failure in _failures(body)]
    if not failures:
        return "the section is empty" if not any(size(body) for body in found) else "it names no symptom"
    best = max(failures, key=lambda failure: sum(says(failure.get(part, ""), MIN_PART) for part in _PARTS))
    for part in _PARTS:
        if part not in best:
            return f"it has no {part}"
        if not says(best[part], MIN_PART):
            return f"its {part} is empty"
    return ""


def _failures(section: str) -> Iterator[dict[str, str]]:
    """Split a section into failures, each a mapping of part to text; a symptom begins a new one."""
    for table in tables(section):
        columns = {_part(title): place for place, title in enumerate(table.header) if _part(title)}
        if columns:
            for row in _padded(table):
                yield {part: row[place] for part, place in columns.items()}
    plain = _MARKS.sub("", section)
    labels = list(_LABEL.finditer(plain))
    failure: dict[str, str] = {}
    for place, label in enumerate(labels):
        end = labels[place + 1].start() if place + 1 < len(labels) else len(plain)
        part = _part(label[1])
        if part in failure and part == "symptom":
            yield failure
            failure = {}
        failure[part] = f"{failure.get(part, '')} {plain[label.end() : end]}".strip()
    if failure:
        yield failure


def _part(title: str) -> str:
    return next((part for part, pattern in _PARTS.items() if pattern.fullmatch(title.strip())), "")


def limit_gap(text: str, kind: str) -> str:
    """An explicit limit on `latency`, `memory` or `cost`: one line that names it, bounds it, and has a unit."""
    named = [(line, bounded) for line, bounded in _lines(text) if _LIMITS[kind].search(line)]
    if not named:
        return f"nothing is said about {kind}"
    with_number = [(line, bounded) for line, bounded in named if SPECIFIC[kind].search(line)]
    if not with_number:
        return f"no line on {kind} has a number with a unit"
    if not any(bounded or _BOUND.search(line) for line, bounded in with_number):
        return f"the {kind} is no limit (say at most, below, ≤)"
    return ""


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Give every line and table row, and whether its heading already says that it is a limit."""
    for title, body in sections(prose(text), nested=False):
        bounded = bool(_BOUND.search(title))
        for table in tables(body):
            for row in _padded(table):
                pairs = zip(table.header, row, strict=True)
                yield " ".join(f"{head} {cell}" for head, cell in pairs), bounded
        yield from ((line, bounded) for line in body.splitlines() if "|" not in line)


def hook_gap(text: str, kind: str) -> str:
    """A part on `monitoring`, `eval` or `io` that says something; a hook names its metric, command or file."""
    found = [body for name, body in named_parts(prose(text)) if _HOOKS[kind].search(name)]
    if not found:
        return "no section or labelled line is about it"
    full = [body for body in found if says(body, MIN_HOOK)]
    if not full:
        return "the part is empty" if not any(size(body) for body in found) else "the part says next to nothing"
    if kind != "io" and not any(_NAMED.search(body) for body in full):
        return "it names no metric, command or file (in `code` or as a link)"
    return ""


def teaching_gap(text: str, dead_links: Sequence[str] = ()) -> str:
    """A writeup that others can follow: structure, substance, something to do, and links that open."""
    body = prose(text)
    if not size(body):
        return "it is empty"
    if size(body) < MIN_TEACHING:
        return f"it has {size(body)} words; {MIN_TEACHING} are the least that anybody could follow"
    if variety(body) < MIN_TEACHING_VARIETY:
        return "it repeats itself: too few different words"
    if len(headings(body)) < MIN_TEACHING_HEADINGS:
        return f"it has fewer than {MIN_TEACHING_HEADINGS} headings"
    if not _STEP.search(body) and not code_blocks(text):
        return "it gives the reader nothing to do: no numbered step, no code"
    return dead_links[0].rstrip(".") if dead_links else ""


def _quoted(text: str) -> str:
    return repr(one_line(text, 60))
