"""Calibration and bands by kind of claim: fitted on the other notes, bounded, and counted by kind."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.adversarial.bands import Row, accepted, band_table, calibrated, calibration_table, least_band, needed, read

# Boundaries are graded .3 lower than core claims, in two notes alike.
ROWS = [
    Row(note, kind, (0.8 if truthful else 0.4) - (0.3 if kind == "boundary" else 0.0), truthful, natural=True)
    for note in ("one", "two")
    for kind in ("core", "boundary")
    for truthful in (True, False)
    for _ in range(40)
]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.sampled_from([0.02, 0.05, 0.2]))
def test_a_band_lets_no_more_through_than_it_may(false: list[float], share: float) -> None:
    band = least_band(false, share)
    assert band == 1.0 or (sum(p >= band for p in false) + 1) / (len(false) + 1) <= share


def test_bands_by_kind_accept_what_one_band_cannot() -> None:
    one, own = (accepted(ROWS, 0.05, by_kind=by_kind) for by_kind in (False, True))
    boundary = [i for i, row in enumerate(ROWS) if row.kind == "boundary" and row.truthful]
    assert all(own[i] for i in boundary)
    assert not any(accepted for row, accepted in zip(ROWS, own, strict=True) if not row.truthful)
    assert sum(own) >= sum(one)


@pytest.mark.parametrize("by_kind", [False, True])
def test_a_note_has_no_say_in_its_own_band_or_scaling(by_kind: bool) -> None:
    turned = [Row(r.note, r.kind, r.p, r.truthful is (r.note != "one"), natural=True) for r in ROWS]
    mine = [i for i, row in enumerate(ROWS) if row.note == "one"]
    for fit in (lambda rows: accepted(rows, 0.05, by_kind=by_kind), lambda rows: calibrated(rows, by_kind=by_kind)):
        before, after = fit(ROWS), fit(turned)
        assert [before[i] for i in mine] == [after[i] for i in mine]
        assert before != after


def test_what_is_calibrated_needs_no_scaling_and_what_is_modest_needs_a_shift() -> None:
    def rows(p: float, true: int) -> list[Row]:
        return [Row("n", "core", p, i < true, natural=True) for i in range(100)]

    honest = needed(rows(0.2, 20) + rows(0.7, 70))
    assert honest.slope == pytest.approx(1, abs=0.02)
    assert honest.shift == pytest.approx(0, abs=0.02)
    modest = needed(rows(0.2, 60) + rows(0.4, 90))
    assert modest.apply(0.2) == pytest.approx(0.6, abs=0.02)
    copied = [Row("n", "core", 0.9, truthful=False, natural=False)] * 50
    assert needed(rows(0.2, 20) + rows(0.7, 70) + copied) == honest


def test_the_tables_are_read_from_outcomes(tmp_path: Path) -> None:
    rows = [
        {"id": f"{note}^c{i}/terse", "kind": kind, "p_covered": p, "copied": copied, "labels": labels, "source": "hand"}
        for note in ("one", "two")
        for i, (kind, p, copied, labels) in enumerate(
            [
                ("core", 0.9, False, ["covered"]),
                ("core", 0.9, True, ["missing"]),
                ("term", 0.2, False, ["contradicted", "missing"]),
                ("boundary", 0.7, False, ["covered", "missing"]),
                ("misconception", 0.7, False, ["covered"]),
            ]
        )
    ]
    path = tmp_path / "outcomes.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = read(path)
    assert [(row.kind, row.p) for row in found[:3]] == [("core", 0.9), ("core", 0.0), ("term", 0.2)]
    assert len(found) == 6
    assert calibration_table(found).splitlines()[1].split()[-4:-1] == ["0.100", "nan", "0.200"]
    assert "n/a" in band_table(found)
