import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.statement import choose, highlights, statements

NOTE = """# KV cache

The cache keeps keys and values of every earlier token, so that a step computes one token only. It is read
at each step as a whole, once a layer.
That is why decoding waits for memory and hardly for arithmetic, whatever the model's size may be in the end.

## Claims

- (core) **Memory** grows linearly with the batch size,
  one cache a sequence. ^linear
  - Q: What happens to memory with more users?
- Decoding is bound by memory bandwidth, not by arithmetic. ^bandwidth

| variant | seconds |
|---|---|
| words alone | 12.5 |

```sh
study index
```

```python
""" + "x = 1\n" * 80 + "```\n"  # fmt: skip


def test_list_items_stay_whole_and_long_paragraphs_become_sentences() -> None:
    found = [(s.start_line, s.end_line, s.plain) for s in statements(NOTE, "a.md")]
    assert found == [
        (3, 3, "The cache keeps keys and values of every earlier token, so that a step computes one token only."),
        (3, 4, "It is read at each step as a whole, once a layer."),
        (5, 5, NOTE.split("\n")[4]),
        (9, 10, "Memory grows linearly with the batch size, one cache a sequence."),
        (12, 12, "Decoding is bound by memory bandwidth, not by arithmetic."),
        (16, 16, "| variant | seconds | / | words alone | 12.5 |"),
    ]


def test_a_notes_own_question_belongs_to_its_claim() -> None:
    by_line = {s.start_line: s for s in statements(NOTE, "a.md", heading="KV cache > Claims")}
    assert by_line[9].asked == ("What happens to memory with more users?",)
    assert by_line[9].heading == "KV cache > Claims"
    assert by_line[12].asked == ()


def test_lines_count_from_the_passage_in_its_file() -> None:
    assert [s.start_line for s in statements("- A claim that is long enough.", "a.md", 40)] == [40]


def test_the_questions_words_choose_among_passages_of_equal_score() -> None:
    pool = [(s, 0.5) for s in statements(NOTE, "a.md")]
    assert choose("what bounds decoding: bandwidth or arithmetic?", pool, 80)[0].start_line == 12
    assert choose("memory with more users", pool, 80)[0].start_line == 9, "its quiz question holds the words"


def test_the_passages_score_decides_where_words_do_not() -> None:
    low, high = statements("- First claim of one kind.\n- Second claim of a kind.", "a.md")
    assert choose("zebra", [(low, 0.2), (high, 0.9)], 40) == [high]


def test_no_more_is_chosen_than_fits_and_nothing_twice() -> None:
    pool = [(s, 0.5) for s in statements(NOTE, "a.md")] * 2
    chosen = choose("memory", pool, 200)
    assert sum(len(s.plain) for s in chosen) <= 200
    assert len({s.start_line for s in chosen}) == len(chosen) > 1


def test_a_long_statement_does_not_crowd_out_the_others() -> None:
    long = [f"- {letter * 300} memory." for letter in "abc"]
    short = [f"- Short claim number {n}." for n in range(3)]
    pool = [(s, 0.5) for s in statements("\n".join(long + short), "a.md")]
    chosen = choose("memory", pool, 900)
    assert [len(s.plain) > 200 for s in chosen] == [True, True, False, False, False]


def test_highlights_are_statements_that_share_words() -> None:
    assert [s.start_line for s in highlights("bandwidth and arithmetic", NOTE, "a.md", limit=1)] == [12]
    assert highlights("zebra", NOTE, "a.md") == []


@pytest.mark.parametrize(
    "text", ["", "\n\n", "```", "- Q: only a question that nobody asked?", "|a|b|\n|-|-|", "---\n" * 5]
)
def test_nothing_that_states_something(text: str) -> None:
    assert statements(text, "a.md") == []


@given(st.text(st.sampled_from("ab.!? \n-*|`#>^1[]()é\t"), max_size=300), st.integers(1, 50))
def test_every_statement_stands_at_its_lines(text: str, first: int) -> None:
    lines = text.split("\n")
    for found in statements(text, "a.md", first):
        assert first <= found.start_line <= found.end_line < first + len(lines)
        assert found.text in "\n".join(lines[found.start_line - first : found.end_line - first + 1])
