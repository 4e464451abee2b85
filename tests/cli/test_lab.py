"""`study lab`: what a user types and sees, and what is on file afterwards."""

import json
from pathlib import Path

import pytest

from tests.helpers.lab_bench import MAIN, MARKERS, events, lab, records
from tests.helpers.labs import RESULTS_TEXT, write
from tests.helpers.study import make_workspace, study


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = make_workspace(tmp_path / "work")
    lab(made)
    return made


def test_all_variants_run_are_recorded_and_tabulated(root: Path) -> None:
    ran = study(root, "lab", "run", "bench")
    assert ran.code == 0, ran.err
    assert (
        "» bench (fp16): python main.py --dtype fp16, at most 600 s and 4,096 MiB\nmeasuring --dtype fp16\n" in ran.out
    )
    assert "»   int8: step (ms) 27.9\n" in ran.out
    fp16, int8 = records(root)
    assert (fp16.variant, fp16.exit_code, fp16.ended, fp16.reported) == ("fp16", 0, "", False)
    assert fp16.command == ("python", "main.py", "--dtype", "fp16")
    assert fp16.results == {"fp16": {"step (ms)": 41.2}}
    assert fp16.output_tail == 'measuring --dtype fp16\n{"metrics": {"step (ms)": 41.2}}\n'
    assert fp16.duration_s > 0
    assert fp16.code_sha256 == int8.code_sha256 != ""
    results = (root / "lab/bench/RESULTS.md").read_text(encoding="utf-8")
    assert results.startswith("# Results\n\nMy words.\n\n<!-- measured -->\n| Variant | step (ms) | Run |\n")
    assert results.endswith("<!-- /measured -->\n\nMore of my words.\n")
    day = f"{int8.started:%Y-%m-%d}](runs/{int8.started:%Y%m%dT%H%M%SZ}-{int8.id}.json)"
    assert "| fp16 | 41.2 | [" in results
    assert f"| int8 | 27.9 | [{day} |" in results


def test_each_run_is_an_event_of_the_day(root: Path) -> None:
    study(root, "lab", "run", "bench", "--variant", "int8")
    (event,) = events(root)
    assert event["kind"] == "lab-run"
    assert event["topic"] == "kv-cache"
    assert event["text"].startswith("Ran lab/bench (int8): exit 0 after 0.")
    assert event["text"].endswith("; int8: step (ms) 27.9.")
    assert event["data"]["int8: step (ms)"] == 27.9
    assert (root / event["refs"][0]).is_file()


def test_a_run_is_evidence_as_the_gates_read_it(root: Path) -> None:
    assert study(root, "lab", "check", "bench", "--to", "L2").code == 1
    study(root, "lab", "run", "bench")
    checked = study(root, "lab", "check", "bench", "--to", "L2")
    assert checked.code == 0
    assert "  ✓ L2 a recorded run of lab/bench that exited 0\n" in checked.out
    assert "  ✗ L3 a failure analysis in lab/bench/RESULTS.md: the section is missing\n" in checked.out
    assert "It carries L2: `study promote kv-cache --to L2 --evidence lab/bench`.\n" in checked.out
    promoted = study(root, "promote", "kv-cache", "--to", "L2", "--evidence", "lab/bench")
    assert [line for line in promoted.out.splitlines() if "✗" in line and "L2" in line] == []
    results = root / "lab/bench/RESULTS.md"
    analysis = RESULTS_TEXT[RESULTS_TEXT.index("## Failure") :]
    results.write_text(results.read_text(encoding="utf-8") + analysis, encoding="utf-8")
    assert study(root, "lab", "check", "bench", "--to", "L3").code == 0


def test_json_is_one_result_a_line_and_the_labs_words_go_elsewhere(root: Path) -> None:
    ran = study(root, "lab", "run", "bench", "--json")
    assert [event["results"] for event in ran.events] == [{"fp16": {"step (ms)": 41.2}}, {"int8": {"step (ms)": 27.9}}]
    assert all((root / event["path"]).is_file() for event in ran.events)
    assert "measuring --dtype int8" in ran.err
    (state,) = json.loads(study(root, "lab", "check", "bench", "--json").out)
    assert state["level"] == "L2"
    assert state["unmeasured"] == state["remarks"] == []


def test_what_failed_is_on_file_as_failed_and_has_no_row(root: Path) -> None:
    lab(root, main=MAIN + "sys.exit(os.environ['LAB_VARIANT'] == 'int8')\n")
    ran = study(root, "lab", "run", "bench")
    assert ran.code == 1
    assert [record.exit_code for record in records(root)] == [0, 1]
    results = (root / "lab/bench/RESULTS.md").read_text(encoding="utf-8")
    assert "| fp16 | 41.2 |" in results
    assert "int8" not in results
    assert "No good run of the code as it is: int8 (`study lab run bench`)." in study(root, "lab", "check", "bench").out


def test_metrics_in_a_file(root: Path) -> None:
    reading = {"variant": "c=4", "metrics": {"p95 (ms)": 8}}
    code = f"import os; open(os.environ['LAB_METRICS'], 'w').write({json.dumps([reading])!r})"
    lab(root, main=code, plan='command = ["python", "main.py"]\nenvironment = "study"\n')
    assert study(root, "lab", "run", "bench").code == 0
    assert records(root)[0].results == {"c=4": {"p95 (ms)": 8.0}}


