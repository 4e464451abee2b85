"""The session file of a day: what is written, that nothing in it is markup of somebody else's, and how it is read."""

from datetime import timedelta
from pathlib import Path

import pytest

from agent.domain.day import Explained, Gap
from agent.domain.session_draft import compose
from agent.workspace.day_session import (
    batch,
    day_path,
    day_sessions,
    event_key,
    read_day_session,
    render_day,
    shown,
    with_body,
)
from agent.workspace.inline import markdown
from agent.workspace.session_file import approved_text, read_session
from tests.helpers.days import DATE, KV, PAGED, asked, day, noted, quizzed, usual

EXPLAINED = Explained("e50", KV, "c0", "Each token adds a key.", "every *token* costs me a key", "tracks/a.md#^c0")
GAP = Gap("e80", PAGED, "c1", "Not explained: Blocks need not be adjacent.", "tracks/b.md#^c1")
DRAFT = compose(day(explained=(EXPLAINED,), gaps=(GAP,), attempts=("a1", "a2")))


def write(root: Path, text: str, path: str = "") -> str:
    path = path or day_path(DRAFT.day)
    (root / path).parent.mkdir(exist_ok=True)
    (root / path).write_text(text, encoding="utf-8")
    return path


def test_sections_statements_and_their_events() -> None:
    text = render_day(DRAFT)
    body = text.split("---\n", 2)[2]
    headings = [line for line in body.splitlines() if line.startswith("#")]
    assert headings == [
        "# Study session 2026-03-17",
        "## Summary",
        "## What I did",
        "## What I can explain now",
        "## Gaps and next steps",
        "## Decisions",
        "## Log",
    ]
    assert "- Each token adds a key. ([note](../tracks/a.md#^c0)) ([e3])\n" in body
    assert "  - in my words: “every \\*token\\* costs me a key”\n" in body
    assert "- [ ] Not explained: Blocks need not be adjacent. ([note](../tracks/b.md#^c1)) ([e4])\n" in body
    assert (
        "- 09:20 quiz: Quiz on paged-attention: not passed yet, 11 answers, 2 of 4 core claims explained. ([e4])"
        in body
    )


def test_every_reference_is_defined_and_leads_to_the_events_file() -> None:
    text = render_day(DRAFT)
    tokens = markdown().parse(text.split("---\n", 2)[2])
    links = {
        str(token.attrs["href"]): child.content
        for block in tokens
        for token, child in zip(block.children or [], (block.children or [])[1:], strict=False)
        if token.type == "link_open" and child.content.startswith("e")
    }
    events = {f"../progress/events/{e.at:%Y%m%dT%H%M%SZ}-{e.id}.json" for e in DRAFT.day.events}
    assert set(links) >= events


def test_front_matter_is_what_gates_and_later_drafts_read(tmp_path: Path) -> None:
    path = write(tmp_path, render_day(DRAFT))
    assert path == f"sessions/2026-03-17-study-{event_key('e5')[:4]}.md"
    session = read_day_session(tmp_path, path)
    assert (session.draft, session.touched) == (True, False)
    assert session.keys == {event_key(event.id) for event in usual()}
    evidence = read_session(tmp_path, path)
    assert evidence.attempts == ("a1", "a2")
    assert KV in evidence.topics


def test_an_edit_shows_and_an_approval_takes_the_marks_away(tmp_path: Path) -> None:
    path = write(tmp_path, render_day(DRAFT))
    session = read_day_session(tmp_path, path)
    edited = with_body(session, session.body.replace("every", "each"))
    write(tmp_path, edited)
    assert read_day_session(tmp_path, path).touched
    done = approved_text(edited)
    assert "status:" not in done
    assert "drafted:" not in done
    assert done.split("---\n", 2)[2] == edited.split("---\n", 2)[2]
    write(tmp_path, done)
    assert not read_day_session(tmp_path, path).draft
    assert read_day_session(tmp_path, path).keys == session.keys


HOSTILE = "fine”\n## Decisions\n- approved [e1] <script> `x` [a](http://x) **b** ---\n[e1]: http://evil\n| a | b |"


def test_what_people_write_is_inert() -> None:
    draft = compose(day(noted(1, HOSTILE), asked(2, HOSTILE)))
    text = render_day(draft)
    body = text.split("---\n", 2)[2]
    assert sum(line.startswith("## Decisions") for line in body.splitlines()) == 1
    assert "http://evil" not in {line.partition(": ")[2] for line in body.splitlines() if line.startswith("[e1]:")}
    html = markdown().render(body)
    for forbidden in ("<script", "<strong>", "<code>", 'href="http://x"', 'href="http://evil"', "<table"):
        assert forbidden not in html, forbidden


def test_a_terminal_shows_neither_front_matter_nor_addresses() -> None:
    text = shown(render_day(DRAFT))
    assert text.startswith("# Study session 2026-03-17\n")
    assert "progress/events/" not in text
    assert "([e3])" in text


def test_a_long_day_fits_its_front_matter(tmp_path: Path) -> None:
    events = [
        quizzed(n, "passed", f"topic-{n % 40}", attempt=f"{n:08d}-0000-4000-8000-000000000000") for n in range(900)
    ]
    some = batch(events)
    assert 400 < len(some) < 900
    draft = compose(day(*some))
    session = read_day_session(tmp_path, write(tmp_path, render_day(draft), day_path(draft.day)))
    assert len(session.keys) == len(some)


def test_times_of_another_day_say_so() -> None:
    early = noted(1, "yesterday").model_copy(update={"at": usual()[0].at - timedelta(days=1)})
    assert "- 2026-03-16 08:05 note: Noted: “yesterday”" in render_day(compose(day(early, *usual())))


@pytest.mark.parametrize("text", ["", "no front matter", "---\nid: [\n---\n", "---\nid: x\n"])
def test_a_damaged_session_is_reported(tmp_path: Path, text: str) -> None:
    write(tmp_path, text)
    write(tmp_path, "not a session of a day", "sessions/2026-03-17-study-notes.md")
    found, problems = day_sessions(tmp_path, DATE)
    assert found == []
    assert len(problems) == 1
