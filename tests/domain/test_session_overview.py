"""A busy day's session on one screen."""

import pytest

from agent.domain.session_overview import fits, overview

PARTS = (("Summary", 3), ("What I did", 24), ("Gaps and next steps", 9), ("Decisions", 0), ("Log", 500))


def section(name: str, count: int) -> str:
    entries = (f"- {name} {n}: {'word ' * 4}([e{n}], [e{n}])\n  - in my words: “x”\n" for n in range(count))
    return f"\n## {name}\n\n{''.join(entries)}"


BUSY = "# Study session 2026-11-24\n" + "".join(section(name, count) for name, count in PARTS)


@pytest.mark.parametrize(("rows", "width"), [(24, 80), (18, 60), (12, 100), (7, 40)])
def test_it_stays_on_the_screen_and_counts_everything(rows: int, width: int) -> None:
    shown = overview(BUSY, rows, width)
    assert fits(shown, rows, width)
    assert shown.startswith("Study session 2026-11-24\nSummary (3")
    for line in ("What I did (24", "Gaps and next steps (9", "Decisions: none", "Log (500)"):
        assert line in shown


def test_it_shows_first_entries_where_there_is_room_and_says_so() -> None:
    shown = overview(BUSY, 24, 80)
    assert "What I did (24, the first 4)\n  What I did 0: word" in shown
    assert "in my words" not in shown
    assert "([e" not in shown
    assert "Log 0" not in shown
    assert "What I did 0" not in overview(BUSY, 6, 80)


def test_a_text_edited_by_hand_needs_no_shape() -> None:
    assert overview("just a line\n- an entry before any section\n", 10, 80).strip() == ""


@pytest.mark.parametrize(("text", "rows", "fit"), [("a\nb\n", 2, True), ("a\nb\nc\n", 2, False), ("x" * 81, 1, False)])
def test_whether_a_text_fits(text: str, rows: int, fit: bool) -> None:
    assert fits(text, rows, 80) is fit
