"""What a lab prints: bounded, harmless, and read for metrics."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.lab_output import MAX_LINE, MAX_METRICS, MAX_ROWS, MAX_SHOWN, MAX_TAIL, LabOutput, Readings


def shown(*pieces: bytes) -> list[str]:
    output = LabOutput()
    lines = [line for piece in pieces for line in output.feed(piece)]
    return [*lines, *output.feed(b"", final=True)]


def results(*lines: str, variant: str = "fp16") -> dict[str, dict[str, float]]:
    readings = Readings(variant)
    for line in lines:
        readings.hear(line)
    return readings.results


@given(st.text(st.characters(exclude_characters="\r", exclude_categories=("Cc", "Cs", "Cf"))), st.integers(1, 5))
def test_pieces_make_the_same_lines_wherever_they_are_cut(text: str, size: int) -> None:
    data = f"{text}\nend".encode()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert shown(*pieces) == shown(data) == [*("" if not line.strip() else line for line in text.split("\n")), "end"]


def test_a_terminal_obeys_nothing_of_it() -> None:
    assert shown(b"\x1b]0;owned\x07a\xe2\x80\xaeb\n") == ["�]0;owned�a�b"]
    assert shown(b"\xff\xfe\n") == ["��"]


def test_a_line_that_redraws_itself_shows_its_last_state() -> None:
    assert shown(b"10 %\r50 %\r100 %\r\n", b"done\r\n") == ["100 %", "done"]


def test_a_line_without_end_is_bounded() -> None:
    output = LabOutput()
    for _ in range(100):
        assert list(output.feed(b"x" * 65_536)) == []
        assert len(output._line) <= MAX_LINE
    (line,) = output.feed(b"\n")
    assert len(line) == MAX_SHOWN


def test_the_tail_is_the_end_of_what_was_shown() -> None:
    output = LabOutput()
    for number in range(10_000):
        list(output.feed(f"line {number}\n".encode()))
    assert len(output.tail) <= MAX_TAIL
    assert output.tail.endswith("line 9998\nline 9999\n")
    assert output._size <= MAX_TAIL + MAX_SHOWN


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (['{"metrics": {"step (ms)": 41.2}}'], {"fp16": {"step (ms)": 41.2}}),
        (['  {"metrics": {"a": 1}, "note": "x"}  '], {"fp16": {"a": 1.0}}),
        (['{"metrics": {"a": 1}}', '{"metrics": {"a": 2, "b": 3}}'], {"fp16": {"a": 2.0, "b": 3.0}}),
        (['{"variant": "c=4", "metrics": {"a": 1}}'], {"c=4": {"a": 1.0}}),
        (['{"variant": " ", "metrics": {"a": 1}}'], {"fp16": {"a": 1.0}}),
        (["metrics: a=1", '{"loss": 2}', '["metrics"]', "{"], {}),
    ],
)
def test_readings(lines: list[str], found: dict[str, dict[str, float]]) -> None:
    assert results(*lines) == found


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"metrics": {"a": NaN}}', "'a' of 'fp16' is no finite number, so it is unmeasured"),
        ('{"metrics": {"a": 1e999}}', "'a' of 'fp16' is no finite number, so it is unmeasured"),
        (f'{{"metrics": {{"a": {"9" * 400}}}}}', "'a' of 'fp16' is no finite number, so it is unmeasured"),
        ('{"metrics": {"a": true}}', "'a' of 'fp16' is no finite number, so it is unmeasured"),
        ('{"metrics": {"a": "12 ms"}}', "'a' of 'fp16' is no finite number, so it is unmeasured"),
        ('{"metrics": [1]}', "`metrics` is no object of names and numbers"),
        ('{"metrics": {"a": 1}', 'a line with metrics is not valid JSON: \'{"metrics": {"a": 1}\''),
        ('{"metrics": ' + "[" * 60_000, "a line with metrics is not valid JSON"),
    ],
)
def test_what_is_no_measurement_is_said_and_never_a_zero(line: str, said: str) -> None:
    readings = Readings("fp16")
    readings.hear(line)
    assert readings.results == {}
    assert readings.faults[0].startswith(said)


def test_a_file_of_readings_is_an_object_a_list_or_lines() -> None:
    one, two = {"metrics": {"a": 1}}, {"variant": "v", "metrics": {"b": 2}}
    for text in (json.dumps([one, two], indent=1), f"{json.dumps(one)}\n{json.dumps(two)}\n"):
        readings = Readings("fp16")
        readings.read_file(text)
        assert readings.results == {"fp16": {"a": 1.0}, "v": {"b": 2.0}}
    readings = Readings("fp16")
    readings.read_file(json.dumps(one, indent=2))
    assert readings.results == {"fp16": {"a": 1.0}}


def test_names_are_one_short_harmless_line() -> None:
    (row,) = results(json.dumps({"variant": "a\n\x1b[31m" + "b" * 500, "metrics": {"c\nd": 1}}))
    assert "\n" not in row
    assert "\x1b" not in row
    assert len(row) == 80


def test_so_many_and_no_more() -> None:
    readings = Readings("fp16")
    for number in range(MAX_ROWS + 5):
        readings.take({"variant": f"v{number}", "metrics": {"a": 1}})
    readings.take({"variant": "v0", "metrics": {f"m{number}": 1 for number in range(MAX_METRICS + 5)}})
    assert len(readings.results) == MAX_ROWS
    assert len(readings.results["v0"]) == MAX_METRICS
    assert len(readings.faults) == 2
