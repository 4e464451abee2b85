from dataclasses import replace

import pytest

from agent.domain.level import Level
from agent.domain.note import Claim, Note, note_of
from agent.domain.note_checks import check_note, check_together, has_two_facts, leaks
from agent.domain.roadmap import Module, Roadmap, Topic, Track
from tests.helpers.notes import CLAIMS, block, note


def _roadmap(*topics: tuple[str, str]) -> Roadmap:
    rows = tuple(Topic(id, text, "02-infra", "M", Level.L0, (), "Planned", 9) for id, text in topics)
    return Roadmap(tracks=(Track(2, "Infra", "02-infra", (Module("M", rows),)),))


SCALING = ("kv-cache-scaling", "KV cache scaling (batch/seq/heads)")
CACHE = ("kv-cache", "KV cache: what it stores")


def _rules(note: Note) -> list[str]:
    return [finding.rule for finding in check_note(note)]


def test_a_good_note_has_no_findings() -> None:
    assert check_note(note()) == []


@pytest.mark.parametrize(
    ("part", "text", "rule", "message"),
    [
        ("title", "KV cache", "identity", "the heading 'KV cache' is not the topic"),
        ("intro", "", "format", "the paragraph below the heading is missing."),
        ("claims", block("Alone.", "c0"), "counts", "1 claims; 6 to 12 are asked for."),
        (
            "claims",
            "\n".join(block(text, f"c{i}") for i, text in enumerate(CLAIMS)),
            "counts",
            "0 claims are marked (core)",
        ),
        ("boundaries", block("One only.", "b1"), "counts", "1 boundaries; 2 to 4 are asked for."),
        ("terms", block("**A**: one only.", "a"), "counts", "1 terms; 2 or more are asked for."),
        ("misconceptions", '- "One." Only. ^m1', "counts", "1 misconceptions; 2 to 4 are asked for."),
        ("misconceptions", '- "A." B. ^c0\n- "C." D. ^m2', "ids", "the block id 'c0' is taken by line 12."),
        ("boundaries", block("word " * 61, "b1") + "\n" + block("Two.", "b2"), "length", "61 words; 60 at most."),
        ("worked", "Only prose.", "worked-example", "no ```python run block"),
        ("worked", "```python run\nprint(1)\n```\n", "worked-example", "no ```output block right behind it"),
        ("towards", "- **L2**: a demo.", "towards", "L3, L4 is missing"),
        ("sources", "", "sources", "no source is named."),
        ("sources", "- Pope et al. 2022", "sources", "must end with `— checked: full`"),
        ("intro", "TODO: write", "unfinished", "the paragraph below the heading still says TODO."),
    ],
)
def test_each_rule_finds_its_fault(part: str, text: str, rule: str, message: str) -> None:
    findings = check_note(note(**{part: text}))
    assert [f for f in findings if f.rule == rule and message in f.message], findings


def test_questions_are_counted_and_compared_with_their_claim() -> None:
    text = "The cache grows linearly with the batch size."
    claims = block(text, "c0", "Does the cache grow linearly with batch size?", "Why?") + "\n" + block("B.", "c1", "Q?")
    found = [(f.rule, f.line) for f in check_note(note(claims=claims)) if f.rule in {"leak", "questions"}]
    assert found == [("leak", 13), ("questions", 15)]


def test_the_id_must_be_the_name_of_the_file() -> None:
    assert _rules(note(path="tracks/02-infra/other.md")) == ["identity"]


