"""The session file of a day: how a draft is written, and what a file says of itself."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from agent.domain.condense import sentence
from agent.domain.day import Day
from agent.domain.errors import WorkspaceError
from agent.domain.event import Event, counted
from agent.domain.roadmap import EvidenceLink
from agent.domain.session_draft import Section, SessionDraft, Statement
from agent.domain.text import one_line
from agent.workspace.events import event_path
from agent.workspace.files import read_text
from agent.workspace.front_matter import split_front_matter
from agent.workspace.inline import escape_text, link_source
from agent.workspace.session_file import is_draft

NAME = re.compile(r"(?P<date>\d{4}-\d{2}-\d{2})-study-[0-9a-f]{4,12}\.md")
MAX_FRONT = 30_000  # characters of ids in the front matter, below what is read of one
LINKED = 12  # events that a statement links one by one; the log links all of them
_END = re.compile(r"^---[ \t]*\r?\n", re.MULTILINE)
MAX_LINE = 600
MAX_REFS = 3
_SECTIONS: dict[str, Section] = {
    "Summary": "summary",
    "What I did": "did",
    "What I can explain now": "explained",
    "Gaps and next steps": "gaps",
    "Decisions": "decisions",
}
_DEFINED = re.compile(r"^\[e\d+\]: \S+\n?", re.MULTILINE)
_EMPTY = {
    "explained": "No quiz of the day showed a claim explained.",
    "gaps": "None that the day's events show.",
    "decisions": "None.",
}


@dataclass(frozen=True, slots=True)
class DaySession:
    """A session file of a day as it lies there. `keys` are the events that it is about, see `event_key`.

    `touched`: it was edited since it was drafted.
    """

    path: str
    text: str
    draft: bool
    touched: bool
    keys: frozenset[str]

    @property
    def sha256(self) -> str:
        """The hash of the text, to tell whether a decision is on what was shown."""
        return hashlib.sha256(self.text.encode("utf-8", "replace")).hexdigest()

    @property
    def body(self) -> str:
        """The text below the front matter."""
        return split_body(self.text)[1]


def event_key(id: str) -> str:
    """Give what a session's front matter keeps of an event's id: eight hex digits, whatever ids look like."""
    return hashlib.sha256(id.encode("utf-8", "replace")).hexdigest()[:8]


def batch(events: Sequence[Event]) -> tuple[Event, ...]:
    """Give as many of the first events as one session file can name."""
    room, count = MAX_FRONT, 0
    for event in events:
        room -= 9 + (42 if event.kind == "quiz" else 0) + len(event.topic) + 4
        if room < 0:
            break
        count += 1
    return tuple(events[:count])


def day_path(day: Day) -> str:
    """Give the path of a day's session: its date, and four digits that follow from its first event."""
    return f"sessions/{day.date.isoformat()}-study-{event_key(day.events[0].id)[:4]}.md"


def day_sessions(root: Path, since: date) -> tuple[list[DaySession], list[str]]:
    """Read the sessions of days from `since` on, drafts included; the second list says which cannot be read."""
    found: list[DaySession] = []
    problems: list[str] = []
    for file in sorted((root / "sessions").glob("*-study-*.md")):
        match = NAME.fullmatch(file.name)
        if match is None or match["date"] < since.isoformat():
            continue
        try:
            found.append(read_day_session(root, f"sessions/{file.name}"))
        except WorkspaceError as error:
            problems.append(str(error))
    return found, problems


def read_day_session(root: Path, path: str) -> DaySession:
    """Read the session of a day.

    Raises:
        WorkspaceError: it is gone, or its front matter is malformed.
    """
    text = read_text(root, path)
    data, _ = split_front_matter(text, path)
    keys, drafted = data.get("events"), data.get("drafted")
    return DaySession(
        path=path,
        text=text,
        draft=is_draft(text),
        touched=drafted != _stamp(split_body(text)[1]),
        keys=frozenset(keys.split()) if isinstance(keys, str) else frozenset(),
    )


