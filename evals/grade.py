"""`study eval grade IN.jsonl OUT.jsonl`: grade rows of question, reference and answer with the local grader."""

import json
import os
import re
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

from agent.adapters.grading import load_grader
from agent.domain.errors import UsageError
from agent.domain.verdict import ClaimText, Verdict
from agent.ports.grader import Grader

_WORKERS = 2
"""Rows graded at a time, each by a grader of its own on one thread: the encoder is too small to share two cores."""
_FEW = 20
"""Rows up to which a second grader is not worth its loading."""
_GROUP = 25
"""Answers to one question that one grader takes at a time."""
_PART_WORDS = 5
"""Words from which a sentence of a reference counts as a claim of its own."""
_WHOLE = 0.25
"""Weight of the reference judged as one claim in `score`; its parts share the rest."""


def grade_file(source: Path, target: Path, grader: Grader | None = None) -> int:
    """Grade the rows of `source` into `target` (JSON lines) and return how many there were.

    A row is an object with the strings `id`, `question`, `reference` (a claim, or several joined) and `answer`;
    further fields are kept. Added are `verdict`, `p_covered`, `p_contradicted` (of the reference as a whole),
    `score` (expected fraction of credit, 0..1), `abstain` and `quote`. The same input gives the same output.
    `target` is replaced whole, or not at all.

    Raises:
        UsageError: `source` cannot be read, or a line is not such a row; the message names the line.
    """
    try:
        text = source.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{str(source)!r} cannot be read as UTF-8 text ({error}); give a JSON lines file.") from None
    rows = list(_rows(source, text))
    workers = 1 if len(rows) <= _FEW else _WORKERS
    graded = grade_rows([grader] if grader else [load_grader(marks=True, threads=1) for _ in range(workers)], rows)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as out:
            for row, added in zip(rows, graded, strict=True):
                out.write(json.dumps(row | added, ensure_ascii=False) + "\n")
        temporary.replace(target)
    except OSError as error:
        raise UsageError(f"{str(target)!r} cannot be written ({error}); choose another place.") from None
    finally:
        temporary.unlink(missing_ok=True)
    return len(rows)


def grade_rows(graders: Sequence[Grader], rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The added fields of each row, one grader a thread.

    The answers to one question go to one grader, one after another: what it knows of the question and the reference
    serves them all. Whoever is free takes the next question, the ones with most to read first.
    """
    questions: dict[str, list[int]] = {}
    for i in sorted(range(len(rows)), key=lambda i: str(rows[i]["reference"])):
        questions.setdefault(rows[i]["question"], []).append(i)
    groups = [group[at : at + _GROUP] for group in questions.values() for at in range(0, len(group), _GROUP)]
    waiting = deque(sorted(groups, key=lambda group: -sum(_size(rows[i]) for i in group)))
    found: list[dict[str, Any]] = [{} for _ in rows]
    stop = Event()

    def work(grader: Grader) -> None:
        while not stop.is_set():
            try:
                group = waiting.popleft()
            except IndexError:
                return
            for i in group:
                if stop.is_set():
                    return
                found[i] = grade_row(grader, rows[i])

    with ThreadPoolExecutor(len(graders)) as pool:
        running = [pool.submit(work, grader) for grader in graders]
        try:
            for one in running:
                one.result()
        finally:
            stop.set()  # after Ctrl-C or a fault, the others end with the row they are at
    return found


def _size(row: dict[str, Any]) -> int:
    """What there is to read, in characters: each part of the reference is held against the answer."""
    return len(row["answer"]) * len(claim_parts(row["reference"])) + len(row["reference"])


def grade_row(grader: Grader, row: dict[str, Any]) -> dict[str, Any]:
    """The added fields for one row."""
    parts = claim_parts(row["reference"])
    whole = _judge(grader, row, row["reference"])
    score = whole.p_covered
    if len(parts) > 1:
        mean = sum(_judge(grader, row, part).p_covered for part in parts) / len(parts)
        score = _WHOLE * whole.p_covered + (1 - _WHOLE) * mean
    return {
        "verdict": whole.name,
        "p_covered": whole.p_covered,
        "p_contradicted": whole.p_contradicted,
        "score": round(score, 6),
        "abstain": whole.abstain,
        "quote": whole.quote,
    }


def _judge(grader: Grader, row: dict[str, Any], claim: str) -> Verdict:
    """Each by itself: every part of the reference is what the question asks for, not a neighbour of it."""
    return grader.judge(row["question"], [ClaimText("claim", claim, "claim")], row["answer"])[0]


def claim_parts(reference: str) -> list[str]:
    """The reference cut into sentences; short ones join the one before, so each part can stand as a claim."""
    parts: list[str] = []
    for piece in re.split(r"(?<=[.;!?])\s+|\n+", reference.strip()):
        short = len(piece.split()) < _PART_WORDS
        if parts and (short or len(parts[-1].split()) < _PART_WORDS):
            parts[-1] += f" {piece}"
        elif piece:
            parts.append(piece)
    return parts


def _rows(source: Path, text: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"Line {number} of {str(source)!r}"
        try:
            row = json.loads(line)
        except ValueError:
            raise UsageError(f"{where} is not JSON; write one object a line.") from None
        if not isinstance(row, dict):
            raise UsageError(f"{where} is not an object; it needs id, question, reference and answer.")
        for field in ("id", "question", "reference", "answer"):
            if not isinstance(row.get(field), str) and not (field == "id" and isinstance(row.get(field), int)):
                raise UsageError(f"{where} has no text in {field!r}; each row needs id, question, reference, answer.")
        if not row["reference"].strip():
            raise UsageError(f"{where} has an empty 'reference'; give the claim that the answer should state.")
        yield row
