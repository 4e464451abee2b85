"""Session drafts: what they hold, and that learner's words in them are inert."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from agent.domain.errors import WorkspaceError
from agent.workspace.front_matter import split_front_matter
from agent.workspace.link_check import dead_links
from agent.workspace.session_file import approved_text, is_draft, read_session, render_session, session_path
from tests.helpers.sittings import Step, act, answer, attempt, later, quiz_note, right, wrong
from tests.helpers.workspaces import make_workspace

NOTE = quiz_note()


def sections(text: str) -> dict[str, str]:
    parts = text.split("\n## ")[1:]
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}


def draft(*steps: Step) -> str:
    return render_session(attempt(NOTE, steps), NOTE)


def test_front_matter_and_name() -> None:
    made = attempt(NOTE, [right] * 9, id="abcdef01-2345-4678-9abc-def012345678")
    assert session_path(made) == "sessions/2026-11-23-kv-cache-scaling-quiz-abcd.md"
    front, _ = split_front_matter(render_session(made, NOTE), "s.md")
    assert front == {
        "id": "abcdef01",
        "date": "2026-11-23",
        "kind": "quiz",
        "status": "draft",
        "topics": ["kv-cache-scaling"],
        "attempts": [made.id],
        "versions": {"grader": "marks@1"},
    }


def test_its_sections() -> None:
    assert list(sections(draft(right))) == ["Summary", "What I can explain", "Gaps and next steps", "Transcript"]


def test_the_summary_counts() -> None:
    summary = sections(draft(right, wrong, act("skip")))["Summary"]
    assert "was not passed yet: 2 answers, 1 of 4 core claims explained." in summary
    assert "- The core claim ^c1 is not explained." in summary
    assert "was passed: 8 answers, 4 of 4" in sections(draft(*[right] * 9))["Summary"]


def test_what_was_explained_has_the_learners_words_and_the_block() -> None:
    explained = sections(draft(*[right] * 9))["What I can explain"]
    assert (
        "- The cache grows in proportion to the sequence length. "
        "([note](../tracks/02-infra/kv-cache-scaling.md#^c0))\n  - in my words: “my words”"
    ) in explained
    assert explained.count("in my words") == 6
    assert sections(draft(wrong))["What I can explain"].strip() == "Nothing yet from this quiz."


def test_appeals_and_carried_covers_are_said() -> None:
    first = attempt(NOTE, [right])
    second = attempt(NOTE, [wrong, act("appeal")], [first], start=later(1))
    explained = sections(render_session(second, NOTE))["What I can explain"]
    assert f"carried over from the attempt {first.id[:8]}" in explained
    assert "accepted on the learner's appeal, not by the judge" in explained


def test_gaps_point_to_the_blocks() -> None:
    gaps = sections(draft(answer("c0", "m1"), act("skip"), act("skip"), act("explain")))["Gaps and next steps"]
    link = "../tracks/02-infra/kv-cache-scaling.md"
    assert f"- [ ] ^c1: not explained. Read [the claim]({link}#^c1)." in gaps
    assert f"- [ ] ^c2: explained with help. Read [the claim]({link}#^c2)." in gaps
    assert f"- [ ] Said “The cache makes decoding compute-bound”. Read [the correction]({link}#^m1)." in gaps
    assert sections(draft(answer(*["c0", "c1", "c2", "c3", "b1", "gqa"])))["Gaps and next steps"].strip() == (
        "None found in this quiz."
    )


def test_the_transcript_holds_every_turn() -> None:
    text = sections(draft(right, act("hint"), answer(copied=True), act("skip")))["Transcript"]
    assert [line for line in text.splitlines() if line.startswith("**")] == [
        f"**{n}. Why would anyone care about point {claim}?**" for n, claim in enumerate(["c0", "c1", "c1", "c1"], 1)
    ]
    assert "> my words\n\nHeard: ^c0 covered (0.97)" in text
    assert "> /hint\n" in text
    assert "Heard: in the note's words: asked for their own" in text


def test_its_links_open(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    made = attempt(NOTE, [answer("c0", "m1"), wrong])
    _, path = workspace.record(made)
    assert dead_links(tmp_path, path, (tmp_path / path).read_text(encoding="utf-8")) == []


HOSTILE = [
    "# A heading",
    "---\nstatus: approved\n---",
    "- [x] done ^c0",
    "<script>alert(1)</script>",
    "[x](../../etc/passwd) ![i](http://host/p.png)",
    "[[wiki]] | table | $x$",
    "```\ncode",
    "\x1b[31mred\x1b[0m \u202egnp",
    "    indented\n\n> quote\n\n1. list",
    "a\r\nb",
    "",
]


@pytest.mark.parametrize("words", HOSTILE)
def test_a_learners_words_are_text(words: str) -> None:
    made = attempt(NOTE, [right])
    turn = made.turns[0].model_copy(update={"text": words})
    text = render_session(made.model_copy(update={"turns": (turn,)}), NOTE)
    transcript = text.partition("## Transcript\n")[2]
    tokens = MarkdownIt("commonmark").enable("table").parse(transcript)
    inside = {
        child.type
        for token in tokens
        for child in (token.children or [])
        if child.type not in ("text", "softbreak", "hardbreak", "strong_open", "strong_close", "text_special")
    }
    kinds = {token.type for token in tokens} - {"code_block"}
    assert inside == set()
    assert "html_block" not in kinds
    assert kinds <= {
        *("paragraph_open", "inline", "paragraph_close", "blockquote_open", "blockquote_close"),
        *("heading_open", "heading_close", "hr", "bullet_list_open", "bullet_list_close", "list_item_open"),
        *("list_item_close", "ordered_list_open", "ordered_list_close", "fence"),
    }
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert is_draft(text)
    assert split_front_matter(text, "s.md")[0]["status"] == "draft"


class TestDraftMark:
    def test_approval_takes_one_line_away(self) -> None:
        text = draft(right) + "\nstatus: draft\n"
        assert approved_text(text) == text.replace("status: draft\n", "", 1)
        assert not is_draft(approved_text(text))
        assert approved_text(approved_text(text)) == approved_text(text)

    @pytest.mark.parametrize("mark", ["", "\ufeff"])
    @pytest.mark.parametrize("newline", ["\n", "\r\n"])
    def test_in_any_editor(self, newline: str, mark: str) -> None:
        text = mark + draft(right).replace("\n", newline)
        assert is_draft(text)
        assert approved_text(text) == text.replace(f"status: draft{newline}", "", 1)

    @pytest.mark.parametrize(
        "text", ["", "status: draft\n", "---\nid: x\n---\nstatus: draft\n", "---\nstatus: draft\n"]
    )
    def test_only_in_the_front_matter(self, text: str) -> None:
        assert not is_draft(text)
        assert approved_text(text) == text

    @given(st.text(), st.text())
    def test_every_other_byte_stays(self, before: str, after: str) -> None:
        text = f"---\nid: a\nstatus: draft\ndate: b\n---\n{before}\nstatus: draft\n{after}"
        assert approved_text(text) == text.replace("status: draft\n", "", 1)


class TestReading:
    @pytest.mark.parametrize(
        ("front", "topics", "attempts"),
        [
            ("topics: [a, b]\nattempts: [x]", ("a", "b"), ("x",)),
            ("topics: a\nattempts: 5", ("a",), ("5",)),
            ("kind: study", (), ()),
            ("attempts:\n- x\n- {a: b}\n- [y]", (), ("x",)),
        ],
    )
    def test_what_it_names(
        self, tmp_path: Path, front: str, topics: tuple[str, ...], attempts: tuple[str, ...]
    ) -> None:
        (tmp_path / "s.md").write_text(f"---\n{front}\n---\n# S\n")
        found = read_session(tmp_path, "s.md")
        assert (found.topics, found.attempts) == (topics, attempts)

    @pytest.mark.parametrize("text", ["no front matter", "---\n: [\n---\n", "---\n- a\n---\n"])
    def test_a_malformed_one(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "s.md").write_text(text)
        with pytest.raises(WorkspaceError, match=r"^s\.md"):
            read_session(tmp_path, "s.md")
