import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.workspace.inline import blocks, escape_text, markdown, plain_text


@given(st.text(st.characters(codec="utf-8", exclude_characters="\\`*_[]<&~!\0\r")))
def test_text_without_markup_characters_is_what_the_parser_would_say(text: str) -> None:
    (token,) = markdown().parseInline(text)
    parsed = "".join(" " if "break" in child.type else child.content for child in token.children or [])
    assert plain_text(text) == " ".join(parsed.split())


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])))
def test_escaped_text_reads_back(text: str) -> None:
    assert plain_text(escape_text(text)) == " ".join(text.split())


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("**a** _b_ `c_d` ~~e~~", "a b c_d e"),
        ("[a](b.md)<br>c", "a c"),
        ("a_b_c", "a_b_c"),
        ("&lt;x&gt; \\*y\\*", "<x> *y*"),
        ("a  \n b", "a b"),
    ],
)
def test_markup_is_taken_off(source: str, text: str) -> None:
    assert plain_text(source) == text


def test_the_block_parser_sees_the_same_blocks() -> None:
    text = "# A *b*\n\n- c\n  - d\n\n| e | f |\n|---|---|\n| g | h |\n"
    shape = [(t.type, t.map, t.content) for t in markdown().parse(text)]
    assert [(t.type, t.map, t.content) for t in blocks().parse(text)] == shape
