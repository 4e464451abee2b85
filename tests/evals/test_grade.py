"""`study eval grade`: rows in, rows out; bad rows are named by line."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Barrier, Event

import pytest

from agent.adapters.grading import load_grader
from agent.domain.errors import UsageError
from agent.domain.verdict import ClaimText, Verdict
from evals.grade import claim_parts, grade_file, grade_rows

ROW: dict[str, object] = {
    "id": "a1",
    "question": "How does the pitch change when a string is tighter?",
    "reference": "When the string is tighter, the pitch will be higher.",
    "answer": "The pitch is higher when the string is tighter.",
}
ADDED = {"verdict", "p_covered", "p_contradicted", "score", "abstain", "quote"}


def _write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_rows_keep_their_fields_and_order(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        ROW | {"note": 3},
        ROW | {"id": 2, "answer": ""},
        ROW | {"id": "c", "answer": "It is a guitar from Spain."},
    ]
    source, target = _write(tmp_path / "in.jsonl", *rows), tmp_path / "out.jsonl"
    assert grade_file(source, target, load_grader("lexical")) == 3
    out = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    for before, after in zip(rows, out, strict=True):
        assert set(after) == set(before) | ADDED
        assert {k: after[k] for k in before} == before
        assert 0 <= after["score"] <= 1
        assert after["quote"] in after["answer"]
    assert [o["verdict"] for o in out] == ["covered", "missing", "missing"]
    assert out[0]["score"] > 0.7 > 0.2 > out[2]["score"] >= 0
    grade_file(source, tmp_path / "again.jsonl", load_grader("lexical"))
    assert (tmp_path / "again.jsonl").read_bytes() == target.read_bytes()


def test_half_of_a_joined_reference_earns_part_of_the_credit(tmp_path: Path) -> None:
    both = "The short string has the higher pitch of the two. Water flows from the mountain down to the valley."
    rows = [
        ROW | {"reference": both, "answer": both.replace("The short", "A short")},
        ROW | {"reference": both, "answer": "The short string has the higher pitch."},
        ROW | {"reference": both, "answer": "Nobody can tell what these things do."},
    ]
    grade_file(_write(tmp_path / "in.jsonl", *rows), tmp_path / "out.jsonl", load_grader("lexical"))
    full, half, none = (json.loads(line)["score"] for line in (tmp_path / "out.jsonl").read_text().splitlines())
    assert full > half + 0.1 > none + 0.2


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("{", "Line 2 of .* is not JSON"),
        ("[1]", "Line 2 of .* is not an object"),
        (json.dumps({k: v for k, v in ROW.items() if k != "answer"}), "Line 2 of .* has no text in 'answer'"),
        (json.dumps(ROW | {"question": None}), "Line 2 of .* has no text in 'question'"),
        (json.dumps(ROW | {"reference": "  "}), "Line 2 of .* has an empty 'reference'"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_written(tmp_path: Path, second: str, message: str) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(f"{json.dumps(ROW)}\n{second}\n", encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        grade_file(source, tmp_path / "out.jsonl", load_grader("lexical"))
    assert list(tmp_path.iterdir()) == [source]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing\.jsonl"):
        grade_file(tmp_path / "nothing.jsonl", tmp_path / "out.jsonl", load_grader("lexical"))


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("One claim that stands alone", ["One claim that stands alone"]),
        (
            "It melts at zero degrees. Then it flows down the hill.",
            ["It melts at zero degrees.", "Then it flows down the hill."],
        ),
        ("It melts at zero degrees. Yes. So.", ["It melts at zero degrees. Yes. So."]),
        ("", []),
    ],
)
def test_claim_parts(reference: str, parts: list[str]) -> None:
    assert claim_parts(reference) == parts


def test_two_graders_at_once_say_what_one_says(tmp_path: Path) -> None:
    """Rows are shared out and sorted by question; neither shows in the file."""
    answers = ("It gets higher.", "The pitch is lower.", "A tighter string sounds higher.", "No idea, sorry.")
    rows = [ROW | {"id": i, "question": f"{ROW['question']} ({i % 3})", "answer": answers[i % 4]} for i in range(24)]
    source = _write(tmp_path / "in.jsonl", *rows)
    grade_file(source, tmp_path / "two.jsonl")
    grade_file(source, tmp_path / "one.jsonl", load_grader(marks=True))
    assert (tmp_path / "two.jsonl").read_bytes() == (tmp_path / "one.jsonl").read_bytes()


def test_answers_to_one_question_are_shared_out_too() -> None:
    both = Barrier(2)

    class Meeting:
        """Its first answer waits until the other grader has one as well."""

        version = "meeting"

        def __init__(self) -> None:
            self.alone = True

        def judge(self, question: str, claims: Sequence[ClaimText], answer: str) -> list[Verdict]:
            if self.alone:
                both.wait(10)
            self.alone = False
            return [Verdict(claim.id, "missing", 0.0, 0.0, "", False) for claim in claims]

    rows = [ROW | {"id": i} for i in range(100)]
    assert all(added["verdict"] == "missing" for added in grade_rows([Meeting(), Meeting()], rows))


def test_a_fault_in_one_grader_ends_the_others() -> None:
    broke = Event()

    class Broken:
        version = "broken"

        def judge(self, question: str, claims: Sequence[ClaimText], answer: str) -> list[Verdict]:
            broke.set()
            raise RuntimeError("out of memory")

    class Slow:
        version = "slow"
        judged = 0

        def judge(self, question: str, claims: Sequence[ClaimText], answer: str) -> list[Verdict]:
            broke.wait(10)
            time.sleep(0.01)
            self.judged += 1
            return [Verdict(claim.id, "missing", 0.0, 0.0, "", False) for claim in claims]

    slow = Slow()
    with pytest.raises(RuntimeError, match="out of memory"):
        grade_rows([Broken(), slow], [ROW | {"question": f"Question {i}?"} for i in range(300)])
    assert slow.judged < 200
