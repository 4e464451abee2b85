"""Stamps: size and time of every file of a store at a clean close. Equal stamps mean untouched files."""

import contextlib
import json
import os
from pathlib import Path

Stamp = dict[str, list[int]]


def file_stamp(path: Path) -> Stamp:
    """Stamp of a SQLite file and its log."""
    result = {}
    for name in (path.name, path.name + "-wal"):
        with contextlib.suppress(OSError):
            status = path.with_name(name).stat()
            result[name] = [status.st_size, status.st_mtime_ns]
    return result


def write_json(path: Path, value: object) -> None:
    """Replace a small file whole; where that fails the next process merely checks more."""
    with contextlib.suppress(OSError):
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        temporary.write_text(json.dumps(value), "utf-8")
        temporary.replace(path)


def folder_stamp(folder: Path) -> Stamp:
    """Size and modification time (ns) of every file below the folder: equal stamps, untouched files."""
    result = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            status = path.stat()
            result[path.relative_to(folder).as_posix()] = [status.st_size, status.st_mtime_ns]
    return result


def read_stamp(path: Path) -> Stamp | None:
    """A stamp written earlier, None where there is none that can be read."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
