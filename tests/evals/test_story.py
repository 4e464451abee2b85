"""The recorded story tells each level refused, then approved by a person, then its row and ledger entry."""

from pathlib import Path

import pytest


@pytest.mark.parametrize("level", ["L1", "L2", "L3"])
def test_each_level_was_refused_and_then_approved(level: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "story.md").read_text(encoding="utf-8")
    told = page[page.index(f"→ {level}\n") :]
    shown = (f"✗ {level} ", "Not proposed", "uit? a", f"is at {level} now", f"| {level} |", f'"{level}"]')
    places = [told.rindex(words) if words.startswith('"') else told.index(words) for words in shown]
    assert places[:4] == sorted(places[:4])
    after = told[places[3] :].split("\n## ")[0]
    assert f"| {level} |" in after
    assert f'"{level}"]' in after
