"""Environments of labs: a virtual environment a spec, made once, kept in the user's cache folder."""

import hashlib
import json
import os
import platform
import shutil
import sys
import venv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

from agent.domain.errors import BusyError, SetupError
from agent.domain.lab_output import LabOutput
from agent.domain.text import one_line
from agent.ports.lab import Environment, EnvironmentSpec, Job, Outcome, Say

INSTALL_SECONDS = 3600.0
MAX_NAMED = 8
Run = Callable[[Job, Callable[[bytes], None]], Outcome]


class Environments:
    """Makes and finds environments below a cache folder.

    `<key>.json` names the folder of a finished environment and is written last: what a killed process left has no
    such file, is never used, and goes when the next one is made.
    """

    def __init__(self, cache: Path, variables: Mapping[str, str], run: Run) -> None:
        self._cache, self._variables, self._run = cache / "labs", variables, run

    def prepare(self, spec: EnvironmentSpec, say: Say) -> Environment:
        """Give the environment; see `LabRunner.prepare`."""
        key = self.key(spec)
        found = self._find(key)
        if found is None:
            with self._locked(key, say):
                found = self._find(key) or self._make(key, spec, say)
        return Environment(found / "bin" / "python", platform.python_version(), found / "bin")

    @staticmethod
    def key(spec: EnvironmentSpec) -> str:
        """Give the name of a spec's environment: its content, and the Python and machine that it is made for."""
        made_for = (sys.implementation.cache_tag, platform.python_version(), sys.platform, platform.machine())
        return hashlib.sha256(json.dumps([spec.file, spec.sha256, *made_for]).encode()).hexdigest()[:16]

    def _find(self, key: str) -> Path | None:
        try:
            folder = self._cache / str(json.loads((self._cache / f"{key}.json").read_text(encoding="utf-8"))["folder"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        # Its Python is a link, which breaks when the one it was made with is removed.
        return folder if os.access(folder / "bin" / "python", os.X_OK) else None

    @contextmanager
    def _locked(self, key: str, say: Say) -> Iterator[None]:
        from filelock import FileLock, Timeout

        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._cache / f"{key}.lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                say("Another process is making this environment; waiting for it.")
                lock.acquire(timeout=INSTALL_SECONDS)
        except Timeout:
            raise BusyError("Another process has been making this environment for an hour; end it first.") from None
        except OSError as error:
            raise SetupError(f"The cache folder {str(self._cache)!r} cannot be written: {error.strerror}.") from None
        try:
            yield
        finally:
            lock.release()

    def _make(self, key: str, spec: EnvironmentSpec, say: Say) -> Path:
        for left in self._cache.glob(f"{key}-*"):
            shutil.rmtree(left, ignore_errors=True)
        folder = self._cache / f"{key}-{uuid4().hex[:8]}"
        wanted = requirements(spec)
        named = ", ".join(one_line(line, 60) for line in wanted[:MAX_NAMED]) or "nothing beyond Python"
        more = f" and {len(wanted) - MAX_NAMED} more" if len(wanted) > MAX_NAMED else ""
        say(f"Making the environment of {spec.file} (once): {named}{more}.")
        say(f"It is kept in {folder}.")
        try:
            venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
            if wanted:
                self._install(folder, spec, say)
            temporary = self._cache / f"{key}.{uuid4().hex[:8]}.tmp"
            temporary.write_text(json.dumps({"folder": folder.name, "spec": spec.file}), encoding="utf-8")
            temporary.replace(self._cache / f"{key}.json")
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise SetupError(f"The environment cannot be made in {str(self._cache)!r}: {error.strerror}.") from None
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return folder

    def _install(self, folder: Path, spec: EnvironmentSpec, say: Say) -> None:
        if find_spec("pip") is None:
            raise SetupError("The Python that runs study has no pip to install with; run `python -m ensurepip` with it.")
        command = (sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install")
        options = ("--no-input", "--disable-pip-version-check", "--progress-bar", "off", "-r", spec.file)
        output = LabOutput()

        def heard(piece: bytes) -> None:
            for line in output.feed(piece):
                say(line)

        outcome = self._run(Job((*command, *options), spec.folder, self._variables, INSTALL_SECONDS), heard)
        for line in output.feed(b"", final=True):
            say(line)
        if outcome.ended:
            raise SetupError(f"Installing {spec.file} took more than an hour and was stopped.")
        if outcome.exit_code:
            errors = [line for line in output.tail.splitlines() if line.startswith("ERROR:")]
            said = one_line((errors or output.tail.splitlines() or ["pip said nothing"])[-1].removeprefix("ERROR:"), 200)
            raise SetupError(
                f"The environment of {spec.file} cannot be installed ({said.rstrip('.')}); it needs the package index "
                "once, after that it works offline."
            )


def requirements(spec: EnvironmentSpec) -> list[str]:
    """List the lines of a spec that ask for something.

    Raises:
        SetupError: it cannot be read.
    """
    try:
        lines = (spec.folder / spec.file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{spec.file} of the lab cannot be read: {error}.") from None
    found = (line.split(" #", 1)[0].strip() for line in lines)
    return [line for line in found if line and not line.startswith("#")]
