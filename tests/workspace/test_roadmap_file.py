import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.domain.errors import WorkspaceError
from agent.domain.level import Level
from agent.domain.roadmap import EvidenceLink, Topic
from agent.workspace.files import read_text
from agent.workspace.inline import links, markdown, plain_text
from agent.workspace.roadmap_file import edit_topic, parse_roadmap, topic_rows
from agent.workspace.table import cell_source
from tests.helpers.roadmaps import odd_roadmaps, table

ROOT = Path(__file__).parents[2]
QUIZ = EvidenceLink("2026-11-23 quiz", "sessions/2026-11-23-kv-cache-ab12.md")


def _shipped() -> str:
    return read_text(ROOT, "roadmap.md")


def _only(text: str) -> Topic:
    (topic,) = parse_roadmap(text).topics
    return topic


class TestShippedRoadmap:
    def test_tracks_modules_and_topics(self) -> None:
        roadmap = parse_roadmap(_shipped())
        assert [(t.id, len(t.modules), len(t.topics)) for t in roadmap.tracks] == [
            ("01-frameworks-application-orchestration", 4, 16),
            ("02-systems-training-performance", 4, 12),
            ("03-mechanisms-research", 8, 10),
            ("04-coding-system-design", 4, 6),
        ]
        assert len({topic.id for topic in roadmap.topics}) == 44

    def test_a_blank_module_cell_continues_the_one_above(self) -> None:
        topic = parse_roadmap(_shipped()).find("vllm-concepts")[0]
        assert (topic.module, topic.text) == ("Serving (Inference)", "vLLM concepts (PagedAttention, scheduling)")
        assert _shipped().split("\n")[topic.line - 1].startswith("|  | vLLM concepts")

    def test_focus_milestones_and_rules(self) -> None:
        roadmap = parse_roadmap(_shipped())
        assert [line.label for line in roadmap.focus] == ["Q1 focus", "Q2 focus", "Q3 focus", "Q4 focus"]
        assert roadmap.focus[1].text == "LangGraph + RAG evaluation harness"
        assert [len(milestone.bullets) for milestone in roadmap.milestones] == [3, 2, 2]
        first = roadmap.milestones[0]
        assert first.title == "Milestone 1 — Orchestrator (Framework L3)"
        assert first.bullets[0].text == "LangChain v1.0 core topics reach L3"
        assert first.evidence_required == "session links + lab RESULTS.md + track notes"
        assert len(roadmap.rules) == 4
        assert "**session file**" in roadmap.rules[0]

    def test_every_topic_can_be_promoted_without_touching_another_byte(self) -> None:
        text = _shipped()
        lines = text.split("\n")
        for topic in parse_roadmap(text).topics:
            edited = edit_topic(text, topic.id, level=Level.L1, evidence=[QUIZ], status="Verified").split("\n")
            changed = [i for i, (a, b) in enumerate(zip(lines, edited, strict=True)) if a != b]
            assert changed == [topic.line - 1]
            wanted = "| L1 | [2026-11-23 quiz](sessions/2026-11-23-kv-cache-ab12.md) | Verified |"
            assert edited[topic.line - 1] == lines[topic.line - 1].replace("| L0 | - | Planned |", wanted)


