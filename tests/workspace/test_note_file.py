import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from agent.domain.errors import WorkspaceError
from agent.domain.level import Level
from agent.domain.note_checks import check_note
from agent.domain.roadmap import Topic
from agent.workspace.front_matter import MAX_CHARS
from agent.workspace.lines import line_spans
from agent.workspace.note_file import note_path, parse_note, read_note
from agent.workspace.note_template import new_note
from tests.helpers.notes import PATH, note_text


def test_every_part_is_read() -> None:
    note = parse_note(note_text(), PATH)
    assert (note.id, note.topic, note.requires) == (
        "kv-cache-scaling",
        "KV cache scaling (batch/seq/heads)",
        ("kv-cache",),
    )
    assert note.title == note.topic
    assert note.intro == "What it is and why it matters."
    assert [claim.id for claim in note.core] == ["c0", "c1", "c2", "c3"]
    assert [claim.id for claim in note.boundaries] == ["b1", "b2"]
    assert [claim.text for claim in note.terms] == ["GQA: query heads share keys.", "TTFT: first token."]
    assert len(note.claims) == 10
    assert note.misconceptions[0].statement == "It is quadratic."
    assert note.misconceptions[0].correction == "It is linear."
    assert note.towards == {"L2": "a demo.", "L3": "a comparison.", "L4": "limits."}
    assert [(fence.info, fence.code) for fence in note.fences] == [("python run", "print(2 * 2)\n"), ("output", "4\n")]
    assert (note.sources[0].text, note.sources[0].checked) == ("Pope et al. 2022, arXiv:2211.05102", "abstract")


def test_lines_point_at_the_bullets() -> None:
    text = note_text()
    lines = text.split("\n")
    note = parse_note(text, PATH)
    for claim in note.claims:
        assert lines[claim.line - 1].endswith(f"^{claim.id}")
    for misconception in note.misconceptions:
        assert lines[misconception.line - 1].endswith(f"^{misconception.id}")
    for fence in note.fences:
        assert lines[fence.line - 1] == f"```{fence.info}"
    for title, line in note.sections.items():
        assert lines[line - 1].casefold() == f"## {title}"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_line_ends_and_byte_order_mark_do_not_matter(newline: str, bom: str) -> None:
    assert parse_note(bom + note_text().replace("\n", newline), PATH) == parse_note(note_text(), PATH)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("(core) Plain.", "Plain."),
        ("(CORE)  **Bold** and `code_x` and [a link](x.md).", "Bold and code_x and a link."),
        ("键和值都要缓存 🧠.", "键和值都要缓存 🧠."),
        ("2 × layers × heads, 2^10 bytes.", "2 × layers × heads, 2^10 bytes."),
    ],
)
def test_a_claim_is_plain_text(written: str, read: str) -> None:
    claim = parse_note(note_text(claims=f"- {written} ^x-1\n  - Q: Why `a_b`?\n"), PATH).claim("x-1")
    assert claim is not None
    assert (claim.text, claim.questions) == (read, ("Why a_b?",))


@pytest.mark.parametrize(
    ("part", "text", "message"),
    [
        ("claims", "- No id here.", "12: the bullet has no block id"),
        ("claims", "- Text. ^Bad_Id", "12: the block id 'Bad_Id' is not lower-case-with-dashes."),
        ("claims", "- Two\n  lines. ^id", "12: a bullet must be one physical line"),
        ("claims", "- Text. ^id\n  - Not a question", "13: a nested bullet must be a question"),
        ("claims", "- Text. ^id\n  - Q: Two\n    lines?", "13: a question must be one physical line"),
        ("boundaries", "- (core) Text. ^id", "only bullets of Claims can be marked (core)."),
        ("terms", "- GQA means sharing. ^id", "a term is written **name**: what it means."),
        ("misconceptions", "- It is quadratic. No. ^id", "a misconception is written"),
        ("misconceptions", '- "It is quadratic." ^id', "a misconception is written"),
        ("towards", "- L2 a demo", "a bullet here is written **L2**"),
        ("sources", "- X — checked: full\n\n## Claims\n\n- Again. ^again", "a second section 'claims'"),
    ],
)
def test_what_the_format_does_not_allow_is_named_with_its_line(part: str, text: str, message: str) -> None:
    broken = note_text(**{part: text})
    with pytest.raises(WorkspaceError) as error:
        parse_note(broken, PATH)
    assert message in str(error.value)
    assert str(error.value).startswith(f"{PATH}:")
    assert len(read_note(broken, PATH)[1]) >= 1


