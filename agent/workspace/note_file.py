"""Track notes read into domain objects; `tracks/README.md` describes the format."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from agent.domain.errors import WorkspaceError
from agent.domain.finding import Finding
from agent.domain.note import Checked, Claim, Fence, Misconception, Note, Source
from agent.domain.verdict import ClaimKind
from agent.workspace.front_matter import split_front_matter
from agent.workspace.inline import blocks, plain_text
from agent.workspace.lines import refuse_damage

if TYPE_CHECKING:
    from markdown_it.token import Token

_BLOCK_ID = re.compile(r"^(?P<text>.*?)\s*(?<!\S)\^(?P<id>[^\s^]+)$", re.DOTALL)
_GOOD_ID = re.compile(r"^[a-z0-9]+(?:-[a-z0-9]+)*$")
_CORE = re.compile(r"^\(core\)\s+", re.IGNORECASE)
_QUESTION = re.compile(r"^Q:\s*", re.IGNORECASE)
_TERM = re.compile(r"^\*\*.+?\*\*:\s+\S")
_MISCONCEPTION = re.compile(r"^[\"“](?P<statement>.+?)[\"”]\s+(?P<correction>\S.*)$", re.DOTALL)
_TOWARDS = re.compile(r"^\*\*(?P<level>L[234])\*\*:\s*(?P<text>.*)$", re.DOTALL)
_CHECKED = re.compile(r"^(?P<text>.*?)\s*[—–-]+\s*checked:\s*(?P<checked>full|abstract|not reached)\.?$", re.DOTALL)
_KINDS: Mapping[str, ClaimKind] = {"claims": "claim", "boundaries": "boundary", "terms": "term"}


@dataclass(frozen=True, slots=True)
class _Bullet:
    """A list item: its text as written, its line, and the items nested in it."""

    text: str
    line: int
    children: tuple["_Bullet", ...]


@dataclass(frozen=True, slots=True)
class _Section:
    """A `##` heading with what stands below it."""

    title: str
    line: int
    bullets: tuple[_Bullet, ...]
    fences: tuple[Fence, ...]
    text: str


def parse_note(text: str, path: str) -> Note:
    """Read a note that must be well formed.

    Raises:
        WorkspaceError: the first thing that the format does not allow, with its line.
    """
    note, findings = read_note(text, path)
    if findings:
        raise WorkspaceError(f"{findings[0].path}:{findings[0].line}: {findings[0].message}")
    return note


def read_note(text: str, path: str) -> tuple[Note, list[Finding]]:
    """Read what can be read and list what the format does not allow, in the order of the lines.

    Raises:
        WorkspaceError: the front matter cannot be read, or the text is damaged (NUL, an unfinished merge).
    """
    refuse_damage(text, path)
    fields, body = split_front_matter(text, path)
    reader = _Reader(path, body)
    id, topic, requires = _fields(fields, path)
    return reader.note(id, topic, requires), sorted(reader.findings)


def _fields(fields: Mapping[str, Any], path: str) -> tuple[str, str, tuple[str, ...]]:
    for name in ("id", "topic"):
        if not isinstance(fields.get(name), str) or not fields[name].strip():
            raise WorkspaceError(f"{path}:1: the front matter's {name} is no text; write it in quotes.")
    requires = fields.get("requires") or []
    if not isinstance(requires, list) or not all(isinstance(item, str) for item in requires):
        raise WorkspaceError(f"{path}:1: the front matter's requires is no list of topic ids; write [kv-cache, rope].")
    return fields["id"].strip(), " ".join(fields["topic"].split()), tuple(requires)


class _Reader:
    """Turns the body of one note into its parts, collecting findings on the way."""

    def __init__(self, path: str, body: str) -> None:
        self.path, self.lines = path, body.split("\n")
        self.findings: list[Finding] = []
        self.title, self.intro, self.sections = self._split(blocks().parse(body))

    def note(self, id: str, topic: str, requires: tuple[str, ...]) -> Note:
        """Assemble the note."""
        claims = [claim for title, kind in _KINDS.items() for claim in self._claims(title, kind)]
        worked = self.sections.get("worked example")
        return Note(
            id=id,
            topic=topic,
            title=self.title,
            requires=requires,
            intro=self.intro,
            claims=tuple(sorted(claims, key=lambda claim: claim.line)),
            misconceptions=tuple(self._misconceptions()),
            worked_example=worked.text if worked else "",
            towards=dict(self._towards()),
            sources=tuple(self._sources()),
            fences=worked.fences if worked else (),
            path=self.path,
            sections={title: section.line for title, section in self.sections.items()},
        )

    def _find(self, line: int, message: str) -> None:
        self.findings.append(Finding(self.path, line, "format", message))

    def _split(self, tokens: Sequence["Token"]) -> tuple[str, str, dict[str, _Section]]:
        heads = [
            (place, int(token.tag[1]), token)
            for place, token in enumerate(tokens)
            if token.type == "heading_open" and token.level == 0 and token.tag in {"h1", "h2"}
        ]
        if not heads:
            return "", "", {}
        first = next((head for head in heads if head[1] == 1), None)
        title = plain_text(tokens[first[0] + 1].content) if first else ""
        ends = [_lines(token)[0] for _, _, token in heads[1:]] + [len(self.lines)]
        intro, sections = "", dict[str, _Section]()
        for (place, rank, token), end, following in zip(
            heads, ends, [h[0] for h in heads[1:]] + [len(tokens)], strict=True
        ):
            text = "\n".join(self.lines[_lines(token)[1] : end]).strip()
            if rank == 1:
                intro = intro or text
                continue
            name = plain_text(tokens[place + 1].content).casefold()
            if name in sections:
                self._find(_lines(token)[0] + 1, f"a second section {name!r}; join the two.")
            inner = tokens[place:following]
            sections[name] = _Section(name, _lines(token)[0] + 1, _bullets(inner), _fences(inner), text)
        return title, intro, sections

    def _items(self, title: str) -> Sequence[_Bullet]:
        section = next((s for name, s in self.sections.items() if name.startswith(title)), None)
        return section.bullets if section else ()

    def _block(self, bullet: _Bullet) -> tuple[str, str]:
        """Text and block id of a bullet; findings for a missing or odd id and for a bullet over several lines."""
        if "\n" in bullet.text:
            self._find(bullet.line, "a bullet must be one physical line; join its lines.")
        match = _BLOCK_ID.match(bullet.text)
        if match is None:
            self._find(bullet.line, "the bullet has no block id; end its line with ^lower-case-with-dashes.")
            return bullet.text, f"line-{bullet.line}"
        if not _GOOD_ID.match(match["id"]):
            self._find(bullet.line, f"the block id {match['id']!r} is not lower-case-with-dashes.")
        return match["text"], match["id"]

    def _claims(self, title: str, kind: ClaimKind) -> Iterator[Claim]:
        for bullet in self._items(title):
            text, id = self._block(bullet)
            core = _CORE.match(text) is not None
            if core and kind != "claim":
                self._find(bullet.line, "only bullets of Claims can be marked (core).")
            if kind == "term" and not _TERM.match(text):
                self._find(bullet.line, "a term is written **name**: what it means.")
            yield Claim(
                id=id,
                kind="core" if core and kind == "claim" else kind,
                text=plain_text(_CORE.sub("", text)),
                questions=tuple(self._questions(bullet)),
                line=bullet.line,
            )

    def _questions(self, bullet: _Bullet) -> Iterator[str]:
        for child in bullet.children:
            if not _QUESTION.match(child.text):
                self._find(child.line, "a nested bullet must be a question, `  - Q: …`.")
            elif "\n" in child.text:
                self._find(child.line, "a question must be one physical line; join its lines.")
            else:
                yield plain_text(_QUESTION.sub("", child.text))

    def _misconceptions(self) -> Iterator[Misconception]:
        for bullet in self._items("misconceptions"):
            text, id = self._block(bullet)
            match = _MISCONCEPTION.match(text)
            if match is None:
                self._find(bullet.line, 'a misconception is written "the false statement" and then its correction.')
                continue
            yield Misconception(id, plain_text(match["statement"]), plain_text(match["correction"]), bullet.line)

    def _towards(self) -> Iterator[tuple[str, str]]:
        for bullet in self._items("towards"):
            match = _TOWARDS.match(bullet.text)
            if match is None:
                self._find(bullet.line, "a bullet here is written **L2**: …, **L3**: … or **L4**: ….")
                continue
            yield match["level"], " ".join(match["text"].split())

    def _sources(self) -> Iterator[Source]:
        for bullet in self._items("sources"):
            match = _CHECKED.match(bullet.text)
            if match is None:
                yield Source(plain_text(bullet.text), None, bullet.line)
            else:
                checked: Checked = match["checked"]  # type: ignore[assignment]
                yield Source(plain_text(match["text"]), checked, bullet.line)


def _lines(token: "Token") -> tuple[int, int]:
    start, end = token.map or (0, 0)
    return start, end


def _bullets(tokens: Sequence["Token"]) -> tuple[_Bullet, ...]:
    """List items as a tree: markdown-it gives them as a flat run with nesting levels."""
    open_items: list[tuple[str, int, list[_Bullet]]] = []
    top: list[_Bullet] = []
    for token in tokens:
        if token.type == "list_item_open":
            open_items.append(("", _lines(token)[0] + 1, []))
        elif token.type == "inline" and open_items and not open_items[-1][0]:
            open_items[-1] = (token.content, *open_items[-1][1:])
        elif token.type == "list_item_close":
            text, line, children = open_items.pop()
            (open_items[-1][2] if open_items else top).append(_Bullet(text, line, tuple(children)))
    return tuple(top)


def _fences(tokens: Sequence["Token"]) -> tuple[Fence, ...]:
    return tuple(
        Fence(" ".join(token.info.split()), token.content, _lines(token)[0] + 1)
        for token in tokens
        if token.type == "fence"
    )


def note_path(track: str, id: str) -> str:
    """Path of a topic's note in the workspace: `tracks/03-mechanisms-research/rope.md`."""
    return str(PurePosixPath("tracks", track, f"{id}.md"))
