"""Ports of labs: making an environment, and running a command under limits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class EnvironmentSpec:
    """What an environment is made from: a requirements file of `folder`, and the hash of all specs of the lab.

    `own`: none is made; the Python that runs `study` has to satisfy the file.
    """

    folder: Path
    file: str
    sha256: str
    own: bool = False


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment's Python, its version, and the folder of its programs."""

    python: Path
    version: str
    programs: Path


@dataclass(frozen=True, slots=True)
class Job:
    """A command with everything that it gets. `seconds` and `memory_mib` of 0 are no limit."""

    command: tuple[str, ...]
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0
    memory_mib: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended: `ended` names the limit that ended it, "" where it ended by itself."""

    exit_code: int
    ended: Literal["", "time", "memory"]
    duration_s: float
    peak_mib: float | None


class LabRunner(Protocol):
    """Runs what a user asked for, in processes of its own."""

    def prepare(self, spec: EnvironmentSpec, say: Say) -> Environment:
        """Give the environment of a spec, made now unless it was made before; says what it installs.

        Raises:
            SetupError: it cannot be made.
        """
        ...

    def run(self, job: Job, heard: Callable[[bytes], None]) -> Outcome:
        """Run a command and pass on what it prints; whatever it started is ended when this returns or raises.

        Raises:
            SetupError: the command cannot be started.
        """
        ...
