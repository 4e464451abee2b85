"""The lab `bench` of the tests: two variants, run by the Python that runs the tests."""

import json
from pathlib import Path
from typing import Any

from agent.domain.lab import RunRecord
from tests.helpers.labs import write

MAIN = """\
import json, os, sys
print("measuring", *sys.argv[1:])
print(json.dumps({"metrics": {"step (ms)": {"fp16": 41.2, "int8": 27.9}[os.environ["LAB_VARIANT"]]}}))
"""
PLAN = """\
command = ["python", "main.py"]
environment = "study"
[variants]
fp16 = ["--dtype", "fp16"]
int8 = ["--dtype", "int8"]
"""
MARKERS = "# Results\n\nMy words.\n\n<!-- measured -->\n<!-- /measured -->\n\nMore of my words.\n"
README = "---\ntopics: [kv-cache]\n---\n# Bench\n\n" + "It measures how long one step of decoding takes. " * 3


def lab(root: Path, **files: str) -> None:
    """Write the lab `bench`; `main` and `plan` stand for their files."""
    given = {
        "README.md": README,
        "requirements.txt": "pydantic\n",
        "RESULTS.md": MARKERS,
        "main.py": MAIN,
        "lab.toml": PLAN,
    }
    given |= {{"main": "main.py", "plan": "lab.toml"}.get(name, name): text for name, text in files.items()}
    write(root, {f"lab/bench/{name}": text for name, text in given.items()})


def records(root: Path) -> list[RunRecord]:
    found = [RunRecord.model_validate_json(p.read_text(encoding="utf-8")) for p in (root / "lab/bench/runs").glob("*")]
    assert all(record.sha256 == record.computed_hash() for record in found)
    return sorted(found, key=lambda record: record.started)


def events(root: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in sorted((root / "progress/events").glob("*.json"))]
