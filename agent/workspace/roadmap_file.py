"""`roadmap.md` read into domain objects. markdown-it finds the tables and lists, `table.py` the cells."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from agent.domain.errors import WorkspaceError
from agent.domain.level import Level
from agent.domain.roadmap import EvidenceLink, FocusLine, Milestone, MilestoneBullet, Module, Roadmap, Topic, Track
from agent.domain.slug import split_track, topic_id, track_id, unique_ids
from agent.workspace.inline import escape_text, link_source, links, plain_text
from agent.workspace.roadmap_outline import Item, Outline, TopicRow, read_outline
from agent.workspace.table import replace_cell, split_row

_LEVEL = re.compile("[Ll][0-5]")
NO_EVIDENCE = frozenset({"", "-", "–", "—"})


def parse_roadmap(text: str, path: str = "roadmap.md", note_topics: Mapping[str, str] | None = None) -> Roadmap:
    """Read a roadmap; `path` stands for it in messages.

    Ids come from the rows' texts, see `agent.domain.slug`. `note_topics` maps the row text that a note names in its
    front matter to the note's id: a row whose text was reworded keeps the id of the note that followed it.

    Raises:
        WorkspaceError: naming the line that cannot be understood.
    """
    outline = read_outline(text, path)
    ids = _ids(text, outline.rows, note_topics or {})
    return Roadmap(
        tracks=_tracks(text, path, outline, ids),
        focus=tuple(_focus(outline.items)),
        milestones=tuple(_milestones(outline.items)),
        rules=tuple(i.raw for i in outline.items if i.depth == 0 and "how to update" in i.section.casefold()),
    )


def topic_rows(text: str, path: str, note_topics: Mapping[str, str] | None = None) -> list[tuple[str, TopicRow]]:
    """List every topic's id with its row, for edits; the same ids as `parse_roadmap` gives."""
    rows = read_outline(text, path).rows
    return list(zip(_ids(text, rows, note_topics or {}), rows, strict=True))


def _ids(text: str, rows: Sequence[TopicRow], note_topics: Mapping[str, str]) -> list[str]:
    texts = [plain_text(row.cell(text, "topic")) for row in rows]
    derived = [topic_id(row_text) for row_text in texts]
    taken = set(derived)
    for place, row_text in enumerate(texts):
        followed = note_topics.get(row_text)
        if followed is not None and followed not in taken:
            derived[place] = followed
            taken.add(followed)
    return unique_ids(derived)


def _tracks(text: str, path: str, outline: Outline, ids: Sequence[str]) -> tuple[Track, ...]:
    numbers, titles = _numbered(outline.tracks)
    names = unique_ids([track_id(number, title) for number, title in zip(numbers, titles, strict=True)])
    modules: list[list[tuple[str, list[Topic]]]] = [[] for _ in names]
    for id, row in zip(ids, outline.rows, strict=True):
        own = modules[row.track]
        module = plain_text(row.cell(text, "module"))
        if not own or (module and module != own[-1][0]):
            own.append((module, []))
        own[-1][1].append(replace(_topic(text, path, row), id=id, track=names[row.track], module=own[-1][0]))
    return tuple(
        Track(
            number=numbers[place],
            title=titles[place],
            id=names[place],
            modules=tuple(Module(title=title, topics=tuple(topics)) for title, topics in modules[place]),
        )
        for place in range(len(names))
    )


def _numbered(headings: Sequence[str]) -> tuple[list[int], list[str]]:
    """Give every track a number: the heading's own, else the next one that is free."""
    split = [split_track(heading) for heading in headings]
    taken = {number for number, _ in split if number is not None}
    numbers: list[int] = []
    for number, _ in split:
        free = next(n for n in range(1, len(split) + len(taken) + 2) if n not in taken)
        numbers.append(free if number is None else number)
        taken.add(numbers[-1])
    return numbers, [title for _, title in split]


def _topic(text: str, path: str, row: TopicRow) -> Topic:
    line, source = row.row.line, row.cell(text, "level")
    try:
        level = Level.parse(plain_text(source))
    except ValueError:
        raise WorkspaceError(
            f"{path}:{line}: {source!r} in the Level column is no level; write L0 to L5, and a | inside a cell as \\|."
        ) from None
    return Topic(
        id="",
        text=plain_text(row.cell(text, "topic")),
        track="",
        module="",
        level=level,
        evidence=links(row.cell(text, "evidence")),
        status=plain_text(row.cell(text, "status")),
        line=line,
    )