@pytest.mark.parametrize(
    ("cell", "topic_text", "id"),
    [
        (r"pipes \| in text", "pipes | in text", "pipes-in-text"),
        (r"`a\|b` in code", "a|b in code", "a-b-in-code"),
        ("[RoPE](tracks/rope.md): why", "RoPE: why", "rope"),
        ("**bold** _and_ <b>html</b>", "bold and html", "bold-and-html"),
        ("KV 缓存（批量）", "KV 缓存（批量）", "kv-缓存"),
        ("a &amp; b", "a & b", "a-b"),
    ],
)
def test_a_topic_cell_is_read_without_its_markup(cell: str, topic_text: str, id: str) -> None:
    topic = _only(table(("M", cell, "**L2**", "[x](a%20b.md)<br>[y](<c d.md>)", "Paused 🛌")))
    assert (topic.text, topic.id, topic.level, topic.status) == (topic_text, id, Level.L2, "Paused 🛌")
    assert [link.target for link in topic.evidence] == ["a b.md", "c d.md"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("|M|T|L0|-|Planned|", "|M|T|L1|[q](s.md)|Verified|"),
        ("| M | T |   L0 | -      | Planned   |", "| M | T |   L1 | [q](s.md) | Verified  |"),
        ("| M | T | **L0** | – | Planned |", "| M | T | **L1** | [q](s.md) | Verified |"),
        ("| M | T | L0 |  | Planned |", "| M | T | L1 | [q](s.md) | Verified |"),
        ("| M | T | L0 || Planned |", "| M | T | L1 | [q](s.md) | Verified |"),
        ("| M | T | L0 | [a](b.md) | Planned |", "| M | T | L1 | [a](b.md)<br>[q](s.md) | Verified |"),
        ("| M | T | L0 | [a](s.md) | Planned |", "| M | T | L1 | [a](s.md) | Verified |"),
        (r"| M | T | L0 | `a\|b` | Planned |", r"| M | T | L1 | `a\|b`<br>[q](s.md) | Verified |"),
        ("| M | T | L0 |", "| M | T | L1 | [q](s.md) | Verified |"),
        ("| M | T | L0", "| M | T | L1 | [q](s.md) | Verified"),
        ("M | T | L0 | - | Planned", "M | T | L1 | [q](s.md) | Verified"),
        ("M | T | L0", "M | T | L1 | [q](s.md) | Verified"),
        ("   | M | T | L0 | - | Planned | \t", "   | M | T | L1 | [q](s.md) | Verified | \t"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_only_the_three_cells_change(before: str, after: str, newline: str, bom: str) -> None:
    frame = bom + table(newline=newline) + "{}" + newline + newline + "end  " + newline
    edited = edit_topic(
        frame.format(before), "t", level=Level.L1, evidence=[EvidenceLink("q", "s.md")], status="Verified"
    )
    assert edited == frame.format(after)


def test_columns_are_found_by_name() -> None:
    header = ("Status", "Owner", "Level", "TOPIC", "Evidence")
    text = table(("Planned", "me", "L0", "RoPE", "-"), header=header)
    assert _only(text).module == ""
    edited = edit_topic(text, "rope", level=Level.L1, evidence=[QUIZ])
    assert f"| Planned | me | L1 | RoPE | [{QUIZ.label}]({QUIZ.target}) |" in edited


def test_other_tables_are_left_alone() -> None:
    text = "| Day | Hours |\n|---|---|\n| Mon | 2 |\n\n" + table(("M", "T", "L0", "-", "Planned"))
    assert _only(text).line == 9


def test_a_table_in_a_code_block_or_quote_is_no_topic_table() -> None:
    example = table(("M", "Example", "L0", "-", "Planned"))
    quoted = "".join(f"> {line}\n" for line in example.split("\n"))
    text = f"```\n{example}```\n\n{quoted}\n" + table(("M", "T", "L0", "-", "Planned"))
    assert _only(text).text == "T"


def test_topics_without_track_headings_get_a_numbered_track() -> None:
    text = "# Mine\n\n## Rust\n\n" + "\n".join(table(("", "Borrowing", "L0", "-", "x")).split("\n")[2:])
    (track,) = parse_roadmap(text).tracks
    assert (track.number, track.id, track.title) == (1, "01-rust", "Rust")


def test_two_rows_with_the_same_text_have_different_ids_and_are_edited_apart() -> None:
    text = table(("M", "T (a)", "L0", "-", "x"), ("", "T (b)", "L0", "-", "x"))
    edited = parse_roadmap(edit_topic(text, "t-2", level=Level.L1))
    assert [(t.id, t.level) for t in edited.topics] == [("t", Level.L0), ("t-2", Level.L1)]


def test_a_reworded_row_keeps_the_id_of_the_note_that_follows_it() -> None:
    text = table(("M", "Cache growth (batch)", "L0", "-", "x"))
    names = {"Cache growth (batch)": "kv-cache-scaling"}
    assert parse_roadmap(text).topics[0].id == "cache-growth"
    assert parse_roadmap(text, note_topics=names).topics[0].id == "kv-cache-scaling"
    edited = edit_topic(text, "kv-cache-scaling", level=Level.L1, note_topics=names)
    assert parse_roadmap(edited).topics[0].level is Level.L1


def test_a_note_never_takes_the_id_of_another_row() -> None:
    text = table(("M", "A", "L0", "-", "x"), ("", "B", "L0", "-", "x"))
    assert [t.id for t in parse_roadmap(text, note_topics={"A": "b"}).topics] == ["a", "b"]


GOOD = ("M", "T", "L0", "-", "Planned")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (table(GOOD, ("", "U", "L9", "-", "x")), "roadmap.md:6: 'L9' in the Level column is no level"),
        (table(GOOD, ("", "`a|b`", "L0", "-", "x")), "roadmap.md:6: 6 cells where the header has 5"),
        (table(GOOD, ("", "U", "", "-", "x")), "roadmap.md:6: '' in the Level column"),
        (table(GOOD, ("", "", "L0", "-", "x")), "roadmap.md:6: the row has a level but no topic"),
        (table(GOOD) + "<<<<<<< HEAD\n", "roadmap.md:6: '<<<<<<<' marks an unfinished merge"),
        (table(GOOD) + ">>>>>>> main\n", "roadmap.md:6: '>>>>>>>' marks an unfinished merge"),
        (table(GOOD) + "a\0b\n", "roadmap.md:6: it holds a NUL character"),
        (table(GOOD) + "\n| | U | L0 | - | x |\n", "roadmap.md:7: this row stands outside its table"),
        (table(GOOD) + "     | | U | L0 | - | x |\n", "roadmap.md:6: this row stands outside its table"),
        ("| Topic | Level | X |\n|---|---|\n| T | L0 | |\n", "roadmap.md:1: a topic table needs a line of dashes"),
        (table(header=("Topic", "Level", "Level")), "roadmap.md:3: two columns are named 'Level'"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(text: str, message: str) -> None:
    with pytest.raises(WorkspaceError) as error:
        parse_roadmap(text)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_prose_with_bars_is_no_row() -> None:
    assert parse_roadmap("L0 | L1 | L2 | L3 means progress\n\na | b\n").topics == ()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"level": Level.L1}, "roadmap.md has no topic 'nope'"),
    ],
)
def test_an_unknown_topic_is_refused(edit: dict[str, Level], message: str) -> None:
    with pytest.raises(WorkspaceError, match=message):
        edit_topic(table(GOOD), "nope", level=edit["level"])


