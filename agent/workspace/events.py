"""The day's events in `progress/events/`. Nothing that happens may fail because its event could not be written."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.domain.errors import StudyError, WorkspaceError
from agent.domain.event import Event, in_order
from agent.workspace.records import Records

_NAME = re.compile(r"(?P<at>\d{8}T\d{6}Z)-")
_WHOLE_SECONDS = timedelta(seconds=1)  # a name has no fractions of a second


class Events:
    """Writes events once each and reads those of a span of time; files are named `<utc>-<id>.json`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.records = Records(root, "events", Event, lambda event: event.id)

    def add(self, event: Event) -> str:
        """Write an event atomically and give its path; one with the same id stays as it was first written.

        Raises:
            WorkspaceError: the folder cannot be written, or the id cannot name a file.
        """
        self.records.path(event.at, event.id)  # an id that cannot name a file is refused before it is looked for
        return self.path_of(event.id) or self.records.write(event.at, event)

    def path_of(self, id: str) -> str | None:
        """Give the path of the event with this id; None where there is none."""
        known = next((self._root / "progress" / "events").glob(f"*-{id}.json"), None)
        return known.relative_to(self._root).as_posix() if known is not None else None

    def try_add(self, event: Event) -> str | None:
        """Write an event if that can be done; None where not: what happened, happened."""
        with suppress(StudyError):
            return self.add(event)
        return None

    def between(self, start: datetime, end: datetime) -> tuple[list[Event], list[str]]:
        """Read the events from `start` up to before `end`, in order; the second list says which files are malformed.

        Only files whose name is of that time are opened: a year of events costs nothing to list.
        """
        found: dict[str, Event] = {}
        problems: list[str] = []
        for path in self.records.files():
            named = _time_of(path)
            if named is not None and not start - _WHOLE_SECONDS < named < end:
                continue
            try:
                event = self.records.read(path)
            except WorkspaceError as error:
                problems.append(str(error))
                continue
            if start <= event.at < end and found.setdefault(event.id, event) != event:
                problems.append(f"{path} has the id of another event of the day and differs; keep the right one.")
        return in_order(found.values()), problems


def event_path(event: Event) -> str:
    """Give the path that an event is written to."""
    return f"progress/events/{event.at:%Y%m%dT%H%M%SZ}-{event.id}.json"


def named_id(path: str) -> str:
    """Give the id in the name of an event's file; the whole name where a person gave it."""
    name = path.rsplit("/", 1)[-1].removesuffix(".json")
    return _NAME.sub("", name, count=1)


def _time_of(path: str) -> datetime | None:
    """Read the time in a file's name; None for a name that a person gave."""
    match = _NAME.match(path.rsplit("/", 1)[-1])
    if match is None:
        return None
    try:
        return datetime.strptime(match["at"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
