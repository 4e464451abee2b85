"""Replies by the content of their requests: what was asked once with the same draw is never asked again."""

import hashlib
import json
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol

from evals.suite.transport import Reply


def digest(value: Any) -> str:
    """16 hex digits over JSON-plain data."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def to_json(record: Any) -> str:
    """A record, and the records in it, on one line; `asdict` would copy every value in it first."""
    return json.dumps(record, ensure_ascii=False, default=_values)


def _values(record: Any) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields(record)}


class Store(Protocol):
    """Keeps replies. Safe to use from several threads."""

    def get(self, key: str) -> Reply | None:
        """The reply kept under this key."""
        ...

    def put(self, key: str, request: Mapping[str, Any], reply: Reply) -> None:
        """Keep a reply; it is there after a kill at any later moment."""
        ...


class MemoryStore:
    """For simulated nights."""

    def __init__(self) -> None:
        self._replies: dict[str, Reply] = {}

    def get(self, key: str) -> Reply | None:
        """See `Store`."""
        return self._replies.get(key)

    def put(self, key: str, request: Mapping[str, Any], reply: Reply) -> None:
        """See `Store`."""
        self._replies[key] = reply


class FileStore:
    """A SQLite file: one row a reply, committed before the next request is sent."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, timeout=30, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        # A kill loses nothing; a power cut may lose the last replies, which are then asked for again.
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, request TEXT, reply TEXT)")
        self._db.commit()

    def get(self, key: str) -> Reply | None:
        """See `Store`."""
        with self._lock:
            row = self._db.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
        return Reply(**json.loads(row[0])) if row else None

    def put(self, key: str, request: Mapping[str, Any], reply: Reply) -> None:
        """See `Store`."""
        row = (key, json.dumps(request, ensure_ascii=False), to_json(reply))
        with self._lock, self._db:
            self._db.execute("INSERT OR REPLACE INTO replies VALUES (?, ?, ?)", row)

    def trace(self, key: str) -> dict[str, str]:
        """The messages asked under this key and the reply, as text; empty where there is none."""
        with self._lock:
            row = self._db.execute("SELECT request, reply FROM replies WHERE key = ?", (key,)).fetchone()
        if row is None:
            return {}
        messages = json.loads(row[0])["messages"]
        asked = "\n\n".join(f"{message['role']}:\n{message['content']}" for message in messages)
        return {"request": asked, "reply": json.loads(row[1])["text"]}

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()