def split_body(text: str) -> tuple[str, str]:
    """Split a session into its front matter, both fences included, and its body."""
    ends = [match.end() for match in _END.finditer(text)][:2]
    return (text[: ends[1]], text[ends[1] :]) if len(ends) == 2 else ("", text)


def shown(text: str) -> str:
    """Give a session as a terminal shows it: without front matter, and without the addresses of the events."""
    return _DEFINED.sub("", split_body(text)[1]).rstrip() + "\n"


def with_body(session: DaySession, body: str) -> str:
    """Give the session's text with another body; the front matter stays as it is."""
    return split_body(session.text)[0] + body.rstrip() + "\n"


def render_day(draft: SessionDraft) -> str:
    """Write a draft as markdown. Whatever a person or a model said is inert: escaped, or in quotation marks."""
    import yaml

    day = draft.day
    body = "\n".join(_body(draft)) + "\n"
    front = {
        "id": event_key(day.events[0].id),
        "date": day.date.isoformat(),
        "kind": "study",
        "status": "draft",
        "drafted": _stamp(body),
        "topics": list(day.topics),
        "attempts": list(day.attempts),
        "events": " ".join(event_key(event.id) for event in day.events),
        "versions": dict(draft.versions),
    }
    head = yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=100_000)
    return f"---\n{head}---\n{body}"


def _body(draft: SessionDraft) -> Iterator[str]:
    day = draft.day
    cite = _Cite({event.id: number for number, event in enumerate(day.events, 1)})
    yield f"# Study session {day.date.isoformat()}"
    for title, section in _SECTIONS.items():
        yield from ("", f"## {title}", "")
        statements = draft.section(section)
        if not statements:
            yield _EMPTY.get(section, "Nothing.")
        for statement in statements:
            yield from _lines(statement, cite)
    yield from ("", "## Log", "")
    for event in day.events:
        what = escape_text(one_line(sentence(event), MAX_LINE))
        yield f"- {day.clock(event.at)} {event.kind}: {what} ({cite.one(event.id)}{_refs(event)})"
    yield ""
    for event in day.events:
        yield f"{cite.one(event.id)}: ../{event_path(event)}"


@dataclass(frozen=True, slots=True)
class _Cite:
    """Reference links to events, defined at the end of the file: `[e3]` is the third line of the log."""

    numbers: Mapping[str, int]

    def one(self, id: str) -> str:
        return f"[e{self.numbers[id]}]"

    def all(self, ids: Sequence[str]) -> str:
        if len(ids) <= LINKED:
            return ", ".join(self.one(id) for id in ids)
        first = ", ".join(self.one(id) for id in ids[: LINKED - 1])
        return f"{first}, … {self.one(ids[-1])}, {counted(len(ids), 'event')}"


def _lines(statement: Statement, cite: _Cite) -> Iterator[str]:
    box = "[ ] " if statement.section == "gaps" else ""
    note = f" ({link_source(EvidenceLink('note', f'../{statement.link}'))})" if statement.link else ""
    yield f"- {box}{escape_text(one_line(statement.text, MAX_LINE))}{note} ({cite.all(statement.events)})"
    if statement.remark:
        yield f"  - {escape_text(statement.remark)}"
    if statement.quote:
        yield f"  - in my words: “{escape_text(one_line(statement.quote, MAX_LINE))}”"


def _refs(event: Event) -> str:
    """Link what shows the event, where it is a file of the workspace; a few, the event's own file has them all."""
    shown = [ref for ref in event.refs if ref and not ref.startswith("/")][:MAX_REFS]
    return "".join(f", {link_source(EvidenceLink(ref.rsplit('/', 1)[-1], f'../{ref}'))}" for ref in shown)


def _stamp(body: str) -> str:
    return hashlib.sha256(body.encode("utf-8", "replace")).hexdigest()[:12]
