"""The text store made level with the files: by time stamp and size, then file hash, then chunk hash."""

import contextlib
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b

from agent.adapters.retrieval import files
from agent.adapters.retrieval.files import Found, Source
from agent.adapters.retrieval.textstore import FileRow, TextStore
from agent.domain.chunking import chunk

# A file written within the clock's grain of its check may change again under the same time stamp.
RACY_NS = 2_000_000_000
FILES_A_COMMIT = 200


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one sync did: files by outcome, chunks in the index, chunks embedded now and still without a vector."""

    files: int
    changed: int
    removed: int
    skipped: int
    chunks: int
    embedded: int
    pending: int
    rebuilt: str = ""


def level_text(source: Source, text: TextStore) -> SyncReport:
    """Make the text store hold what the files hold; commits every `FILES_A_COMMIT` changed files."""
    known = text.files()
    seen = changed = skipped = 0
    with contextlib.ExitStack() as stack:
        stack.enter_context(text.transaction())
        for found in source.scan():
            seen += 1
            row = known.pop(found.path, None)
            same = row is not None and (row.size, row.mtime_ns) == (found.size, found.mtime_ns)
            if same and row and (row.skip == found.skip or not found.skip) and _settled(row):
                skipped += bool(row.skip)
                continue
            update, text_of = _read(source, found, row)
            skipped += bool(update.skip)
            if row is not None and update.hash == row.hash and update.skip == row.skip:
                text.touch([update])
                continue
            changed += 1
            text.replace(update, chunk(text_of, found.path, found.kind, title=found.title))
            if changed % FILES_A_COMMIT == 0:
                stack.close()
                stack.enter_context(text.transaction())
        for path in known:
            text.remove(path)
    if changed > FILES_A_COMMIT:
        text.compact()
    chunks, _ = text.counts()
    return SyncReport(seen, changed, len(known), skipped, chunks, 0, 0)


def _read(source: Source, found: Found, row: FileRow | None) -> tuple[FileRow, str]:
    """What the file holds now; its text is "" where its content is the known one or it is skipped."""
    blank = FileRow(found.path, found.size, found.mtime_ns, time.time_ns(), b"", skip=found.skip)
    if found.skip:
        return blank, ""
    try:
        data = source.read(found)
    except OSError as error:
        return replace(blank, skip=f"cannot be read ({error.strerror})"), ""
    digest = blake2b(data, digest_size=16).digest()
    if row is not None and row.hash == digest:
        keep = replace(row, size=found.size, mtime_ns=found.mtime_ns, checked_ns=blank.checked_ns)
        return keep, ""
    text, skip = files.decode(data)
    day = files.day(found.path) or _utc_day(found.mtime_ns)
    topics = files.topics(found.path, text)
    return replace(blank, hash=digest, day=day, topics=topics, skip=skip), text


def _settled(row: FileRow) -> bool:
    return row.checked_ns - row.mtime_ns > RACY_NS


def _utc_day(mtime_ns: int) -> str:
    try:
        return datetime.fromtimestamp(mtime_ns / 1e9, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return ""  # a time stamp beyond the calendar, as some archives leave behind
