"""Session files: learning history in markdown, drafted by code from an attempt and marked as a draft until approved."""

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from agent.domain.attempt import Attempt, Standing
from agent.domain.gate import SessionEvidence
from agent.domain.note import Claim, Note
from agent.domain.text import neutralise, one_line
from agent.workspace.files import read_text
from agent.workspace.front_matter import split_front_matter

KINDS = ("quiz", "study", "lab")
_DRAFT = re.compile(r"^status: draft\r?\n(?:drafted: [^\r\n]*\r?\n)?", re.MULTILINE)
_FRONT = re.compile(r"\A\ufeff?---\r?\n(.*?)^---\s*?$", re.DOTALL | re.MULTILINE)
_STATE = {"passed": "passed", "not_passed": "not passed yet", "stopped": "stopped before the end"}


def session_path(attempt: Attempt) -> str:
    """Give the path of an attempt's session: the user's local day, the topic, four characters of the attempt's id."""
    return f"sessions/{attempt.started.astimezone():%Y-%m-%d}-{attempt.topic}-quiz-{attempt.id[:4]}.md"


def render_session(attempt: Attempt, note: Note) -> str:
    """Draft the session of a quiz. Everything in it is from the attempt or the note; no model had a say."""
    import yaml

    front = {
        "id": attempt.id[:8],
        "date": f"{attempt.started.astimezone():%Y-%m-%d}",
        "kind": "quiz",
        "status": "draft",
        "topics": [attempt.topic],
        "attempts": [attempt.id],
        "versions": dict(attempt.versions),
    }
    head = yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{head}---\n" + "\n".join(_body(attempt, note)) + "\n"


def _body(attempt: Attempt, note: Note) -> Iterator[str]:
    link = f"../{note.path}"
    answers = sum(turn.action == "answer" for turn in attempt.turns)
    covered = [s for s in attempt.standings if s.status in ("covered", "appealed")]
    core = [s for s in attempt.standings if s.kind == "core"]
    again = [s for s in attempt.standings if s.claim in attempt.scope]
    yield f"# {'Re-check' if again else 'Quiz'}: {note.title}"
    yield ""
    yield "## Summary"
    yield ""
    kind, claims = ("re-check", "claims explained again") if again else ("quiz", "core claims explained")
    yield (
        f"The {kind} on [{note.title}]({link}) was {_STATE[attempt.state]}: {answers} answers, "
        f"{sum(s in covered for s in again or core)} of {len(again or core)} {claims}."
    )
    for reason in attempt.reasons:
        yield f"- {reason}"
    yield ""
    yield "## What I can explain"
    yield ""
    if not covered:
        yield "Nothing yet from this quiz."
    for standing in covered:
        yield from _explained(standing, note, link)
    yield ""
    yield "## Gaps and next steps"
    yield ""
    gaps = list(_gaps(attempt.standings, note, link))
    yield from gaps or ["None found in this quiz."]
    yield ""
    yield "## Transcript"
    for number, turn in enumerate(attempt.turns, 1):
        yield ""
        yield f"**{number}. {one_line(turn.question.text, 600)}**"
        yield ""
        yield from _quoted(turn.text if turn.action == "answer" else f"/{turn.action} {turn.text}".strip())
        sure = [v for v in turn.verdicts if v.name != "missing" and not v.abstain]
        named = [f"^{v.claim} {v.name} ({v.p_covered:.2f})" for v in sure]
        if turn.copied:
            named = ["in the note's words: asked for their own"]
        if named:
            yield ""
            yield f"Heard: {', '.join(named)}"


def _explained(standing: Standing, note: Note, link: str) -> Iterator[str]:
    claim = note.claim(standing.claim)
    if claim is None:
        return
    yield f"- {one_line(claim.text, 600)} ([note]({link}#^{claim.id}))"
    if standing.status == "appealed":
        yield "  - accepted on the learner's appeal, not by the judge"
    if standing.origin != "quiz":
        yield f"  - carried over from the attempt {standing.origin[:8]}"
    if standing.quote:
        yield f"  - in my words: “{one_line(standing.quote, 600)}”"


