"""What a decision may change: a row of roadmap.md, a row's status alone, a line of its lists, or a line of a note."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, SerializerFunctionWrapHandler, model_serializer

from agent.domain.attempt import Record
from agent.domain.level import Level

_KNOWN = ("planned", "learning", "verified")
TICKED, OPEN = "[x] ", "[ ] "


def _level(value: Any) -> Any:
    return Level.parse(value) if isinstance(value, str) else value


LevelName = Annotated[Level, BeforeValidator(_level), PlainSerializer(str, return_type=str)]


class Evidence(Record):
    """A file of the workspace that a change rests on: its path relative to the root, and its sha256."""

    path: str = Field(min_length=1)
    label: str = ""
    sha256: str = ""


class Change(Record):
    """What would change in one row of the roadmap.

    `from_status` is the row's status when the change was drafted: what was written into the cell since then is the
    user's and stays. Records of before have none, and keep their hash.
    """

    topic: str
    topic_text: str
    from_level: LevelName
    to_level: LevelName
    evidence: tuple[Evidence, ...]
    status: str
    from_status: str | None = None

    @model_serializer(mode="wrap")
    def _without_absent(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = write(self)
        if self.from_status is None:
            del values["from_status"]
        return values

    @property
    def action(self) -> str:
        """Name the kind of change, as clients of the approval see it."""
        return "change_level"

    @property
    def was(self) -> str:
        """Give what it starts from."""
        return str(self.from_level)

    @property
    def becomes(self) -> str:
        """Give what it leads to."""
        return str(self.to_level)

    @property
    def target(self) -> tuple[str, ...]:
        """What a later proposal of the same replaces."""
        return ("level", self.topic, str(self.to_level))

    @property
    def summary(self) -> str:
        """Say it in one line."""
        return f"{self.topic_text}: {self.from_level} → {self.to_level}"

    @property
    def applied(self) -> str:
        """Say what holds once it is approved."""
        return f"{self.topic_text!r} is at {self.to_level} now."

    @property
    def refused(self) -> str:
        """Say what holds once it is rejected."""
        return f"{self.topic_text!r} stays at {self.from_level}."


class StatusChange(Record):
    """Another status for a row whose level stays: after a re-check, `Verified` becomes `Learning` or back."""

    topic: str
    topic_text: str
    level: LevelName
    from_status: str
    status: str
    evidence: tuple[Evidence, ...] = ()

    @property
    def action(self) -> str:
        """Name the kind of change, as clients of the approval see it."""
        return "change_status"

    @property
    def was(self) -> str:
        """Give what it starts from."""
        return self.from_status

    @property
    def becomes(self) -> str:
        """Give what it leads to."""
        return self.status

    @property
    def target(self) -> tuple[str, ...]:
        """What a later proposal of the same replaces: whatever it says, the newest re-check counts."""
        return ("status", self.topic)

    @property
    def summary(self) -> str:
        """Say it in one line."""
        return f"{self.topic_text}: {self.from_status or 'no status'} → {self.status}, {self.level} stays"

    @property
    def applied(self) -> str:
        """Say what holds once it is approved."""
        return f"{self.topic_text!r} is marked {self.status} now and stays at {self.level}."

    @property
    def refused(self) -> str:
        """Say what holds once it is rejected."""
        return f"{self.topic_text!r} stays {self.from_status or 'as it is'} at {self.level}."


class LineChange(Record):
    """Another text for one line of the roadmap: a milestone's box, or a line of the quarter focus.

    `before` and `after` are the line without markup, a box written `[ ] ` or `[x] `; "" before adds a line to the
    focus, "" after removes it. `heading` is the milestone's title, or the section's.
    """

    part: Literal["milestone", "focus"]
    heading: str
    before: str
    after: str
    evidence: tuple[Evidence, ...] = ()

    @property
    def action(self) -> str:
        """Name the kind of change, as clients of the approval see it."""
        return "change_line"

    @property
    def was(self) -> str:
        """Give what it starts from."""
        return self.before

    @property
    def becomes(self) -> str:
        """Give what it leads to."""
        return self.after

    @property
    def text(self) -> str:
        """Give a milestone's bullet without its box; it names the bullet."""
        return (self.after or self.before).removeprefix(TICKED).removeprefix(OPEN)

    @property
    def target(self) -> tuple[str, ...]:
        """What a later proposal of the same replaces."""
        return (self.part, self.heading, self.text if self.part == "milestone" else self.before or self.after)

    @property
    def summary(self) -> str:
        """Say it in one line."""
        if self.part == "milestone":
            return f"{self.heading}: {'tick' if self.after.startswith(TICKED) else 'untick'} “{self.text}”"
        if not self.before or not self.after:
            return f"{self.heading}: {'add' if self.after else 'remove'} “{self.after or self.before}”"
        return f"{self.heading}: “{self.before}” → “{self.after}”"

    @property
    def applied(self) -> str:
        """Say what holds once it is approved."""
        if self.part == "milestone":
            return f"“{self.text}” is {'ticked' if self.after.startswith(TICKED) else 'open'} now."
        return f"The focus says “{self.after}” now." if self.after else f"“{self.before}” is no focus any more."

    @property
    def refused(self) -> str:
        """Say what holds once it is rejected."""
        return f"“{self.text}” stays as it is." if self.part == "milestone" else "The focus stays as it is."


class NoteChange(Record):
    """A statement that a note lacks, to be added as a bullet with the block id `block`.

    It came from a correct answer: the note, not the learner, had the gap. `path` is the note's, `after` the statement
    without markup.
    """

    topic: str
    topic_text: str
    path: str = Field(min_length=1)
    block: str = Field(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$", max_length=80)
    after: str = Field(min_length=1, max_length=600)
    evidence: tuple[Evidence, ...] = ()

    @property
    def action(self) -> str:
        """Name the kind of change, as clients of the approval see it."""
        return "change_note"

    @property
    def was(self) -> str:
        """Give what it starts from: nothing."""
        return ""

    @property
    def becomes(self) -> str:
        """Give what it leads to."""
        return self.after

    @property
    def target(self) -> tuple[str, ...]:
        """What a later proposal of the same replaces."""
        return ("note", self.path, self.block)

    @property
    def summary(self) -> str:
        """Say it in one line."""
        return f"{self.topic_text}: add to {self.path} “{self.after}”"

    @property
    def applied(self) -> str:
        """Say what holds once it is approved."""
        return f"{self.path} says it now (^{self.block})."

    @property
    def refused(self) -> str:
        """Say what holds once it is rejected."""
        return f"{self.path} stays as it is."


AnyChange = Change | StatusChange | LineChange | NoteChange


def topic_of(change: AnyChange) -> str:
    """Give the id of the row that a change is about, "" for a line of a list."""
    return "" if isinstance(change, LineChange) else change.topic


def status_after(status: str, to_level: Level) -> str:
    """Give the status cell after an approved level.

    `Planned` and `Learning` become `Verified` once a level is approved; a demotion to L0 gives `Learning`.
    Words of the user's own stay as they are.
    """
    if status.strip().casefold() not in (*_KNOWN, "", "-"):
        return status
    return "Verified" if to_level > Level.L0 else "Learning"


def status_to_write(change: Change, status: str) -> str:
    """Give the status cell that a change leaves, where it says `status` now.

    A cell that was edited after the change was drafted keeps what it says, unless it is a word of the tool's.
    """
    return change.status if change.from_status in (None, status) else status_after(status, change.to_level)
