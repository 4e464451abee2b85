"""The roadmap: tracks, modules and topics with their levels, the quarter's focus, milestones and rules."""

from dataclasses import dataclass

from agent.domain.level import Level
from agent.domain.slug import slugify, topic_id


@dataclass(frozen=True, slots=True)
class EvidenceLink:
    """A link in a row's evidence cell; `target` as written, decoded from the escapes a table cell needs."""

    label: str
    target: str


@dataclass(frozen=True, slots=True)
class Topic:
    """One row of the skill matrix.

    `text` is the row's text without markdown emphasis, `track` the track's id, `module` "" where there is none,
    `status` whatever the cell says. `line` counts from 1.
    """

    id: str
    text: str
    track: str
    module: str
    level: Level
    evidence: tuple[EvidenceLink, ...]
    status: str
    line: int


@dataclass(frozen=True, slots=True)
class Module:
    """Topics under one module name, in the order of their rows."""

    title: str
    topics: tuple[Topic, ...]


@dataclass(frozen=True, slots=True)
class Track:
    """A heading with topic tables below it; `id` is also its folder's name, `03-mechanisms-research`."""

    number: int
    title: str
    id: str
    modules: tuple[Module, ...]

    @property
    def topics(self) -> tuple[Topic, ...]:
        """All topics of the track in the order of their rows."""
        return tuple(topic for module in self.modules for topic in module.topics)


@dataclass(frozen=True, slots=True)
class FocusLine:
    """One line of the quarter focus: label `Q1 focus`, text `LangGraph + RAG evaluation harness`."""

    label: str
    text: str
    line: int
    section: str = ""

    @property
    def whole(self) -> str:
        """Give label and text as they stand in the line."""
        return f"{self.label}: {self.text}" if self.label else self.text


@dataclass(frozen=True, slots=True)
class MilestoneBullet:
    """One checkbox of a milestone."""

    text: str
    checked: bool
    line: int

    @property
    def whole(self) -> str:
        """Give box and text as a change of the line names them."""
        return f"[{'x' if self.checked else ' '}] {self.text}"


@dataclass(frozen=True, slots=True)
class Milestone:
    """A milestone with its checkboxes; `evidence_required` is "" where the section does not say."""

    title: str
    bullets: tuple[MilestoneBullet, ...]
    evidence_required: str


@dataclass(frozen=True, slots=True)
class Roadmap:
    """The parsed `roadmap.md`; `rules` are the items of its own "How to Update" section, as written."""

    tracks: tuple[Track, ...]
    focus: tuple[FocusLine, ...] = ()
    milestones: tuple[Milestone, ...] = ()
    rules: tuple[str, ...] = ()

    @property
    def topics(self) -> tuple[Topic, ...]:
        """All topics in the order of their rows."""
        return tuple(topic for track in self.tracks for topic in track.topics)

    def topic(self, id: str) -> Topic | None:
        """Find the topic with exactly this id."""
        return next((topic for topic in self.topics if topic.id == id), None)

    def track(self, id: str) -> Track | None:
        """Find the track with exactly this id."""
        return next((track for track in self.tracks if track.id == id), None)

    def find(self, query: str) -> tuple[Topic, ...]:
        """List the topics a user may mean: an exact id alone, else every row whose id or text contains the query.

        Case and punctuation do not matter for the id. Where no row contains the query as it stands,
        rows that contain all of its words are returned. An empty query matches nothing.
        """
        words = slugify(query).split("-")
        if words == [""]:
            return ()
        for exact in (query.strip(), slugify(query), topic_id(query)):
            found = self.topic(exact)
            if found is not None:
                return (found,)
        needle, slug = query.strip().casefold(), slugify(query)
        contains = tuple(t for t in self.topics if slug in t.id or needle in t.text.casefold())
        if contains:
            return contains
        return tuple(t for t in self.topics if all(word in slugify(f"{t.id} {t.text}") for word in words))
