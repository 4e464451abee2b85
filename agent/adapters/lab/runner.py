"""The runner of this machine."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from agent.adapters.lab.environments import Environments
from agent.adapters.lab.own import own_environment
from agent.adapters.lab.process import run_supervised
from agent.domain.errors import SetupError
from agent.ports.lab import Environment, EnvironmentSpec, Job, Outcome, Say


class LocalRunner:
    """Implements `LabRunner`. `variables` are what an installation gets to see."""

    def __init__(self, cache: Path, variables: Mapping[str, str]) -> None:
        self._environments = Environments(cache, variables, run_supervised)

    def prepare(self, spec: EnvironmentSpec, say: Say) -> Environment:
        """Give the environment of a spec."""
        _only_posix()
        return own_environment(spec) if spec.own else self._environments.prepare(spec, say)

    def run(self, job: Job, heard: Callable[[bytes], None]) -> Outcome:
        """Run a command under limits."""
        _only_posix()
        return run_supervised(job, heard)


def _only_posix() -> None:
    if os.name != "posix":
        raise SetupError("Labs run on Linux and macOS only; run it by hand and enter it with `study lab record`.")
