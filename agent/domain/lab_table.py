"""The measured table of a RESULTS.md: made from the records of runs, between two markers, and nowhere else."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import PurePosixPath

from agent.domain.lab import LabEvidence, RunRecord
from agent.domain.markdown import tables
from agent.domain.text import one_line

BEGIN, END = "<!-- measured -->", "<!-- /measured -->"
NOTHING = "No run has been measured yet."
UNMEASURED = "unmeasured"


@dataclass(frozen=True, slots=True)
class Row:
    """A variant with its metrics, the run that they come from, and what is to be known about that run."""

    variant: str
    metrics: Mapping[str, float]
    run: str
    remark: str


def rows(lab: LabEvidence, variants: Sequence[str] = ()) -> list[Row]:
    """Give a row for each variant from its newest run that exited 0; declared variants first, in their order.

    Records that were edited, or that are of another lab, count for nothing. A run of other code than the lab has now
    keeps its row and says so.
    """
    found: dict[str, Row] = {}
    for path, record in _good(lab):
        for variant, metrics in record.results.items():
            found[variant] = Row(variant, metrics, PurePosixPath(path).name, _remark(record, lab))
    order = [*(name for name in variants if name in found), *(name for name in found if name not in variants)]
    return [found[name] for name in order]


def _good(lab: LabEvidence) -> list[tuple[str, RunRecord]]:
    """List the sound records of runs that exited 0, oldest first."""
    read = [(run.path, run.record) for run in lab.runs if run.record is not None]
    good = [
        (path, record)
        for path, record in read
        if record.exit_code == 0 and record.sha256 == record.computed_hash() and f"lab/{record.lab}" == lab.path
    ]
    return sorted(good, key=lambda found: (found[1].started, found[0]))


def _remark(record: RunRecord, lab: LabEvidence) -> str:
    other = (
        "other code"
        if record.code_sha256 != lab.code_sha256
        else "other environment"
        if record.env_sha256 != lab.env_sha256
        else ""
    )
    words = [f"{record.started.astimezone(UTC):%Y-%m-%d}", "reported" if record.reported else "", other]
    return ", ".join(word for word in words if word)


def table(rows: Sequence[Row], metrics: Sequence[str] = ()) -> str:
    """Render rows as a markdown table; `metrics` come first among the columns, in their order."""
    if not rows:
        return NOTHING
    known = dict.fromkeys(metric for row in rows for metric in row.metrics)
    columns = [*(name for name in metrics if name in known), *(name for name in known if name not in metrics)]
    return "\n".join(_lines(rows, columns))


def table_gap(text: str, lab: LabEvidence) -> str:
    """Say which number between the markers no sound record of the lab holds for its variant and metric; "" if none.

    An older run may still be shown, a number may be written with more zeros. Tables elsewhere are the author's word.
    """
    if marker_gap(text):
        return ""
    held: dict[tuple[str, str], set[str]] = {}
    for _, record in _good(lab):
        for variant, metrics in record.results.items():
            for name, cell in _numbers(table([Row(variant, metrics, "", "")])):
                held.setdefault(name, set()).add(cell)
    for (variant, metric), cell in _numbers(text.split(BEGIN, 1)[1].split(END, 1)[0]):
        known = held.get((variant, metric), set())
        if cell not in known and _value(cell) not in {_value(other) for other in known}:
            where = f"{one_line(metric, 60)!r} of {one_line(variant, 60)!r}"
            return f"its measured table has {one_line(cell, 30)} for {where}, which no sound record in runs/ holds"
    return ""


def _numbers(text: str) -> Iterator[tuple[tuple[str, str], str]]:
    """Give the cells of measured tables that say anything, each with its variant and metric."""
    for found in tables(text):
        for row in found.rows:
            for metric, cell in list(zip(found.header, row, strict=False))[1:]:
                if metric != "Run" and cell not in ("", UNMEASURED):
                    yield (row[0], metric), cell


def _value(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def _lines(rows: Sequence[Row], columns: Sequence[str]) -> Iterator[str]:
    yield f"| Variant | {''.join(f'{_cell(name)} | ' for name in columns)}Run |"
    yield f"|---|{'---:|' * len(columns)}---|"
    for row in rows:
        cells = [number(row.metrics[name]) if name in row.metrics else UNMEASURED for name in columns]
        yield f"| {_cell(row.variant)} | {''.join(f'{cell} | ' for cell in cells)}[{row.remark}](runs/{row.run}) |"


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def number(value: float) -> str:
    """Write a number with four significant digits; whole numbers, and what has more digits before the point, whole."""
    if abs(value) < 1e15 and (value == int(value) or abs(value) >= 1e4):
        return str(round(value))
    return f"{value:.4g}"


def marker_gap(text: str) -> str:
    """Say what keeps a table from being written into a text, as a clause; "" where nothing does."""
    begins, ends = text.count(BEGIN), text.count(END)
    if not begins and not ends:
        return f"it has no lines `{BEGIN}` and `{END}` to write the table between"
    if begins != 1 or ends != 1 or text.index(BEGIN) > text.index(END):
        return f"it needs `{BEGIN}` once and `{END}` once below it"
    return ""


def with_table(text: str, table: str) -> str:
    """Replace what stands between the markers, with the text's own line endings; every other byte is kept.

    The text has to have both markers (`marker_gap`).
    """
    end_of_line = "\r\n" if "\r\n" in text else "\n"
    head, rest = text.split(BEGIN, 1)
    _, tail = rest.split(END, 1)
    body = "\n".join(("", table, "")).replace("\n", end_of_line)
    return f"{head}{BEGIN}{body}{END}{tail}"
