"""Every file of a lab, damaged in every way of `test_faults`, under every command: a sentence, and nothing is lost."""

import shutil
from pathlib import Path

import pytest

from tests.cli.test_faults import FAULTS, Fault, outside, problem
from tests.helpers.lab_bench import lab
from tests.helpers.study import make_workspace, study, tree

FILES = ("README.md", "lab.toml", "RESULTS.md", "requirements.txt", "runs/*.json")
PLAN = 'command = ["true"]\nenvironment = "none"\n[variants]\nfp16 = []\n'
COMMANDS = (
    "lab check",
    "lab check bench",
    "lab run bench",
    "lab record bench --exit-code 0 --seconds 1",
    "lab table bench",
)


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose lab has a record and a table."""
    root = make_workspace(tmp_path_factory.mktemp("lab") / "work")
    lab(root, plan=PLAN)
    told = study(root, "lab", "record", "bench", "--exit-code", "0", "--seconds", "1", "--metric", "step (ms)=1")
    assert told.code == 0, told.err
    return root


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("file", FILES)
def test_a_damaged_file(lived_in: Path, tmp_path: Path, file: str, fault: Fault) -> None:
    root = tmp_path / "work"
    shutil.copytree(lived_in, root)
    fault(next((root / "lab/bench").glob(file)) if file.endswith("json") else root / "lab/bench" / file)
    for command in COMMANDS:
        before = {path: content for path, content in tree(root).items() if not path.endswith("RESULTS.md")}
        results = root / "lab/bench/RESULTS.md"
        words = _words(results)
        ran = study(root, *command.split())
        assert not problem(ran, before, tree(root)), command
        assert _words(results) == words, command
        assert "root:" not in ran.out + ran.err or fault is not outside


def _words(results: Path) -> str:
    """What stands outside the table; all of it where there is no place for one."""
    try:
        text = results.read_bytes().decode("utf-8", "replace")
    except OSError:
        return "unreadable"
    parts = text.split("<!-- measured -->")
    return parts[0] + parts[1].split("<!-- /measured -->", 1)[-1] if len(parts) == 2 else text
