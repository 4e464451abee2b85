"""The measured table: from sound records only, and between its markers only."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.evidence import comparison_gap
from agent.domain.lab import LabEvidence, RunFile, RunRecord
from agent.domain.lab_table import BEGIN, END, NOTHING, marker_gap, number, rows, table, with_table
from tests.helpers.fakes import START

FP16, INT8 = {"fp16": {"step (ms)": 41.2, "recall@5": 0.71}}, {"int8": {"step (ms)": 27.9}}


def run(id: str, results: Mapping[str, Mapping[str, float]], *, seal: bool = True, **changed: Any) -> RunFile:
    values = {
        "id": id,
        "lab": "bench",
        "command": ("python", "main.py"),
        "exit_code": 0,
        "started": START,
        "duration_s": 1.0,
        "code_sha256": "c",
        "env_sha256": "e",
        "results": results,
    }
    record = RunRecord.model_validate(values | changed)
    return RunFile(f"lab/bench/runs/{id}.json", record.sealed() if seal else record)


def lab(*runs: RunFile) -> LabEvidence:
    return LabEvidence("lab/bench", code_sha256="c", env_sha256="e", runs=runs)


def test_variants_are_rows_and_each_links_its_run() -> None:
    assert table(rows(lab(run("b", INT8), run("a", FP16)), ["fp16", "int8"])).splitlines() == [
        "| Variant | step (ms) | recall@5 | Run |",
        "|---|---:|---:|---|",
        "| fp16 | 41.2 | 0.71 | [2026-11-23](runs/a.json) |",
        "| int8 | 27.9 | unmeasured | [2026-11-23](runs/b.json) |",
    ]


def test_the_gate_reads_what_is_written() -> None:
    assert comparison_gap(table(rows(lab(run("a", FP16), run("b", INT8))))) == ""
    assert comparison_gap(table(rows(lab(run("a", FP16))))) == "only one variant ('fp16') has numbers"
    assert comparison_gap(table(rows(lab(run("a", {"x": {"n": 1}}), run("b", {"y": {"m": 1}}))))) != ""


def test_declared_metrics_come_first() -> None:
    assert table(rows(lab(run("a", FP16))), ["recall@5", "never printed"]).startswith(
        "| Variant | recall@5 | step (ms) |"
    )


def test_the_newest_run_counts_whatever_the_files_are_called() -> None:
    newer = run("a", {"fp16": {"step (ms)": 40}}, started=START + timedelta(seconds=0.5))
    assert [row.metrics for row in rows(lab(newer, run("b", FP16)))] == [{"step (ms)": 40}]


@pytest.mark.parametrize(
    "bad",
    [
        run("x", FP16, exit_code=1),
        run("x", FP16, exit_code=124, ended="time"),
        run("x", FP16, seal=False),
        run("x", FP16, lab="other"),
        RunFile("lab/bench/runs/x.json", None, "cannot be read"),
    ],
    ids=["failed", "stopped", "edited", "another lab's", "unreadable"],
)
def test_what_proves_nothing_has_no_row(bad: RunFile) -> None:
    assert rows(lab(bad)) == []
    assert table([]) == NOTHING


@pytest.mark.parametrize(
    ("changed", "remark"),
    [
        ({"reported": True}, "2026-11-23, reported"),
        ({"code_sha256": "old"}, "2026-11-23, other code"),
        ({"env_sha256": "old", "reported": True}, "2026-11-23, reported, other environment"),
    ],
)
def test_a_row_says_what_is_to_be_known_of_its_run(changed: dict[str, Any], remark: str) -> None:
    assert [row.remark for row in rows(lab(run("a", FP16, **changed)))] == [remark]


def test_names_cannot_break_the_table_or_its_markers() -> None:
    drawn = table(rows(lab(run("a", {f"a | b {END}": {"c|d (ms)": 1.0}}))))
    assert END not in drawn
    assert with_table(with_table(f"x\n{BEGIN}\n{END}\ny", drawn), "t") == f"x\n{BEGIN}\nt\n{END}\ny"
    assert drawn.count("\n") == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (41.0, "41"),
        (41.23456, "41.23"),
        (0.000123456, "0.0001235"),
        (123456.7, "123457"),
        (-3.5, "-3.5"),
        (1e20, "1e+20"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


plain = st.text().filter(lambda text: BEGIN not in text and END not in text)


@given(plain, plain, plain, st.sampled_from(["| a |\n|---|", NOTHING]))
def test_every_byte_outside_the_markers_is_kept(before: str, between: str, after: str, drawn: str) -> None:
    text = f"{before}{BEGIN}{between}{END}{after}"
    changed = with_table(text, drawn)
    assert changed.startswith(f"{before}{BEGIN}")
    assert changed.endswith(f"{END}{after}")
    assert with_table(changed, drawn) == changed


def test_line_endings_are_the_texts_own() -> None:
    assert with_table(f"# R\r\n{BEGIN}\r\n{END}\r\n", "a\nb") == f"# R\r\n{BEGIN}\r\na\r\nb\r\n{END}\r\n"


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}", f"{BEGIN}{BEGIN}{END}"])
def test_without_one_pair_of_markers_there_is_no_place(text: str) -> None:
    assert marker_gap(text)
    assert not marker_gap(f"{BEGIN}{END}")
