import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.chunking import ATOM_CHARS, MAX_CHARS, Chunk, chunk

NOTE = """---
id: kv-cache
topic: "KV cache"
---
# KV cache

It stores keys and values.

## Claims

- (core) One token adds one key. ^one
  - Q: What does one token add?
- It grows linearly. ^linear

## Worked example

```python run
# not a heading
print(1)

print(2)
```

| a | b |
|---|---|
| 1 | 2 |
"""

LINES = st.sampled_from(
    [
        "",
        "# One",
        "## Two *words*",
        "### Three ###",
        "Setext",
        "===",
        "---",
        "- item with some words in it",
        "  - nested item",
        "1. first",
        "```",
        "~~~ python",
        "| a | b |",
        "|---|---|",
        "| 1 | 2 |",
        "plain words " * 9 + ". Another sentence follows here. " * 4,
        "x" * 1500,
        "> quoted",
        "    indented ```",
        "tab\tand\x0bvertical\u2028separators",
    ]
)


def by_line(chunks: list[Chunk], line: int) -> Chunk:
    return next(c for c in chunks if c.start_line <= line <= c.end_line)


def test_note_is_cut_at_its_headings() -> None:
    long = NOTE.replace("It stores keys and values.", "It stores keys and values. " * 20)
    chunks = chunk(long, "tracks/a.md")
    assert [c.heading for c in chunks] == ["KV cache", "KV cache > Claims"]
    assert chunks[0].start_line == 5, "front matter is left out"
    assert by_line(chunks, 11).section == (9, 14)
    assert by_line(chunks, 11).embedded.startswith("KV cache > Claims\n\n")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# A *b* `c`\n\ntext", "A b c"),
        ('---\ntopic: "Quoted: topic"\n---\ntext', "Quoted: topic"),
        ("---\ntitle: T\n---\n# Heading\ntext", "T > Heading"),
        ("Setext title\n===\ntext", "Setext title"),
        ("no heading at all", ""),
        ("---\nnot: closed\ntext", ""),
    ],
)
def test_title(text: str, title: str) -> None:
    assert chunk(text, "file-name.md")[0].heading == title


def test_comment_in_a_fence_is_no_heading() -> None:
    assert all("not a heading" not in c.heading for c in chunk(NOTE, "a.md"))


@pytest.mark.parametrize("indent", ["", "  ", "      "])
@pytest.mark.parametrize("mark", ["```", "~~~~"])
def test_fence_and_table_stay_whole(mark: str, indent: str) -> None:
    body = "\n".join(f"{indent}line {n} of the code" for n in range(150))
    fence = f"{indent}{mark}python\n{body}\n\n{indent}# comment\n{indent}{mark}"
    table = "| a | b |\n|---|---|\n" + "\n".join(f"| {n} | {'v' * 30} |" for n in range(60))
    chunks = chunk(f"# T\n\nlead\n\n{fence}\n\nbetween\n\n{table}\n", "a.md")
    assert len(fence) > MAX_CHARS < len(table)
    assert sum(fence in c.text for c in chunks) == 1
    assert sum(table in c.text for c in chunks) == 1


def test_endless_fence_is_cut_at_lines() -> None:
    text = "```\n" + "a line of a file without an end\n" * 2000
    chunks = chunk(text, "a.md")
    assert len(chunks) > 1
    assert all(len(c.text) <= ATOM_CHARS for c in chunks)
    assert all(c.text.splitlines()[-1] == "a line of a file without an end" for c in chunks)


def test_rename_keeps_hashes_and_edit_keeps_the_others() -> None:
    text = "\n\n".join(f"## Part {n}\n\n" + f"Sentence {n} says something. " * 30 for n in range(4))
    before = chunk(text, "old.md")
    assert [c.hash for c in chunk(text, "new.md")] == [c.hash for c in before]
    assert {c.id for c in chunk(text, "new.md")}.isdisjoint(c.id for c in before)
    after = chunk(text.replace("Sentence 2 says", "Sentence 2 claims", 1), "old.md")
    assert len({c.id for c in before} & {c.id for c in after}) == len(before) - 1


def test_equal_passages_in_one_file_have_their_own_ids() -> None:
    section = "## Same\n\n" + "The same words again. " * 40 + "\n\n"
    chunks = chunk(section * 3, "a.md")
    assert len(chunks) == len({c.id for c in chunks}) == 3
    assert len({c.hash for c in chunks}) == 1


@given(st.lists(LINES, max_size=60).map("\n".join), st.sampled_from(["markdown", "text"]))
def test_chunks_are_exact_slices_that_cover_the_text(text: str, kind: str) -> None:
    chunks = chunk(text, "a.md", "text" if kind == "text" else "markdown")
    lines = text.split("\n")
    at = 0
    for c in chunks:
        assert c.text == text[c.start : c.end]
        assert c.text.strip()
        assert c.start >= at
        assert c.text in "\n".join(lines[c.start_line - 1 : c.end_line])
        assert c.section[0] <= c.start_line
        assert c.section[1] <= len(lines)
        at = c.end
    if not re.match(r"---[ \t]*\n", text):
        covered = "".join(c.text for c in chunks)
        assert re.sub(r"\s", "", covered) == re.sub(r"\s", "", text)


@given(st.text(max_size=400))
def test_any_text_is_taken(text: str) -> None:
    for c in chunk(text, "a.md"):
        assert c.text == text[c.start : c.end]
        assert 1 <= c.start_line <= c.end_line <= text.count("\n") + 1
