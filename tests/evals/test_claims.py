"""The report of claims that the grader mistakes."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from agent.domain.verdict import ClaimText, Verdict
from evals import claims
from evals.adversarial.pins import notes
from evals.claims import Answer, is_sealed, made, report, rows, written

NOTE = notes()["kv-cache-scaling"]


class Gullible:
    """Takes everything for covered but what says `never`, and says so of nothing else."""

    version = "gullible"

    def judge(self, question: str, claims: Sequence[ClaimText], answer: str) -> list[Verdict]:
        """Judge by one word."""
        name, p = ("missing", 0.1) if "never" in answer else ("covered", 0.9)
        return [Verdict(c.id, name, p, 0.0, "", False) for c in claims]  # type: ignore[arg-type]


def test_refusals_and_false_passes_are_counted_and_the_worst_claim_comes_first() -> None:
    first, second = NOTE.core[:2]
    answers = [
        Answer(NOTE.id, first.id, "q", "it never ends", True, "terse"),
        Answer(NOTE.id, first.id, "q", "it ends", True, "long"),
        Answer(NOTE.id, second.id, "q", "the contrary", False, "wrong"),
        Answer(NOTE.id, second.id, "q", "never the contrary", False, "negated"),
    ]
    table = rows(Gullible(), answers)
    assert [(r.claim, r.refused, r.truthful, r.accepted, r.false) for r in table] == [
        (second.id, 0, 0, 1, 2),
        (first.id, 1, 2, 0, 0),
    ]
    text = report(table, "gullible", 5)
    assert "1 of 2 truthful answers refused (50.0%), 1 of 2 falsehoods accepted (50.0%)" in text
    assert f"| {NOTE.id} ^{second.id} | 0 of 0 | 1 of 2 | wrong: the contrary |" in text


def test_every_claim_is_held_against_itself_and_no_sealed_case_is_read() -> None:
    assert {a.claim for a in made(NOTE) if a.true} == {c.id for c in NOTE.claims}
    assert is_sealed("persistence")
    assert not is_sealed(NOTE.id)
    assert not is_sealed("offload")
    assert not any(is_sealed(a.note) for a in written())


def test_the_command_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "report.md"
    monkeypatch.setattr("sys.argv", ["claims", "--kind", "lexical", "--note", NOTE.id, "--out", str(out)])
    assert claims.main() == 0
    text = out.read_text("utf-8")
    assert f"{len(NOTE.claims)} claims of 1 notes" in text
    assert "lexical-" in text
