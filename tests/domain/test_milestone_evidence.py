"""The roadmap's own lines on required evidence, part by part."""

import pytest

from agent.domain.milestone_evidence import required_parts

PATHS = ("sessions/a.md", "lab/x/README.md", "lab/x/RESULTS.md", "tracks/01-a/b.md")


@pytest.mark.parametrize(
    ("line", "verdicts"),
    [
        ("session links + lab `RESULTS.md` + track notes", ["linked", "linked", "linked"]),
        ("benchmark scripts + env + `RESULTS.md`", ["yours", "yours", "linked"]),
        ("design note + lab + regression/eval artifacts", ["missing", "linked", "yours"]),
        ("", []),
    ],
)
def test_parts(line: str, verdicts: list[str]) -> None:
    assert [part.verdict for part in required_parts(line, PATHS)] == verdicts
    assert {part.verdict for part in required_parts(line, ())} <= {"missing", "yours"}
