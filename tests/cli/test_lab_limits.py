"""`study lab run`: what a lab never gets, what stops it, and what it cannot spoil."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.workspace.files import locked
from tests.helpers.lab_bench import MAIN, PLAN, lab, records
from tests.helpers.lab_code import FAMILY, gone, marked
from tests.helpers.labs import write
from tests.helpers.study import Terminal, make_workspace, study, tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = make_workspace(tmp_path / "work")
    lab(made)
    return made


def test_a_time_limit_from_the_option_the_declaration_and_the_settings(root: Path) -> None:
    lab(root, main="import time; time.sleep(60)", plan=f"{PLAN}[limits]\nseconds = 0.4\nmemory_mib = 500\n")
    ran = study(root, "lab", "run", "bench", "--variant", "fp16")
    assert "at most 0.4 s and 500 MiB" in ran.out
    assert "Ended after 0.4 s, its time limit; raise it with --seconds or in lab.toml." in ran.out
    ran = study(root, "lab", "run", "bench", "--variant", "fp16", "--seconds", "0.3", "--memory", "400")
    assert "at most 0.3 s and 400 MiB" in ran.out
    lab(root, main="import time; time.sleep(60)")
    ran = study(
        root, "lab", "run", "bench", "--variant", "fp16", env={"STUDY_LAB_SECONDS": "0.2", "STUDY_LAB_MEMORY": "300"}
    )
    assert "at most 0.2 s and 300 MiB" in ran.out
    assert ran.code == 1
    assert [(record.exit_code, record.ended) for record in records(root)] == [(124, "time")] * 3


SHOW = "import json, os; print(json.dumps(dict(os.environ)))"


def seen(root: Path, **env: str) -> dict[str, str]:
    """What a lab sees of the environment."""
    lab(root, main=SHOW, plan='command = ["python", "main.py"]\nenvironment = "study"\n')
    ran = study(root, "lab", "run", "bench", env=env)
    assert ran.code == 0, ran.err
    found: dict[str, str] = json.loads(records(root)[-1].output_tail)
    return found


def test_no_secret_and_nothing_unlisted_passes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "LD_PRELOAD", "MY_OWN"):
        monkeypatch.setenv(name, "hidden")
    environment = seen(root, STUDY_API_KEY="hidden", OPENAI_API_KEY="hidden", STUDY_STUDIO_TOKEN="hidden-hidden-hidden")
    assert "hidden" not in str(environment)
    assert set(environment) <= {
        *"PATH HOME USER LANG LC_ALL LC_CTYPE TZ TMPDIR XDG_CACHE_HOME LD_LIBRARY_PATH CUDA_VISIBLE_DEVICES".split(),
        *"PYTHONUNBUFFERED PYTHONPATH STUDY_ROOT STUDY_CACHE LAB_METRICS LAB_VARIANT".split(),
    }
    assert environment["STUDY_ROOT"] == str(root)
    assert environment["PATH"].startswith(str(Path(sys.executable).parent))


def test_names_on_the_list_pass(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_OWN", "1")
    monkeypatch.setenv("HF_HOME", "2")
    assert {"MY_OWN": "1", "HF_HOME": "2"}.items() <= seen(root, STUDY_LAB_ENV="MY_OWN, HF_HOME").items()
    (root / "study.toml").write_text('lab_env = ["HF_HOME"]\n', encoding="utf-8")
    environment = seen(root)
    assert "HF_HOME" in environment
    assert "MY_OWN" not in environment


@pytest.mark.parametrize("name", ["STUDY_API_KEY", "study_studio_token", "OPENAI_API_KEY"])
def test_settings_of_study_cannot_be_put_on_the_list(root: Path, name: str) -> None:
    ran = study(root, "lab", "run", "bench", env={"STUDY_LAB_ENV": f"HF_HOME,{name}"})
    assert ran.code == 2
    assert f"{name} is a setting of study and never passes to a lab." in ran.err
    assert not (root / "lab/bench/runs").exists()


@pytest.mark.parametrize(
    "code",
    [
        "import os; os.mkfifo(os.environ['LAB_METRICS'])",
        "import os; open(os.environ['LAB_METRICS'], 'wb').write(b'{' * (2 << 20))",
        "import os; os.mkdir(os.environ['LAB_METRICS'])",
        "import os; open(os.environ['LAB_METRICS'], 'wb').write(b'\\xff\\xfe')",
    ],
    ids=["a pipe", "too large", "a folder", "no text"],
)
def test_a_hostile_metrics_file_measures_nothing(root: Path, code: str) -> None:
    lab(root, main=code)
    ran = study(root, "lab", "run", "bench", "--variant", "fp16")
    assert ran.code == 0
    assert records(root)[0].results == {}
    assert "No metrics were printed, so nothing goes into the table" in ran.out


def test_a_flood_is_shown_in_part_and_kept_in_part(root: Path) -> None:
    lab(root, main="for n in range(200_000): print(f'line {n}')")
    ran = study(root, "lab", "run", "bench", "--variant", "fp16")
    assert ran.code == 0
    assert " lines left out" in ran.out
    assert len(ran.out) < 200_000
    assert records(root)[0].output_tail.endswith("line 199998\nline 199999\n")
    assert len(records(root)[0].output_tail) <= 8_000


def test_escapes_reach_neither_the_terminal_nor_the_file(root: Path) -> None:
    lab(root, main=r"print('\x1b]0;owned\x07 \x1b[2J \u202e', '\x1b{\"metrics\": {\"\x1b[1m (ms)\": 1}}')")
    ran = study(root, "lab", "run", "bench", "--variant", "fp16")
    assert "\x1b" not in ran.out + ran.err
    assert "\u202e" not in ran.out
    assert "\x1b" not in "".join(content.decode() for path, content in tree(root).items() if path.endswith(".json"))


def test_code_that_changes_while_it_runs_proves_nothing(root: Path) -> None:
    lab(root, main=MAIN + "open('made.py', 'w').write('x = 1')\n")
    ran = study(root, "lab", "run", "bench", "--variant", "fp16")
    assert "The code of lab/bench changed while it ran: for L2, run it again as it is now." in ran.out
    assert study(root, "lab", "check", "bench", "--to", "L2").code == 1


def _no_results(root: Path) -> None:
    (root / "lab/bench/RESULTS.md").unlink()


def _no_markers(root: Path) -> None:
    write(root, {"lab/bench/RESULTS.md": "# Mine\n"})


def _no_text(root: Path) -> None:
    (root / "lab/bench/RESULTS.md").write_bytes(b"\xff\xfe<!-- measured --><!-- /measured -->")


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (_no_results, "No table was written: lab/bench/RESULTS.md does not exist."),
        (_no_markers, "No table was written: lab/bench/RESULTS.md: it has no lines `<!-- measured -->` and "),
        (_no_text, "No table was written: lab/bench/RESULTS.md:1 is not valid UTF-8; save the file as UTF-8."),
    ],
)
def test_a_results_file_without_a_place_is_left_alone(root: Path, harm: Callable[[Path], None], sentence: str) -> None:
    harm(root)
    before = {path: content for path, content in tree(root).items() if path.endswith("RESULTS.md")}
    ran = study(root, "lab", "run", "bench")
    assert ran.code == 0
    assert sentence in ran.out
    assert {path: content for path, content in tree(root).items() if path.endswith("RESULTS.md")} == before
    assert len(records(root)) == 2
    assert "No measured table" in study(root, "lab", "check", "bench").out or harm is _no_text


def test_the_second_of_two_at_once_waits_for_nothing(root: Path) -> None:
    with locked(root, "lab-bench"):
        ran = study(root, "lab", "run", "bench")
    assert ran.code == 3
    assert ran.err == "study: lab/bench is running in another terminal; wait for it.\n"
    assert not records(root)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_ctrl_c_ends_everything_and_records_nothing(root: Path) -> None:
    lab(root, main=f"{FAMILY}\ntime.sleep(60)".replace("sys.argv[1]", repr(str(root))))
    before = tree(root)
    with Terminal(root, "lab", "run", "bench", "--variant", "fp16") as terminal:
        terminal.wait("started")
        assert marked(str(root))
        terminal.press("c")
        assert terminal.end() == 130
        assert "Stopped: the lab was ended, and this run was not recorded." in terminal.shown
        assert "Traceback" not in terminal.shown
    assert gone(str(root), 0)
    assert tree(root) == before


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_closed_terminal_ends_everything(root: Path) -> None:
    lab(root, main=f"{FAMILY}\ntime.sleep(60)".replace("sys.argv[1]", repr(str(root))))
    with Terminal(root, "lab", "run", "bench", "--variant", "fp16") as terminal:
        terminal.wait("started")
        terminal.hang_up()
        assert gone(str(root))
    assert not records(root)


def test_a_full_disk_after_the_record_leaves_the_record(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from agent.domain.errors import WorkspaceError
    from agent.workspace import lab_runs
    from agent.workspace.files import write_text

    def full(where: Path, path: str, text: str) -> None:
        if path.endswith("RESULTS.md"):
            raise WorkspaceError(f"{path} cannot be written: No space left on device; nothing was changed.")
        write_text(where, path, text)

    monkeypatch.setattr(lab_runs, "write_text", full)
    ran = study(root, "lab", "run", "bench", "--variant", "fp16")
    assert ran.code == 0
    assert "No table was written: lab/bench/RESULTS.md cannot be written: No space left on device" in ran.out
    assert len(records(root)) == 1
