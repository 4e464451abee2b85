"""Golden questions over the project's own notes: how often the block is found, and what the notes lack turned away.

    python -m evals.golden [--models DIR]

`evals/cases/retrieval/golden.jsonl` holds 170 questions: worded near the note, worded away from it, and ones that the
notes do not answer. An expectation names a block id, so that it survives edits around it.
"""

import argparse
import json
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from agent.adapters.retrieval import HybridRetriever, NoteIndex
from agent.adapters.retrieval.textstore import Row
from agent.domain.answering import has_evidence
from agent.domain.errors import UsageError
from agent.domain.fusion import ranked, reciprocal_rank
from agent.ports.retriever import Retriever

DEPTHS = (1, 3, 5, 10)


@dataclass(frozen=True, slots=True)
class Case:
    """A question; `expected` are (path, block id) of blocks that answer it, empty where the notes do not.

    `also` are further blocks that answer it, found by reading what systems cited (pooling): they count as right in a
    citation, and retrieval is not measured by them.
    """

    id: str
    question: str
    wording: str
    expected: tuple[tuple[str, str], ...]
    also: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """Rank (1 is best) of the first passage with an expected block and with its file; None where not among ten."""

    case: Case
    block_rank: int | None
    file_rank: int | None
    evidence: bool


def load_cases(text: str | None = None) -> list[Case]:
    """The shipped cases, or those of a JSON lines text."""
    if text is None:
        text = resources.files("evals").joinpath("cases", "retrieval", "golden.jsonl").read_text("utf-8")
    rows: list[dict[str, Any]] = [json.loads(line) for line in text.split("\n") if line.strip()]
    return [
        Case(row["id"], row["question"], row["wording"], _blocks(row["expected"]), _blocks(row.get("also", ())))
        for row in rows
    ]


def _blocks(rows: Iterable[dict[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((row["path"], row["block"]) for row in rows)


def block_line(root: Path, path: str, block: str) -> int:
    """1-based line of a block id.

    Raises:
        UsageError: the note or its block is gone; the case has to be mended.
    """
    try:
        lines = (root / path).read_text("utf-8").split("\n")
    except OSError:
        lines = []
    for number, line in enumerate(lines, 1):
        if re.search(rf"\^{re.escape(block)}\s*$", line):
            return number
    raise UsageError(f"{path!r} has no block {block!r}; mend the golden case that names it")


def measure(root: Path, retriever: Retriever, cases: Sequence[Case]) -> list[Outcome]:
    """Search every question; one outcome a case, in order."""
    result = []
    for case in cases:
        passages = retriever.search(case.question, max(DEPTHS))
        places = [(path, block_line(root, path, block)) for path, block in case.expected]
        blocks = [any(p.path == f and p.start_line <= n <= p.end_line for f, n in places) for p in passages]
        notes = [any(p.path == f for f, _ in places) for p in passages]
        evidence = has_evidence([(p.lexical, p.cosine) for p in passages])
        result.append(Outcome(case, _rank(blocks), _rank(notes), evidence))
    return result


def by_leg(
    root: Path, index: NoteIndex, retriever: HybridRetriever, cases: Sequence[Case]
) -> list[dict[str, int | None]]:
    """Rank of the first chunk with an expected block in each leg alone, by reciprocal rank, and as shipped."""
    result = []
    for case in cases:
        legs = retriever.legs(case.question)
        rows = _rows(index, legs.fused)
        places = [(path, block_line(root, path, block)) for path, block in case.expected]
        orders = {"words": ranked(legs.lexical), "vectors": ranked(legs.cosine)}
        orders["reciprocal rank"] = ranked(reciprocal_rank(list(orders.values())))
        orders["shipped"] = ranked(legs.fused)
        result.append(
            {name: _rank([_holds(rows[row], places) for row in order[: max(DEPTHS)]]) for name, order in orders.items()}
        )
    return result


def _rows(index: NoteIndex, numbers: Iterable[int]) -> dict[int, Row]:
    return index.read(lambda text: text.rows(numbers))


def _holds(row: Row, places: Sequence[tuple[str, int]]) -> bool:
    return any(row.path == path and row.start_line <= line <= row.end_line for path, line in places)


def leg_table(cases: Sequence[Case], ranks: Sequence[dict[str, int | None]]) -> str:
    """Recall of the block at each depth, by wording and leg."""
    lines = []
    for wording in ("near", "away"):
        group = [each for case, each in zip(cases, ranks, strict=True) if case.wording == wording]
        for name in group[0] if group else ():
            found = [each[name] for each in group]
            cells = "  ".join(f"@{k} {sum(r is not None and r <= k for r in found) / len(group):.3f}" for k in DEPTHS)
            lines.append(f"{wording:<13} n={len(group):<3} {name:<15} {cells}")
    return "\n".join(lines)


def _rank(hits: Sequence[bool]) -> int | None:
    return hits.index(True) + 1 if True in hits else None


def table(outcomes: Sequence[Outcome]) -> str:
    """Recall at each depth by wording, and how the evidence gate decides."""
    lines = []
    for wording in ("near", "away"):
        group = [o for o in outcomes if o.case.wording == wording]
        for name in ("block_rank", "file_rank"):
            ranks = [getattr(o, name) for o in group]
            cells = "  ".join(f"@{k} {sum(r is not None and r <= k for r in ranks) / len(group):.3f}" for k in DEPTHS)
            lines.append(f"{wording:<13} n={len(group):<3} recall of the {name[:5]} {cells}")
        kept = sum(o.evidence for o in group)
        lines.append(f"{wording:<13} n={len(group):<3} passed on to an answer {kept / len(group):.3f}")
    group = [o for o in outcomes if not o.case.expected]
    turned = sum(not o.evidence for o in group)
    lines.append(f"{'unanswerable':<13} n={len(group):<3} turned away before any model {turned / len(group):.3f}")
    return "\n".join(lines)


def main() -> None:
    """Index the notes of this folder and print the table."""
    from evals.bench.embedder import shipped_embedder

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, help="mirror folder for the embedder's files")
    parser.add_argument("--index", type=Path, help="keeps the index for the next run")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="study-golden-") as temporary,
        NoteIndex(Path.cwd(), options.index or Path(temporary), shipped_embedder(options.models)) as index,
    ):
        index.sync()
        retriever = HybridRetriever(index)
        cases = load_cases()
        print(table(measure(Path.cwd(), retriever, cases)))
        print(leg_table(cases, by_leg(Path.cwd(), index, retriever, cases)))
        retriever.close()


if __name__ == "__main__":
    main()