def test_the_table_follows_the_records(root: Path) -> None:
    study(root, "lab", "run", "bench")
    whole = (root / "lab/bench/RESULTS.md").read_bytes()
    write(root, {"lab/bench/RESULTS.md": MARKERS})
    assert (
        "The measured table is behind the records (`study lab table bench`)."
        in study(root, "lab", "check", "bench").out
    )
    assert study(root, "lab", "table", "bench").out == "lab/bench/RESULTS.md: brought up to date.\n"
    assert (root / "lab/bench/RESULTS.md").read_bytes() == whole
    assert study(root, "lab", "table", "bench").out == "lab/bench/RESULTS.md: up to date already.\n"
    write(root, {"lab/bench/main.py": MAIN + "# edited\n"})
    study(root, "lab", "table", "bench")
    assert ", other code](runs/" in (root / "lab/bench/RESULTS.md").read_text(encoding="utf-8")
    write(root, {"lab/bench/RESULTS.md": "mine"})
    assert study(root, "lab", "table", "bench").code == 1


def test_a_run_elsewhere_is_entered_as_reported(root: Path) -> None:
    given = "loading\n" + json.dumps({"metrics": {"step (ms)": 3.1}}) + "\n"
    words = "lab record bench --variant int8 --exit-code 0 --seconds 812 --output - --started 2026-11-20T10:00".split()
    words += ["--machine", "1x H100, 80 GB\x1b[1m", "--metric", "peak=9.5", "--metric", "loss a=b=0.5"]
    for _ in range(2):
        ran = study(root, *words, given=given)
        assert ran.code == 0, ran.err
    assert "It was on file already." in ran.out
    (record,) = records(root)
    assert record.reported
    assert record.results == {"int8": {"step (ms)": 3.1, "peak": 9.5, "loss a=b": 0.5}}
    assert record.machine == "1x H100, 80 GB�[1m"
    assert record.duration_s == 812
    assert record.command == ("python", "main.py", "--dtype", "int8")
    assert "| [2026-11-20, reported](runs/" in (root / "lab/bench/RESULTS.md").read_text(encoding="utf-8")
    assert study(root, "lab", "check", "bench", "--to", "L2").code == 0
    (event,) = events(root)
    assert event["text"].startswith("Entered a run of lab/bench (int8): exit 0 after 812.0 s; int8: step (ms) 3.1;")


def test_a_reported_failure_is_no_evidence(root: Path) -> None:
    study(root, "lab", "record", "bench", "--exit-code", "1", "--seconds", "1", "--metric", "a (ms)=1")
    assert study(root, "lab", "check", "bench", "--to", "L2").code == 1
    assert "a (ms)" not in (root / "lab/bench/RESULTS.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("lab run nope", 2, "No lab matches 'nope'; there are bench."),
        ("lab run bench --variant nope", 2, "lab/bench declares no variant 'nope'; it has fp16, int8."),
        ("lab new nonsense-topic", 2, "No topic matches 'nonsense-topic'"),
        ("lab check nope", 2, "No lab matches 'nope'"),
        ("lab check bench --to L9", 2, ""),
        ("lab record bench --exit-code 0 --seconds 1 --metric fast", 2, "'fast' is no metric; write 'step (ms)=41.2'."),
        ("lab record bench --exit-code 0 --seconds 1 --metric a=nan", 0, ""),
        ("lab record bench --exit-code 0 --seconds 1 --started soon", 2, "'soon' is no time; write it like"),
        ("lab record bench --exit-code 0 --seconds 1 --output nope.txt", 2, "'nope.txt' cannot be read: No such file"),
        ("lab record bench --exit-code 0 --seconds 1 --variant x", 2, "lab/bench declares no variant 'x'"),
        ("lab record bench --seconds 1", 2, ""),
    ],
)
def test_one_sentence_and_a_code(root: Path, words: str, code: int, sentence: str) -> None:
    ran = study(root, *words.split())
    assert ran.code == code
    assert sentence in ran.err
    assert "Traceback" not in ran.err
    assert not records(root) or code == 0


def test_a_command_that_is_not_there(root: Path) -> None:
    lab(root, plan='command = ["no-such-program"]\nenvironment = "none"\n')
    ran = study(root, "lab", "run", "bench")
    assert ran.code == 3
    assert ran.err == "study: The command cannot be started (No such file or directory: no-such-program).\n"
    assert not records(root)


def test_an_overview_of_all_labs(root: Path) -> None:
    write(root, {"lab/empty/notes.txt": "x"})
    study(root, "lab", "run", "bench")
    assert study(root, "lab", "check").out.splitlines() == [
        "lab/bench: carries L2; L3 needs a failure analysis in lab/bench/RESULTS.md: the section is missing.",
        "lab/empty: carries no level yet; L2 needs a README in lab/empty: the file does not exist.",
    ]


def test_new_makes_a_lab_from_the_note(root: Path) -> None:
    ran = study(root, "lab", "new", "kv-cache-scaling", "--name", "cache-bench")
    assert ran.out.splitlines()[0] == "  lab/cache-bench/README.md"
    assert "Do the TODOs, then `study lab run cache-bench` and `study lab check cache-bench`." in ran.out
    again = study(root, "lab", "new", "kv-cache-scaling", "--name", "cache-bench")
    assert again.code == 2
    assert "lab/cache-bench is there already; nothing in it was changed." in again.err
    assert study(root, "check").out.count("cache-bench") == 0
