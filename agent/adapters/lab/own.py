"""The Python that runs `study`, as a lab's environment: checked against the lab's spec, never changed."""

import platform
import sys
from importlib import metadata
from pathlib import Path

from agent.adapters.lab.environments import requirements
from agent.domain.errors import SetupError
from agent.ports.lab import Environment, EnvironmentSpec


def own_environment(spec: EnvironmentSpec) -> Environment:
    """Give this Python's environment.

    Raises:
        SetupError: it lacks what the spec asks for; the sentence names it.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    for line in requirements(spec) if (spec.folder / spec.file).exists() else ():
        try:
            wanted = Requirement(line)
        except InvalidRequirement:
            raise SetupError(
                f"{spec.file}: {line!r} is no plain requirement; with environment = 'study' only those can be checked."
            ) from None
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        try:
            have = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            raise SetupError(f"{spec.file} asks for {line!r}, which the Python that runs study does not have.") from None
        if not wanted.specifier.contains(have, prereleases=True):
            raise SetupError(f"{spec.file} asks for {line!r}, but the Python that runs study has {wanted.name} {have}.")
    python = Path(sys.executable)
    return Environment(python, platform.python_version(), python.parent)
