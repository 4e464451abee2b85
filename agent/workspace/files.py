"""Reading untrusted files and writing them whole: a crash leaves the old content or the new one, never half."""

import errno
import hashlib
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from agent.domain.errors import BusyError, WorkspaceError

MAX_BYTES = 5 * 1024 * 1024
LOCK_SECONDS = 10.0
TEMPORARY_SECONDS = 3600.0  # no write takes so long
LOCK_FILE_SECONDS = 7 * 86400.0
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}\.tmp")


def read_text(root: Path, relative: str, *, limit: int = MAX_BYTES) -> str:
    """Read a UTF-8 text file of the workspace with its line endings as they are.

    Raises:
        WorkspaceError: the file is missing, no plain file, outside the workspace, too large or no UTF-8.
    """
    path = inside(root, relative)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise WorkspaceError(f"{relative} is not a plain file.")
        if status.st_size > limit:
            raise WorkspaceError(f"{relative} has {status.st_size:,} bytes; at most {limit:,} are read.")
        data = path.read_bytes()
    except FileNotFoundError:
        raise WorkspaceError(f"{relative} does not exist.") from None
    except OSError as error:
        raise WorkspaceError(f"{relative} cannot be read: {error.strerror}.") from None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise WorkspaceError(f"{relative}:{line} is not valid UTF-8; save the file as UTF-8.") from None
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise WorkspaceError(f"{relative}:{line} has a NUL character; remove it.")
    return text


def inside(root: Path, relative: str) -> Path:
    """Resolve a path of the workspace, symlinks included.

    Raises:
        WorkspaceError: it leads outside the workspace, or its links go in a circle.
    """
    try:
        base, path = root.resolve(), (root / relative).resolve()
    except (OSError, RuntimeError, ValueError):
        raise WorkspaceError(f"{relative!r} is not a usable path.") from None
    if not path.is_relative_to(base):
        raise WorkspaceError(f"{relative!r} leads outside the workspace.")
    return path


def write_text(root: Path, relative: str, text: str) -> None:
    """Write a file atomically (temporary file, fsync, rename, fsync of the folder), keeping its mode.

    Raises:
        WorkspaceError: the disk is full, or the folder cannot be written; the old content is untouched.
    """
    path = inside(root, relative)
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
        with temporary.open("xb") as file:
            file.write(text.encode("utf-8", "replace"))
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            temporary.chmod(mode)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):  # where the folder is none, there is nothing to remove either
            temporary.unlink()
        raise WorkspaceError(f"{relative} cannot be written: {error.strerror}; nothing was changed.") from None


def sync_folder(folder: Path) -> None:
    """Make a rename or removal in the folder durable, where the system can: some network folders cannot."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES):
                raise
        finally:
            os.close(descriptor)


def sweep(root: Path) -> None:
    """Remove what a killed process left: unfinished temporary files, and locks of threads that are long over."""
    from filelock import FileLock, Timeout

    now = time.time()
    folders = [root, root / "sessions", *root.glob("progress/*"), *root.glob("tracks/*"), *root.glob("lab/*")]
    for path in (path for folder in folders for path in folder.glob(".*.tmp")):
        with suppress(OSError):
            if _TEMPORARY.fullmatch(path.name) and now - path.stat().st_mtime > TEMPORARY_SECONDS:
                path.unlink()
    for path in (root / ".study" / "locks").glob("thread-*.lock"):
        with suppress(OSError, Timeout):
            # A name is used again within a quiz's life only, so that none can be waiting for so old a file.
            if now - path.stat().st_mtime > LOCK_FILE_SECONDS:
                with FileLock(path, timeout=0):
                    path.unlink()


def sha256_of(root: Path, relative: str) -> str:
    """Hash a file of the workspace.

    Raises:
        WorkspaceError: see `inside`; also when the file cannot be read.
    """
    try:
        return hashlib.sha256(inside(root, relative).read_bytes()).hexdigest()
    except OSError as error:
        raise WorkspaceError(f"{relative} cannot be read: {error.strerror}.") from None


@contextmanager
def locked(root: Path, name: str = "workspace", *, seconds: float = LOCK_SECONDS, busy: str = "") -> Iterator[None]:
    """Hold an advisory lock below `.study/locks/`; the system frees it when the process dies, however it dies.

    Raises:
        BusyError: another live process holds it for longer than `seconds`.
        WorkspaceError: the lock cannot be created (a read-only folder, say).
    """
    from filelock import FileLock, Timeout

    folder = root / ".study" / "locks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{name}.lock", timeout=seconds)
        lock.acquire()
    except Timeout:
        raise BusyError(busy or "Another study command is writing to this workspace; try again in a moment.") from None
    except (OSError, NotImplementedError) as error:
        raise WorkspaceError(f"The workspace {str(root)!r} cannot be locked for writing: {error}.") from None
    try:
        yield
    finally:
        lock.release()
