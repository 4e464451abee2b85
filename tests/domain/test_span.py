from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from agent.domain.errors import UsageError
from agent.domain.span import span_of

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)  # 00:30 on the 25th in Berlin


@pytest.mark.parametrize(
    ("day", "since", "expected"),
    [
        ("", "", ("2026-11-25", "2026-11-24T23:00", "2026-11-25T23:00")),
        ("today", "", ("2026-11-25", "2026-11-24T23:00", "2026-11-25T23:00")),
        ("yesterday", "", ("2026-11-24", "2026-11-23T23:00", "2026-11-24T23:00")),
        ("2026-10-25", "", ("2026-10-25", "2026-10-24T22:00", "2026-10-25T23:00")),
        ("2026-11-24", "14:00", ("2026-11-24", "2026-11-24T13:00", "2026-11-24T23:00")),
        ("2026-11-24", "2026-11-20", ("2026-11-24", "2026-11-19T23:00", "2026-11-24T23:00")),
        ("2026-11-24", "2026-11-20T12:30", ("2026-11-24", "2026-11-20T11:30", "2026-11-24T23:00")),
        ("2026-11-24", "yesterday", ("2026-11-24", "2026-11-23T23:00", "2026-11-24T23:00")),
    ],
)
def test_days_are_the_learners(day: str, since: str, expected: tuple[str, str, str]) -> None:
    span = span_of(day, since, NOW, BERLIN)
    assert (str(span.date), f"{span.start:%Y-%m-%dT%H:%M}", f"{span.end:%Y-%m-%dT%H:%M}") == expected
    assert span.start.tzinfo is UTC


@pytest.mark.parametrize(
    ("day", "since"),
    [
        ("24.11.2026", ""),
        ("2026-13-01", ""),
        ("", "25:00"),
        ("", "soon"),
        ("2026-11-24", "2026-11-26"),
        ("\x1b[2J", ""),
    ],
)
def test_what_is_no_day_or_time(day: str, since: str) -> None:
    with pytest.raises(UsageError):
        span_of(day, since, NOW, BERLIN)


def test_without_a_zone_it_is_the_machines() -> None:
    span = span_of("2026-11-24", "", NOW)
    assert span.date == date(2026, 11, 24)
    assert span.start.astimezone().time().isoformat() == "00:00:00"