def _gaps(standings: tuple[Standing, ...], note: Note, link: str) -> Iterator[str]:
    for standing in standings:
        claim: Claim | None = note.claim(standing.claim)
        misconception = note.misconception(standing.claim)
        if claim is not None and standing.status in ("missing", "contradicted", "helped"):
            how = {"missing": "not explained", "contradicted": "contradicted", "helped": "explained with help"}
            yield f"- [ ] ^{claim.id}: {how[standing.status]}. Read [the claim]({link}#^{claim.id})."
        if misconception is not None and standing.status == "voiced":
            said = one_line(misconception.statement).rstrip(".")
            yield f"- [ ] Said “{said}”. Read [the correction]({link}#^{misconception.id})."
        if misconception is not None and standing.status == "appealed":
            said = one_line(misconception.statement).rstrip(".")
            yield f"- The judge heard “{said}”; I appealed. Here is [what holds]({link}#^{misconception.id})."


def _quoted(text: str) -> Iterator[str]:
    """Give the learner's words as a block quote; what would be markdown structure is inert inside code."""
    for line in neutralise(text).splitlines() or [""]:
        escaped = re.sub(r"([\\`*_{}\[\]<>#|!])", r"\\\1", line[:4000])
        yield f"> {escaped}".rstrip()


def is_draft(text: str) -> bool:
    """Whether a session file still waits for its approval."""
    front = _FRONT.match(text)
    return front is not None and _DRAFT.search(front[1] + "\n") is not None


def approved_text(text: str) -> str:
    """Give a session's text with the draft mark gone; every other byte stays."""
    front = _FRONT.match(text)
    if front is None:
        return text
    start, end = front.span(1)
    return text[:start] + _DRAFT.sub("", text[start:end], count=1) + text[end:]


def read_session(root: Path, path: str) -> SessionEvidence:
    """Read what a linked session says of itself.

    Raises:
        WorkspaceError: the file is missing, outside the workspace, or its front matter is malformed.
    """
    data, _ = split_front_matter(read_text(root, path), path)
    return SessionEvidence(path=path, topics=_strings(data, "topics"), attempts=_strings(data, "attempts"))


def session_faults(
    root: Path, path: str, attempts: Collection[str], topics: Collection[str]
) -> Iterator[tuple[Literal["error", "warning"], str]]:
    """Say what is wrong with a session's front matter: (severity, sentence) each.

    What is there has to be right; a session of the user's own may leave out what it does not know.

    Raises:
        WorkspaceError: the file cannot be read, or its front matter is no mapping.
    """
    data, _ = split_front_matter(read_text(root, path), path)
    session = read_session(root, path)
    day = data.get("date")
    if day is not None and _day(day) is None:
        yield "error", f"its date {one_line(str(day), 40)!r} is no day; write YYYY-MM-DD."
    kind = data.get("kind")
    if kind is not None and kind not in KINDS:
        yield "error", f"its kind {one_line(str(kind), 40)!r} is none of {', '.join(KINDS)}."
    for key in ("topics", "attempts"):
        value = data.get(key)
        if value is not None and not (
            isinstance(value, str | list) and len(_strings(data, key)) == len(_listed(value))
        ):
            yield "error", f"its {key} are no list of ids."
    for attempt in session.attempts:
        if attempt not in attempts:
            yield "error", f"it names the attempt {one_line(attempt, 40)}, which is not in progress/attempts/."
    for topic in session.topics:
        if topic not in topics:
            yield "warning", f"it is about {one_line(topic, 60)!r}, which is no row of the roadmap."
    absent = [key for key in ("id", "date", "kind", "topics") if key not in data]
    if absent:
        yield "warning", f"its front matter lacks {', '.join(absent)}."


def session_id(root: Path, path: str) -> str:
    """Give a session's id, "" where it has none."""
    data, _ = split_front_matter(read_text(root, path), path)
    return str(data["id"]) if isinstance(data.get("id"), str | int) else ""


def _day(value: object) -> date | None:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _strings(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = data.get(key) or []
    values = value if isinstance(value, list) else [value]
    return tuple(str(item) for item in values if isinstance(item, str | int))


def local_day(at: datetime) -> str:
    """Give the user's local day of a UTC time, as sessions and evidence labels show it."""
    return f"{at.astimezone():%Y-%m-%d}"