def _focus(items: Sequence[Item]) -> Iterator[FocusLine]:
    for item in items:
        if "focus" in item.section.casefold() and item.depth == 0:
            label, colon, rest = plain_text(item.content).partition(":")
            label, rest = (label, rest) if colon else ("", label)
            yield FocusLine(label=label.strip(), text=rest.strip(), line=item.line, section=item.section)


def _milestones(items: Sequence[Item]) -> Iterator[Milestone]:
    titles = dict.fromkeys(i.heading for i in items if i.heading.casefold().startswith("milestone"))
    for title in titles:
        own = [item for item in items if item.heading == title]
        boxes = [item for item in own if item.content[:3].casefold() in {"[ ]", "[x]"}]
        required = [plain_text(i.content) for i in own if i.content.casefold().startswith("evidence required")]
        if boxes:
            yield Milestone(
                title=title,
                bullets=tuple(MilestoneBullet(plain_text(b.content[3:]), b.content[1] != " ", b.line) for b in boxes),
                evidence_required=required[0].partition(":")[2].strip() if required else "",
            )


def edit_topic(
    text: str,
    topic_id: str,
    *,
    level: Level | None = None,
    evidence: Sequence[EvidenceLink] | str | None = None,
    status: str | None = None,
    note_topics: Mapping[str, str] | None = None,
    path: str = "roadmap.md",
) -> str:
    """Change cells of one row; every other character of the text stays, line endings and padding included.

    Links are appended to the evidence cell, joined by `<br>`, those already there left out; a string replaces the
    cell's markdown. Emphasis around a level stays. `note_topics` as in `parse_roadmap`.

    Raises:
        WorkspaceError: no such topic or column, or the change would alter anything else in the roadmap.
    """
    before = parse_roadmap(text, path, note_topics)
    topic = before.topic(topic_id)
    if topic is None:
        raise WorkspaceError(f"{path} has no topic {topic_id!r}; see `study status` for the ids.")
    row = dict(topic_rows(text, path, note_topics))[topic_id]
    wanted, changes = topic, dict[str, str]()
    if level is not None:
        wanted = replace(wanted, level=level)
        changes["level"] = _LEVEL.sub(str(level), row.cell(text, "level"), count=1)
    if status is not None:
        wanted = replace(wanted, status=" ".join(status.split()))
        changes["status"] = escape_text(status)
    if isinstance(evidence, str):
        changes["evidence"] = " ".join(evidence.split()) or "-"
        wanted = replace(wanted, evidence=links(changes["evidence"]))
    elif evidence:
        new = _new_links(topic, evidence)
        wanted = replace(wanted, evidence=topic.evidence + links("<br>".join(new)))
        old = [] if row.cell(text, "evidence") in NO_EVIDENCE else [row.cell(text, "evidence")]
        changes["evidence"] = "<br>".join(old + new)
    edited = _write_cells(text, path, row, changes)
    after = parse_roadmap(edited, path, note_topics)
    if after != _with_topic(before, wanted):
        raise WorkspaceError(
            f"{path}:{topic.line}: this row cannot be changed without harm to other cells; "
            f"simplify its markdown by hand."
        )
    return edited


def _new_links(topic: Topic, added: Sequence[EvidenceLink]) -> list[str]:
    """Sources of the links that the topic does not have yet, each target once."""
    fresh: dict[str, EvidenceLink] = {}
    for link in added:
        fresh.setdefault(link.target, link)
    present = {link.target for link in topic.evidence}
    return [link_source(link) for target, link in fresh.items() if target not in present]


def _write_cells(text: str, path: str, row: TopicRow, changes: Mapping[str, str]) -> str:
    cells = row.row
    for name, source in changes.items():
        if name not in row.columns:
            raise WorkspaceError(f"{path}:{cells.line}: its table has no {name.title()} column; add one.")
        if source != row.cell(text, name):
            edited = replace_cell(text, cells, row.columns[name], source)
            cells = split_row(edited, cells.start, cells.end + len(edited) - len(text), cells.line)
            text, row = edited, replace(row, row=cells)
    return text


def _with_topic(roadmap: Roadmap, topic: Topic) -> Roadmap:
    def module(old: Module) -> Module:
        return replace(old, topics=tuple(topic if t.id == topic.id else t for t in old.topics))

    tracks = (replace(track, modules=tuple(map(module, track.modules))) for track in roadmap.tracks)
    return replace(roadmap, tracks=tuple(tracks))