def test_a_missing_column_is_refused() -> None:
    text = table(("T", "L0"), header=("Topic", "Level"))
    with pytest.raises(WorkspaceError, match=r"roadmap.md:5: its table has no Status column"):
        edit_topic(text, "t", status="Verified")


def test_an_edit_that_would_change_another_cell_is_refused() -> None:
    text = table(("M", "T", "&#76;0", "-", "x"))
    with pytest.raises(WorkspaceError, match="cannot be changed without harm"):
        edit_topic(text, "t", level=Level.L1)


def test_nothing_to_change_changes_nothing() -> None:
    text = table(GOOD)
    assert edit_topic(text, "t", level=Level.L0, status="Planned", evidence=[]) == text


def test_a_cell_written_by_a_person_replaces_the_old_one() -> None:
    text = table(("M", "T", "L0", "[a](b.md)", "x"))
    edited = edit_topic(text, "t", evidence="[c](d.md) and\n a|b")
    assert "| L0 | [c](d.md) and a\\|b | x |" in edited
    assert "| L0 | - | x |" in edit_topic(text, "t", evidence=" ")


def _outside(text: str, id: str, columns: list[str]) -> list[str]:
    """The pieces of the text around the cells of these columns."""
    row = dict(topic_rows(text, "roadmap.md"))[id]
    spans = sorted(row.row.cells[row.columns[c]] for c in columns if row.columns[c] < len(row.row.cells))
    pieces, at = [], 0
    for start, end in spans:
        pieces.append(text[at:start])
        at = end
    return [*pieces, text[at:]]


