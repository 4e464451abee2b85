"""Editing one line of roadmap.md's lists: the bytes that change, and what is refused."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.domain.change import LineChange
from agent.domain.errors import ConflictError, WorkspaceError
from agent.workspace.roadmap_file import parse_roadmap
from agent.workspace.roadmap_lines import edited_line

REPO = Path(__file__).parents[2]
SEED = (REPO / "roadmap.md").read_bytes().decode("utf-8")
TITLE = "Milestone 1 — Orchestrator (Framework L3)"
FOCUS = "Quarter Focus (Update Weekly)"
EVAL = "Includes offline eval + regression tests"
Q1 = "Q1 focus: LangChain v1.0 (LCEL) + DeepSpeed (ZeRO)"


def box(before: str, after: str, heading: str = TITLE) -> LineChange:
    return LineChange(part="milestone", heading=heading, before=before, after=after)


def focus(before: str, after: str) -> LineChange:
    return LineChange(part="focus", heading=FOCUS, before=before, after=after)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_tick_is_one_character(newline: str, mark: str) -> None:
    text = mark + SEED.replace("\n", newline)
    bullet = "LangChain v1.0 core topics reach L3"
    edited = edited_line(text, box(f"[ ] {bullet}", f"[x] {bullet}"))
    (place,) = (i for i, (a, b) in enumerate(zip(text, edited, strict=True)) if a != b)
    assert (text[place], edited[place]) == (" ", "x")
    assert text[place:].startswith(" ] LangChain v1.0 core topics")
    assert edited_line(edited, box(f"[x] {bullet}", f"[ ] {bullet}")) == text


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("change", "old", "new"),
    [
        (focus(Q1, "Q1 focus: LangGraph"), "LangChain v1.0 (LCEL) + DeepSpeed (ZeRO)", "LangGraph"),
        (focus(Q1, ""), f"- **Q1 focus:** {Q1[10:]}\n", ""),
        (
            focus("", "Q5 focus: rest"),
            "portfolio pack\n",
            "portfolio pack\n- **Q5 focus:** rest\n",
        ),
        (focus(Q1, "Q1 focus: *a* [b] | c"), Q1[10:], r"\*a\* \[b\] | c"),
    ],
)
def test_a_focus_line(newline: str, change: LineChange, old: str, new: str) -> None:
    text = SEED.replace("\n", newline)
    old, new = old.replace("\n", newline), new.replace("\n", newline)
    assert text.count(old) == 1
    assert edited_line(text, change) == text.replace(old, new)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (box("[ ] Nothing of the kind", "[x] Nothing of the kind"), "no line reading"),
        (
            box("[x] Includes offline eval + regression tests", "[ ] Includes offline eval + regression tests"),
            "no line",
        ),
        (
            box("[ ] Includes offline eval + regression tests", "[x] Includes offline eval + regression tests", "M"),
            "no",
        ),
        (focus("Q9 focus: x", "Q9 focus: y"), "no line reading"),
    ],
)
def test_a_line_that_is_not_there(change: LineChange, message: str) -> None:
    with pytest.raises(ConflictError, match=message):
        edited_line(SEED, change)


def test_two_lines_that_read_alike() -> None:
    text = SEED.replace(f"- [ ] {EVAL}", f"- [ ] {EVAL}\n- [ ] {EVAL}")
    with pytest.raises(ConflictError, match="two lines"):
        edited_line(text, box(f"[ ] {EVAL}", f"[x] {EVAL}"))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (box("[ ] a b", "[x] other"), "## Milestone 1\n- [ ] a b\n"),  # a tick does not reword
        (focus("Q1 focus: a b", "Q1 focus: c"), "## Focus\n- Q1 focus: a\n  b\n"),  # two lines
        (focus("Q1 focus: a", "Q2 focus: a"), "## Focus\n- **Q1 focus:** a\n"),  # another label
    ],
)
def test_what_cannot_be_changed_alone_is_refused(change: LineChange, text: str) -> None:
    change = change.model_copy(update={"heading": "Milestone 1"})
    with pytest.raises(WorkspaceError, match="without harm"):
        edited_line(text, change)


@settings(max_examples=50)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=60))
def test_whatever_the_focus_says_is_read_back(words: str) -> None:
    said = " ".join(words.split())
    if not said:
        return
    try:
        edited = edited_line(SEED, focus(Q1, f"Q1 focus: {said}"))
    except WorkspaceError:
        return  # refused whole, never written half
    after = parse_roadmap(edited)
    assert after.focus[0].text == said
    assert edited.replace(edited.splitlines()[parse_roadmap(SEED).focus[0].line - 1], "", 1).count("focus:") == 3