@pytest.mark.parametrize(
    ("front", "message"),
    [
        ("id: kv-cache-scaling", "1: the front matter's topic is no text"),
        ("id: 2024-01-01\ntopic: x", "1: the front matter's id is no text"),
        ("id: x\ntopic: KV cache: what", "3: the front matter is not valid YAML"),
        ('id: x\ntopic: "y"\nrequires: rope', "1: the front matter's requires is no list"),
        ('id: x\ntopic: "y"\nrequires: [1]', "1: the front matter's requires is no list"),
        ('id: x\nid: y\ntopic: "y"', "3: 'id' is given twice"),
        ('id: &a x\ntopic: "y"\nrequires: [*a]', "2: anchors, aliases and tags are not read"),
        ('id: !!python/name:os.system x\ntopic: "y"', "2: anchors, aliases and tags are not read"),
        ("- x", "2: the front matter has no fields"),
        ("", "2: the front matter has no fields"),
        ("a: " + "[" * 5000, "2: the front matter has over 200 brackets"),
        ("a: " + "[" * 200, "2: the front matter is not valid YAML"),
        ("a: " + "x" * MAX_CHARS, f"1: the front matter is longer than {MAX_CHARS} characters"),
        ("a: 2024-13-45", "2: the front matter is not valid YAML"),
    ],
)
def test_front_matter_that_cannot_be_read(front: str, message: str) -> None:
    with pytest.raises(WorkspaceError) as error:
        parse_note(note_text(front=front), PATH)
    assert f"{PATH}:{message}" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# No front matter", ":1: front matter is missing"),
        ("", ":1: front matter is missing"),
        ("---\nid: x\n", ":1: the front matter has no end"),
        (note_text() + "<<<<<<< HEAD\n", "marks an unfinished merge"),
        (note_text() + "\0", "NUL"),
    ],
)
def test_a_damaged_file_is_refused(text: str, message: str) -> None:
    with pytest.raises(WorkspaceError, match=message):
        read_note(text, PATH)


def test_an_empty_body_is_a_note_without_content() -> None:
    note, findings = read_note('---\nid: x\ntopic: "X"\n---\n', PATH)
    assert (note.claims, note.title, findings) == ((), "", [])


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.integers(0, 60))
def test_any_text_in_a_note_gives_findings_or_one_error(noise: str, place: int) -> None:
    lines = note_text().split("\n")
    lines[place:place] = [noise]
    text = "\n".join(lines)
    try:
        note, findings = read_note(text, PATH)
    except WorkspaceError:
        event("refused")
        return
    assert all(1 <= finding.line <= len(line_spans(text)) for finding in [*findings, *check_note(note)])


@pytest.mark.parametrize("text", ["RoPE: what it changes", 'Say "hi" \\ *now* [x]', "缓存 🧠", "- a # b"])
def test_a_new_note_is_well_formed_and_unfinished(text: str) -> None:
    topic = Topic("some-id", text, "03-theory", "M", Level.L0, (), "Planned", 1)
    path = note_path(topic.track, topic.id)
    note = parse_note(new_note(topic), path)
    assert path == "tracks/03-theory/some-id.md"
    assert (note.id, note.topic, note.title) == ("some-id", text, text)
    findings = check_note(note)
    assert {finding.rule for finding in findings} == {"unfinished"}
    assert len(findings) >= len(note.claims) + len(note.misconceptions) + 3
