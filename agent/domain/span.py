"""Which part of time a session is about, as the user types it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from agent.domain.errors import UsageError
from agent.domain.event import day_span


@dataclass(frozen=True, slots=True)
class Span:
    """A session's day, and the UTC times from which and up to which events belong to it."""

    date: date
    start: datetime
    end: datetime


def span_of(day: str, since: str, now: datetime, zone: tzinfo | None = None) -> Span:
    """Read `--date` (`2026-11-24`, today, yesterday; "" is today) and `--since` (`14:00`, a date, or both; "" is none).

    Raises:
        UsageError: one of them is no date or time, or `since` is after the day.
    """
    today = now.astimezone(zone).date()
    chosen = _date(day, today, "--date") if day else today
    start, end = day_span(chosen, zone)
    if since:
        start = _since(since, chosen, today, zone)
        if start >= end:
            raise UsageError(f"--since {since} is after the end of {chosen}; give an earlier one.")
    return Span(chosen, start, end)


def _date(text: str, today: date, option: str) -> date:
    named = {"today": today, "yesterday": today - timedelta(days=1)}
    if text.casefold() in named:
        return named[text.casefold()]
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} takes a day like 2026-11-24, today or yesterday, not {text[:40]!r}.") from None


def _since(text: str, day: date, today: date, zone: tzinfo | None) -> datetime:
    try:
        local = datetime.combine(day, time.fromisoformat(text)) if ":" in text[:3] else datetime.fromisoformat(text)
        if local.tzinfo is None:
            local = local.replace(tzinfo=zone)
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    try:
        return day_span(_date(text, today, "--since"), zone)[0]
    except UsageError:
        raise UsageError(
            f"--since takes a time like 14:00, a day like 2026-11-20, or 2026-11-20T14:00, not {text[:40]!r}."
        ) from None