@pytest.mark.parametrize(
    ("kind", "text", "question", "leaking"),
    [
        ("claim", "KV memory grows linearly with batch size.", "What happens to memory with more users?", False),
        ("claim", "KV memory grows linearly with batch size.", "Does memory grow linearly with size?", True),
        ("claim", "ZeRO stage 1 partitions optimizer states.", "What does stage 1 do?", False),
        (
            "claim",
            "Paging in vLLM avoids fragmentation of memory, since fixed blocks of tokens are mapped through a table "
            "for each request, like pages of an operating system, and freed on completion.",
            "Why is it good that fixed blocks of tokens are mapped?",
            True,
        ),
        ("term", "Grouped query attention: heads share keys.", "What is grouped query attention?", False),
        ("term", "Grouped query attention: heads share keys.", "Why do heads share keys?", True),
    ],
)
def test_a_question_that_repeats_its_claim_leaks(kind: str, text: str, question: str, leaking: bool) -> None:
    claim = Claim("x", kind, text, (), 1)  # type: ignore[arg-type]
    assert leaks(question, claim) is leaking


@pytest.mark.parametrize(
    ("text", "two"),
    [
        ("One fact in one sentence.", False),
        ("One fact. Its reason, e.g. bandwidth.", False),
        ("A first. A second. A third.", True),
        ("The cache grows; weights do not.", False),
        ("The cache grows; weights do not; users do.", True),
        ("The cache grows. Moreover, it is read at each step.", True),
        ("ZeRO 2 partitions gradients in addition to optimizer states.", False),
        ("By J. Smith and A. Jones, U.S. Patent.", False),
    ],
)
def test_claims_with_more_than_one_fact(text: str, two: bool) -> None:
    assert has_two_facts(text) is two


class TestTogether:
    def test_notes_that_fit_the_roadmap_have_no_findings(self) -> None:
        assert check_together([note(requires="")], _roadmap(SCALING, CACHE), missing=False) == []

    def test_a_row_without_a_note_is_named_on_request(self) -> None:
        (finding,) = check_together([note()], _roadmap(SCALING, CACHE))
        assert (finding.path, finding.line, finding.rule) == ("roadmap.md", 9, "coverage")
        assert "`study note new kv-cache`" in finding.message

    def test_a_note_without_a_row(self) -> None:
        findings = check_together([note()], _roadmap(CACHE), missing=False)
        assert [(f.path, f.rule) for f in findings] == [(note().path, "coverage")]
        assert "'kv-cache-scaling'" in findings[0].message

    def test_a_row_that_was_reworded_finds_its_note_by_the_topic(self) -> None:
        reworded = ("cache-growth", "KV cache scaling (batch/seq/heads)")
        roadmap = _roadmap(reworded, CACHE)
        assert note_of(roadmap.topics[0], [note()]) == note()
        assert check_together([note()], roadmap, missing=False) == []

    def test_topic_text_and_folder_must_be_the_rows(self) -> None:
        moved = replace(note(), path="tracks/01-other/kv-cache-scaling.md", topic="Else")
        findings = check_together([moved], _roadmap(SCALING, CACHE), missing=False)
        assert [f.rule for f in findings] == ["identity", "identity"]

    def test_requires_names_topics_and_makes_no_circle(self) -> None:
        first = replace(note(), requires=("kv-cache", "nowhere"))
        second = replace(note(), id="kv-cache", topic=CACHE[1], path="tracks/02-infra/kv-cache.md", claims=())
        second = replace(second, requires=("kv-cache-scaling",))
        findings = check_together([first, second], _roadmap(SCALING, CACHE))
        messages = [f.message for f in findings if f.rule == "requires"]
        assert messages[0] == "'nowhere' is no topic of the roadmap." or messages[1] == messages[0]
        assert any("in a circle: kv-cache" in m and "→" in m for m in messages)

    def test_claims_that_say_the_same_in_two_notes(self) -> None:
        claim = Claim("twin", "claim", "In proportion to the sequence length the cache grows.", (), 7)
        other = replace(note(), id="kv-cache", topic=CACHE[1], path="tracks/02-infra/kv-cache.md", requires=())
        other = replace(other, claims=(claim,))
        (finding,) = check_together([note(), other], _roadmap(SCALING, CACHE))
        assert (finding.path, finding.line, finding.rule) == (other.path, 7, "duplicate")
        assert "^c0 of tracks/02-infra/kv-cache-scaling.md" in finding.message
