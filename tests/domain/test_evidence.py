"""What the inspection of documents sees in text as people write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.evidence import (
    comparison_gap,
    failure_gap,
    hook_gap,
    limit_gap,
    measured,
    readme_gap,
    says,
    teaching_gap,
)
from agent.domain.markdown import code_blocks, named_parts, prose, sections, size, tables
from agent.domain.units import has_unit, is_ratio, number_with_unit


@pytest.mark.parametrize(
    "title",
    [
        "latency (ms)",
        "p95 [s]",
        "memory, GiB",
        "latency_ms",
        "throughput, tok/s",
        "throughput (tokens/s)",
        "speed (tokens per second)",
        "cost ($ / 1k requests)",
        "share %",
        "延迟（ms）",
        "energy (kWh)",
        "time, seconds",
    ],
)
def test_titles_with_a_unit(title: str) -> None:
    assert has_unit(title)


@pytest.mark.parametrize("title", ["model B", "decode step", "latency", "step", "p95", "", "variant (new)", "a/b", "n"])
def test_titles_without_one(title: str) -> None:
    assert not has_unit(title)


@pytest.mark.parametrize("title", ["recall@5", "MRR", "nDCG@10", "F1", "accuracy", "hit rate", "loss", "perplexity"])
def test_metrics_that_need_none(title: str) -> None:
    assert is_ratio(title)


@pytest.mark.parametrize("title", ["step", "latency", "mapping", "remember"])
def test_metrics_that_do(title: str) -> None:
    assert not is_ratio(title)


@pytest.mark.parametrize(
    ("cell", "text", "unit"),
    [
        ("12", "12", False),
        ("~1,234.5 ms", "~1,234.5", True),
        ("0.61 ± 0.02", "0.61", False),
        ("98 %", "98", True),
        ("$3", "$3", True),
        ("-1.5e-3", "-1.5e-3", False),
        ("1 234 tok/s", "1 234", True),
        ("1.3×", "1.3", True),
        ("12 (best)", "12", False),
    ],
)
def test_numbers(cell: str, text: str, unit: bool) -> None:
    number = number_with_unit(cell)
    assert number is not None
    assert (number.text, number.unit) == (text, unit)


@pytest.mark.parametrize("cell", ["", "-", "n/a", "TODO", "fast", "nan", "12?", "3 of them", "v2", "1 and 2"])
def test_no_numbers(cell: str) -> None:
    assert number_with_unit(cell) is None


def test_what_a_table_measures() -> None:
    text = "| Variant | step (ms) | seed |\n|---|---|---|\n| **a** | `1` | 7 |\n| [b](x.md) | 2 | 7 |\n| c | - | 7 |\n"
    (found,) = measured(text)
    assert (found.metric, found.variants, found.unit) == ("step (ms)", ("a", "b"), True)


@pytest.mark.parametrize(
    "text",
    [
        "**Symptom.** It was slow at noon. **Hypothesis.** A full disk. **Test.** We looked at it. **Fix.** A new one.",
        "1. Symptom: it was slow → Hypothesis: a full disk → Test: we looked there → Fix: a larger one",
        "### 1. Symptom\n\nslow at noon\n\n### 2. Hypothesis\n\nthe disk is full\n\n### 3. Test\n\nlook at it\n\n"
        "### 4. Fix\n\nbuy a new one\n",
        "- Symptom — it was slow\n- Hypotheses — a full disk\n- Experiment — we looked in\n- Remedy — a larger one\n",
        "- Symptom: 吞吐量突然下降\n- Hypothesis: 缓存放不下了\n- Test: 把批量减半\n- Fix: 改用八位缓\n",
        "* Symptom: half told\n\n* Symptom: it was slow\n* Hypothesis: a full disk\n"
        "* Test: we looked there\n* Fix: a new one",
    ],
)
def test_failure_analyses_as_people_write_them(text: str) -> None:
    assert failure_gap(f"# R\n\n## Failure analysis\n\n{text}\n\n## Next\n\nmore\n") == ""


def test_parts_of_two_failures_do_not_add_up() -> None:
    halves = (
        "- Symptom: it was slow\n- Hypothesis: a full disk\n\n- Symptom: it broke down\n"
        "- Test: we looked there\n- Fix: a new one\n"
    )
    assert failure_gap(f"## Failures\n\n{halves}") == "it has no hypothesis"


def test_a_failure_analysis_in_a_comment_is_none() -> None:
    assert failure_gap("<!--\n## Failure analysis\n- Symptom: a b c\n-->\n") == "the section is missing"


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("- Latency: p95 ≤ 200 ms at 20 requests/s", "latency"),
        ("Time to first token stays under 1.5 s.", "latency"),
        ("Peak memory: at most 1,200 MiB", "memory"),
        ("RAM < 8GB", "memory"),
        ("| memory (GiB) | max 6 |", "memory"),
        ("Cost: no more than €0.02 per answer", "cost"),
        ("Spend: up to 3 GPU-h a week", "cost"),
    ],
)
def test_limits_as_people_write_them(line: str, kind: str) -> None:
    text = f"| what | how much |\n|---|---|\n{line}\n" if line.startswith("|") else line
    assert limit_gap(text, kind) == ""


def test_a_limit_of_one_kind_is_none_of_another() -> None:
    assert limit_gap("Latency is at most 200 ms.", "memory") == "nothing is said about memory"
    assert limit_gap("Memory costs at most 200 ms.", "memory") == "no line on memory has a number with a unit"


def test_hooks_as_labelled_lines_and_rows() -> None:
    text = (
        "- **Monitoring**: the counter `refused_total` feeds an alert at ten a minute.\n"
        "- **Eval**: [the regression suite](eval.py) runs on every change.\n\n"
        "| part | how |\n|---|---|\n| input validation | longer prompts are refused with a clear message |\n"
    )
    assert [hook_gap(text, kind) for kind in ("monitoring", "eval", "io")] == ["", "", ""]


def test_a_word_inside_a_sentence_is_no_part() -> None:
    assert hook_gap("We like to monitor things with `top` and other tools.", "monitoring") != ""


def test_windows_line_ends_and_front_matter() -> None:
    text = "---\r\ntopics: [x]\r\n---\r\n# T\r\n\r\n| V | t (ms) |\r\n|---|---|\r\n| a | 1 |\r\n| b | 2 |\r\n"
    assert comparison_gap(text) == ""
    assert prose(text).startswith("\n# T")


def test_structure() -> None:
    text = "intro\n# A\none\n## B\ntwo\n# C\nthree\n"
    assert sections(text) == [("", "intro\n"), ("A", "\none\n## B\ntwo\n"), ("B", "\ntwo\n"), ("C", "\nthree\n")]
    assert [body for _, body in sections(text, nested=False)] == ["intro\n", "\none\n", "\ntwo\n", "\nthree\n"]
    assert [name for name, _ in named_parts("- **Two words**: here\nPlain: there\nhttp://no\n")] == [
        "Two words",
        "Plain",
    ]
    assert code_blocks("```sh\nrun\n```\n~~~\n\n~~~\n") == ["run\n"]
    assert tables("a | b\n--|--\nc \\| d | e\nend") == tables("| a | b |\n|--|--|\n| c \\| d | e |")


def test_size_counts_scripts_without_spaces() -> None:
    assert size("two words") == 2
    assert size("缓存随着序列长度增长") == 5


def test_a_placeholder_says_nothing() -> None:
    assert not says("TODO: write this part", 3)
    assert says("The TODO list was long, and we worked through all of it in time", 3)


_text = st.lists(
    st.sampled_from(
        ["#", "##", "|", "---", "```", "<!--", "-->", "Symptom:", "Fix", "12 ms", "**", "`", "\n", " ", "x"]
    )
    | st.text(max_size=6)
).map("".join)


@given(_text)
def test_every_text_is_judged_without_an_error(text: str) -> None:
    gaps = [readme_gap(text), comparison_gap(text), failure_gap(text), teaching_gap(text)]
    gaps += [limit_gap(text, kind) for kind in ("latency", "memory", "cost")]
    gaps += [hook_gap(text, kind) for kind in ("monitoring", "eval", "io")]
    assert all("\n" not in gap for gap in gaps)


@pytest.mark.parametrize(
    "text",
    [
        *(mark * 60_000 for mark in ("|", "- ", "`", "#", "1,", "(", "1 ", "x", "~", "*", "_")),
        *(
            line * 6_000
            for line in ("<!--", "**a", ":-|", "Symptom:", "\n| a |", "a: \n ", "```\n", "\nSymptom: a", "\n- a: b")
        ),
        "| a | b |\n|---|---|\n" + "| a | 1 ms |\n" * 2_000,
        "\n".join("#" * (1 + place % 6) + " Monitoring latency 1 ms" for place in range(1_500)),
    ],
)
@pytest.mark.timeout(20)
def test_hostile_text_takes_no_forever(text: str) -> None:
    for gap in (readme_gap, comparison_gap, failure_gap, teaching_gap):
        gap(f"# A\n\n## Failure\n{text}\n")
    for kind in ("latency", "memory", "cost"):
        limit_gap(f"## Limits\nlatency memory cost {text}", kind)
    for kind in ("monitoring", "eval", "io"):
        hook_gap(f"## Monitoring eval input\n{text}", kind)
