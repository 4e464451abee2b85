"""The lab scenario of the kill harness: what a process left is looked at closely enough to find harm."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.workspace.files import write_text
from evals.chaos import lab
from evals.chaos.lab import LAB, after_kill, at_the_end
from evals.chaos.process import Event
from evals.chaos.world import make_workspace
from tests.helpers.study import study

RESULTS = f"{LAB}/RESULTS.md"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Event]]:
    """A lab that ran twice and was told of a third run, as nobody killed it."""
    root = make_workspace(tmp_path_factory.mktemp("lab") / "workspace")
    lab._make_lab(root)
    (root / LAB / "lab.toml").write_text(
        'command = ["python", "main.py"]\nenvironment = "study"\n[variants]\none = []\ntwo = []\n'
    )
    (root / LAB / "main.py").write_text('print(\'{"metrics": {"step (ms)": 45}}\')\n')
    (root / LAB / "requirements.txt").write_text("# the standard library\n")
    said: list[Event] = []
    ran = study(root, "lab", "run", "bench", "--json")
    assert ran.code == 0, ran.err
    said += [{"event": "ran", "path": e["path"], "exit": 0, "fault": ""} for e in ran.events]
    words = "lab record bench --variant two --exit-code 0 --seconds 12.5 --metric"
    assert study(root, *words.split(), "peak (MiB)=9").code == 0
    told = next(run.path for run in lab._records(root) if run.record and run.record.reported)
    return root, [*said, {"event": "ran", "path": told, "exit": 0, "fault": ""}]


@pytest.fixture
def done(finished: tuple[Path, list[Event]], tmp_path: Path) -> tuple[Path, list[Event]]:
    import shutil

    shutil.copytree(finished[0], tmp_path / "workspace")
    return tmp_path / "workspace", finished[1]


def test_an_unharmed_lab_has_no_findings(done: tuple[Path, list[Event]]) -> None:
    root, said = done
    assert [*after_kill(root, said), *at_the_end(root, said, 0)] == []


def _newest(root: Path) -> Path:
    return root / max((run for run in lab._records(root) if run.record), key=lambda r: r.record.started).path  # type: ignore[union-attr]


def _half_record(root: Path) -> None:
    path = _newest(root)
    path.write_bytes(path.read_bytes()[:200])


def _edited_record(root: Path) -> None:
    path = _newest(root)
    path.write_text(path.read_text(encoding="utf-8").replace('"exit_code": 0', '"exit_code": 1'), encoding="utf-8")


def _lost_record(root: Path) -> None:
    _newest(root).unlink()


def _doubled_report(root: Path) -> None:
    record = next(run for run in lab._records(root) if run.record and run.record.reported)
    (root / record.path).with_name("20260101T000000Z-again.json").write_bytes((root / record.path).read_bytes())


def _half_results(root: Path) -> None:
    path = root / RESULTS
    path.write_bytes(path.read_bytes()[:60])


def _other_words(root: Path) -> None:
    path = root / RESULTS
    path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n"))


def _other_numbers(root: Path) -> None:
    path = root / RESULTS
    path.write_bytes(path.read_bytes().replace(b"| 45 |", b"| 44 |"))


@pytest.mark.parametrize(
    ("harm", "kind"),
    [
        (_half_record, "half done"),
        (_edited_record, "half done"),
        (_lost_record, "lost"),
        (_doubled_report, "doubled"),
        (_half_results, "damaged"),
        (_other_words, "damaged"),
        (_other_numbers, "half done"),
    ],
)
def test_harm_on_disk_is_found(done: tuple[Path, list[Event]], harm: Callable[[Path], None], kind: str) -> None:
    root, said = done
    harm(root)
    found = list(after_kill(root, said)) or list(at_the_end(root, said, 0))
    assert kind in {finding.kind for finding in found}


def test_a_process_that_was_left_is_found(done: tuple[Path, list[Event]], monkeypatch: pytest.MonkeyPatch) -> None:
    root, said = done
    monkeypatch.setattr(lab, "GONE", 0.1)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], cwd=root) as left:
        try:
            assert [finding.kind for finding in after_kill(root, said)] == ["left over"]
        finally:
            left.kill()


def test_a_table_written_in_pieces_would_be_found(done: tuple[Path, list[Event]]) -> None:
    """Were the file not replaced as a whole, a kill in between would leave the user's words cut off."""
    root, said = done
    text = (root / RESULTS).read_bytes().decode()
    for cut in range(0, len(text), 40):
        (root / RESULTS).write_bytes(text[:cut].encode())
        assert list(after_kill(root, said)), cut
    write_text(root, RESULTS, text)
    assert list(after_kill(root, said)) == []
    assert json.loads(_newest(root).read_text(encoding="utf-8"))["lab"] == "bench"
