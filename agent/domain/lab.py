"""Labs: the record that a run leaves, and a lab folder as a gate sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator

from agent.domain.attempt import Record, content_hash

README, RESULTS, DESIGN, TEACHING = "README.md", "RESULTS.md", "DESIGN.md", "TEACHING.md"
Results = Mapping[str, Mapping[str, Annotated[float, Field(allow_inf_nan=False)]]]
"""What was measured: row of the results table (a variant), metric with its unit, value."""


class RunRecord(Record):
    """One run of a lab, a file in `lab/<lab>/runs/`.

    `duration_s` is in seconds, `started` has its zone, `code_sha256` and `env_sha256` pin the files as they were run.
    `ended` says which limit ended it, "" where it ended by itself. `machine` is where it ran, in words; `peak_mib` the
    resident memory of its largest process. `reported`: the run was made elsewhere and entered by hand. `sha256` is the
    hash of everything else; it makes an edited or hand-written record visible, and does not stop an owner who
    recomputes it.
    """

    id: str = Field(min_length=1)
    lab: str = Field(min_length=1)
    command: tuple[str, ...] = Field(min_length=1)
    exit_code: int
    started: datetime
    duration_s: float = Field(ge=0, allow_inf_nan=False)
    code_sha256: str
    env_sha256: str
    output_tail: str = ""
    variant: str = ""
    results: Results = Field(default_factory=dict)
    ended: Literal["", "time", "memory"] = ""
    machine: str = ""
    peak_mib: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    reported: bool = False
    sha256: str = ""

    @field_validator("started")
    @classmethod
    def _zoned(cls, value: datetime) -> datetime:
        if value.utcoffset() is None:
            raise ValueError("a time needs its zone")
        return value

    def computed_hash(self) -> str:
        """Hash the content without the stored hash; fields at their default are left out, so that new ones may come."""
        return content_hash(self.model_dump(mode="json", exclude={"sha256"}, exclude_defaults=True))

    def sealed(self) -> Self:
        """Give the record with its hash filled in."""
        return self.model_copy(update={"sha256": self.computed_hash()})


def files_hash(files: Mapping[str, str]) -> str:
    """Hash a set of files given as path to sha256, whatever their order; "" where there are none."""
    return content_hash(dict(files)) if files else ""


@dataclass(frozen=True, slots=True)
class RunFile:
    """A file in a lab's `runs/`: the record, or why it is none (`fault`)."""

    path: str
    record: RunRecord | None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class LabEvidence:
    """A lab folder as it was read; `path` is `lab/<slug>`.

    `texts` maps the names of its documents (README.md, …) to their text; a document that is missing is left out, one
    that cannot be read is in `unreadable` with a sentence why. `linked` holds the evidence paths inside the folder.
    `topics` is what the README's front matter says the lab is about, () where it says nothing. `env_specs` are the
    environment files that hold something. `outside` names code that a symlink takes from outside the workspace.
    """

    path: str
    texts: Mapping[str, str] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    linked: frozenset[str] = frozenset()
    topics: tuple[str, ...] = ()
    env_specs: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    code_sha256: str = ""
    env_sha256: str = ""
    runs: tuple[RunFile, ...] = ()
