"""Every gate on a table of cases: each rule met, missing and faked, with the sentence it gives."""

from collections import Counter
from pathlib import Path

import pytest

from tests.helpers.gate_cases import CASES, DOCS, Case, verdict, with_table


@pytest.mark.parametrize("case", CASES, ids=[f"L{case.level}-{case.kind}-{case.name}" for case in CASES])
def test_case(tmp_path: Path, case: Case) -> None:
    said = verdict(tmp_path / "w", case)
    assert said[:1] == ([case.missing] if case.missing else [])
    assert len(said) == bool(case.missing) + case.more


def test_the_table_covers_every_level_and_kind() -> None:
    counted = Counter((case.level, case.kind) for case in CASES)
    assert set(counted) == {(level, kind) for level in range(1, 6) for kind in ("met", "missing", "faked")}
    assert len(CASES) >= 40
    assert len({(case.level, case.name) for case in CASES}) == len(CASES)


def test_the_documented_table_is_current() -> None:
    """`python -m tests.helpers.gate_cases` writes it."""
    text = DOCS.read_text(encoding="utf-8")
    assert with_table(text) == text
