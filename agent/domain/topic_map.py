"""A map of the topics with their prerequisites, as markdown with a mermaid graph."""

import posixpath
from collections.abc import Iterator, Sequence

from agent.domain.note import Note, note_of
from agent.domain.roadmap import Roadmap
from agent.domain.slug import short_title

BEGIN = "<!-- topic map -->"
END = "<!-- /topic map -->"


def topic_map(notes: Sequence[Note], roadmap: Roadmap, folder: str = "tracks") -> str:
    """Draw the graph, one box a track, an arrow from each prerequisite; below it the same with links.

    Rows without a note are drawn dashed and not linked. Links are relative to `folder`.
    """
    own = {topic.id: note_of(topic, notes) for topic in roadmap.topics}
    graph = "\n".join(_graph(own, roadmap))
    listing = "\n".join(_listing(own, roadmap, folder))
    return f"```mermaid\n{graph}\n```\n{listing}\n"


def replace_map(text: str, generated: str) -> str:
    """Put the map between its markers; without markers it is appended with them."""
    block = f"{BEGIN}\n{generated}{END}"
    head, found, rest = text.partition(BEGIN)
    if found and END in rest:
        return head + block + rest.partition(END)[2]
    return f"{text.rstrip()}\n\n## Topic map\n\n{block}\n"


def _label(text: str) -> str:
    """Shorten a title and make it safe inside the labels of mermaid and of links."""
    return short_title(text).translate(str.maketrans('"[]', "'()"))


def _graph(own: dict[str, Note | None], roadmap: Roadmap) -> Iterator[str]:
    names = {id: f"t{place}" for place, id in enumerate(own, start=1)}
    yield "flowchart LR"
    for track in roadmap.tracks:
        yield f'  subgraph track{track.number}["{track.number:02d} {_label(track.title)}"]'
        for topic in track.topics:
            style = ":::missing" if own[topic.id] is None else ""
            yield f'    {names[topic.id]}["{_label(topic.text)}"]{style}'
        yield "  end"
    for id, note in own.items():
        for needed in note.requires if note else ():
            if needed in names:
                yield f"  {names[needed]} --> {names[id]}"
    yield "  classDef missing stroke-dasharray: 4 4"


def _listing(own: dict[str, Note | None], roadmap: Roadmap, folder: str) -> Iterator[str]:
    links: dict[str, str] = {}
    for topic in roadmap.topics:
        note = own[topic.id]
        place = posixpath.relpath(note.path, folder) if note else ""
        links[topic.id] = f"[{_label(topic.text)}]({place})" if note else _label(topic.text)
    for track in roadmap.tracks:
        yield f"\n**{track.number:02d} {track.title}**\n"
        for topic in track.topics:
            note = own[topic.id]
            needs = [links[id] for id in (note.requires if note else ()) if id in links]
            yield f"- {links[topic.id]}" + (f" ← {', '.join(needs)}" if needs else "")
