"""A run's folder, and what earlier runs left for it: a killed one is gone on with, a cut one hands its samples over."""

import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from evals.suite.plan import Options, Plan
from evals.suite.store import digest


@dataclass(frozen=True, slots=True)
class Opened:
    """Where a run writes; `resumed`: it had begun in an earlier process."""

    id: str
    folder: Path
    started: str
    resumed: bool


def open_run(home: Path, plans: Sequence[Plan], options: Options, now: datetime) -> Opened:
    """The folder of an unfinished run with the same plans, or a new one with the samples that cut runs left."""
    keys = {plan.subject.name: _key(plan, options) for plan in plans}
    earlier = sorted(home.glob("runs/*/run.json"), reverse=True)
    for path in earlier:
        row = read_json(path)
        if row.get("plans") == keys and not (path.parent / "result.json").exists():
            return Opened(path.parent.name, path.parent, str(row["started"]), resumed=True)
    started = now.isoformat(timespec="seconds")
    id = f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}-{secrets.token_hex(2)}"  # sorts by time
    folder = home / "runs" / id
    handed = [line for name, key in keys.items() for line in _samples_of_a_cut_run(earlier, name, key)]
    folder.mkdir(parents=True)
    (folder / "journal.jsonl").write_text("".join(f"{line}\n" for line in handed), encoding="utf-8")
    write_json(folder / "run.json", {"plans": keys, "started": started})
    return Opened(id, folder, started, resumed=False)


def _key(plan: Plan, options: Options) -> str:
    return digest([plan.subject.name, dict(plan.fingerprint), plan.salt, plan.candidate.name, repr(options)])


def _samples_of_a_cut_run(earlier: Sequence[Path], name: str, key: str) -> list[str]:
    """Journal lines of a subject from the last run of the same plan, if its budget ended it; unmeasured ones not."""
    for path in earlier:
        if read_json(path).get("plans", {}).get(name) != key or not (path.parent / "result.json").exists():
            continue
        subjects = read_json(path.parent / "result.json")["subjects"]
        if not any(s["name"] == name and s["verdict"] == "budget spent" for s in subjects):
            return []
        rows = [row for row in read_rows(path.parent / "journal.jsonl") if row["key"].startswith(f"{name}/")]
        return [json.dumps(row, ensure_ascii=False) for row in rows if row["status"] != "unmeasured"]
    return []


def read_json(path: Path) -> Any:
    """A JSON file's value."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of JSON lines; none where there is no file. What a kill or a full disk tore is left out."""
    rows = []
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n") if path.exists() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            rows.append(row)
    return rows


def append_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append JSON lines, on a line of their own where a kill tore the last one."""
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read() != b"\n":
                file.write(b"\n")
        file.writelines(f"{json.dumps(row, ensure_ascii=False)}\n".encode() for row in rows)
