"""Roadmaps as people might write them: a builder for fixed cases and a hypothesis strategy for odd ones."""

from hypothesis import strategies as st

from agent.domain.level import Level

HEADER = ("Module", "Topic", "Level", "Evidence (Links)", "Status")

# Markdown that a cell may hold; `\|` is a pipe inside a cell.
FRAGMENTS = (
    "RoPE",
    "KV cache",
    "缓存 与 注意力",
    "🧠 memory 🇩🇪",
    "e\u0301tude",
    "\u00a0hard space\u00a0",
    "**bold**",
    "_it_",
    "snake_case",
    r"`a\|b`",
    r"p\|q",
    r"back\\slash",
    "[link](tracks/a%20b.md)",
    "<br>",
    "&amp;",
    "a * b",
    "~~no~~",
    "(x: y)",
    "“quoted”",
    "<!-- c -->",
    "\u2028",
    "\x85",
    "$x$",
)


def table(*rows: tuple[str, ...], header: tuple[str, ...] = HEADER, newline: str = "\n") -> str:
    """A topic table below the heading of Track 1."""
    lines = ["## Track 01 — Test", "", "| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return newline.join(lines) + newline


_words = st.lists(
    st.one_of(
        st.sampled_from(FRAGMENTS),
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="|\\`"), max_size=8),
    ),
    min_size=1,
    max_size=4,
).map(" ".join)
_pad = st.sampled_from(["", " ", "  ", "\t", "      "])
# Old Mac line ends are all of a file: a CR before an empty line with LF would be one CRLF.
_newlines = st.sampled_from([["\n"], ["\r\n"], ["\n", "\r\n"], ["\r"]])
_evidence = st.sampled_from(["-", "", "–", "[quiz](sessions/a.md)", "[a](x.md)<br>[b](y.md)", "see notes", "🎉"])
_level = st.sampled_from([*(str(level) for level in Level), "**L2**", "l1", "*L3*"])


@st.composite
def _row(draw: st.DrawFn, columns: list[str]) -> str:
    cells = {
        "Module": draw(st.sampled_from(["", "**Serving**", "缓存"])),
        "Topic": "T" + draw(_words),
        "Level": draw(_level),
        "Evidence (Links)": draw(_evidence),
        "Status": draw(st.one_of(st.just("Planned"), _words)),
        "Notes": draw(st.one_of(st.just(""), _words)),
    }
    # A cell that ends in a backslash needs a space before its bar; the fragments above never do.
    written = [draw(_pad) + cells[name] + draw(_pad) for name in columns]
    # Two columns at least stay, and a row that ends early ends behind a cell that says something.
    keep = max(columns.index("Topic"), columns.index("Level")) + 1
    if draw(st.booleans()):
        written = written[: draw(st.integers(keep, len(written)))]
    closed = draw(st.booleans()) or not written[-1].strip(" \t")
    return "|" + "|".join(written) + ("|" if closed else "") + draw(st.sampled_from(["", " ", "\t"]))


@st.composite
def odd_roadmaps(draw: st.DrawFn) -> str:
    """A roadmap with shuffled columns, ragged rows, mixed line endings, CJK, emoji and a byte order mark."""
    lines = ["# Roadmap", "", draw(_words), ""]
    for number in range(1, draw(st.integers(1, 3)) + 1):
        columns = draw(st.permutations([*HEADER, "Notes"] if draw(st.booleans()) else list(HEADER)))
        lines += [f"## Track {number:02d} — {draw(st.sampled_from(['Infra', '理论 🧪', 'A & B (c)']))}", ""]
        lines += ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
        lines += draw(st.lists(_row(columns), min_size=1, max_size=4))
        lines += ["", "| A | B |", "|---|---|", "| 1 | 2 |", ""]
    newline = st.sampled_from(draw(_newlines))
    text = "".join(line + draw(newline) for line in lines)
    return draw(st.sampled_from(["", "\ufeff"])) + text