_label = st.text(st.characters(codec="utf-8"), max_size=20)
_target = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=30)


@settings(max_examples=80, deadline=None)
@given(odd_roadmaps(), st.data())
def test_parse_edit_parse(text: str, data: st.DataObject) -> None:
    before = parse_roadmap(text)
    topic = data.draw(st.sampled_from(before.topics))
    level = data.draw(st.sampled_from(Level))
    added = data.draw(st.lists(st.sampled_from([QUIZ, EvidenceLink("a|b]", "x (1)|y.md")]), unique=True))
    status = data.draw(st.sampled_from(["Verified", "已验证 ✅", "a|b", "\\", "[x](y)", "`", "<b>"]))

    edited = edit_topic(text, topic.id, level=level, evidence=added, status=status)

    wanted = replace(topic, level=level, evidence=topic.evidence + tuple(added), status=status)
    after = parse_roadmap(edited)
    assert after.topics == tuple(wanted if t.id == topic.id else t for t in before.topics)
    assert (after.focus, after.milestones, after.rules) == (before.focus, before.milestones, before.rules)
    row = dict(topic_rows(text, "roadmap.md"))[topic.id]
    if max(row.columns.values()) < len(row.row.cells):
        columns = ["level", "evidence", "status"]
        assert _outside(edited, topic.id, columns) == _outside(text, topic.id, columns)
    else:
        lines = zip(text.split("\n"), edited.split("\n"), strict=True)
        assert sum(a != b for a, b in lines) <= 1
    assert edit_topic(edited, topic.id, level=level, evidence=added, status=status) == edited


@settings(max_examples=50, deadline=None)
@given(odd_roadmaps())
def test_cells_are_those_that_the_markdown_parser_sees(text: str) -> None:
    tokens = markdown().parse(text.removeprefix("\ufeff"))
    seen = {}
    for place, token in enumerate(tokens):
        if token.type == "tr_open" and token.map:
            cells = [t.content for t in tokens[place : place + 60] if t.type == "inline" and t.map == token.map]
            seen[token.map[0] + 1] = cells
    for _, row in topic_rows(text, "roadmap.md"):
        own = [cell_source(text, row.row, column) for column in range(len(seen[row.row.line]))]
        assert [plain_text(cell) for cell in own] == [plain_text(cell) for cell in seen[row.row.line]]


@settings(max_examples=100, deadline=None)
@given(_label, _target)
def test_a_link_in_a_cell_reads_back(label: str, target: str) -> None:
    link = EvidenceLink(label, target.strip() or "x.md")
    edited = edit_topic(table(GOOD), "t", evidence=[link])
    (read,) = _only(edited).evidence
    assert read.target == link.target
    printable = "".join(c for c in " ".join(label.split()) if unicodedata.category(c) != "Cc")
    assert read.label == " ".join((printable or link.target).split())


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("[a](https://x.org/a%20b?q=1&amp;r=2#f)", "https://x.org/a%20b?q=1&r=2#f"),
        ("[a](sessions/%E7%BC%93.md)", "sessions/缓.md"),
        ("[a](<with space.md>)", "with space.md"),
        ("<https://x.org>", "https://x.org"),
    ],
)
def test_links_written_by_hand(source: str, target: str) -> None:
    assert [link.target for link in links(source)] == [target]


def test_a_script_is_no_link() -> None:
    assert links("[a](javascript:alert(1)) ![i](pic.png)") == ()
