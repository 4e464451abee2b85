"""Axes: round tops and days that are worth a label."""

from datetime import date, timedelta

_STEPS = (1, 2, 7, 14, 30, 91, 182, 365, 730)
MAX_TICKS = 9


def nice_top(value: int) -> int:
    """Give the end of an axis from 0: the least round number that holds the value, divisible by 4 from 4 on."""
    step = next(step for step in (4, 20, 100, 1000) if value <= step * 10 or step == 1000)
    return max(-(-value // step), 1) * step


def day_ticks(first: date, last: date) -> list[tuple[date, str]]:
    """Choose at most nine days for labels, evenly, the last day among them; with the year where it changes."""
    days = (last - first).days
    step = next((s for s in _STEPS if days / s <= MAX_TICKS - 1), max(days // (MAX_TICKS - 1), 1))
    chosen = [last - timedelta(days=back) for back in range(0, days + 1, step)][::-1]
    years = len({day.year for day in (first, last)}) > 1
    return [(day, f"{day.day} {day:%b}{f' {day.year}' if years else ''}") for day in chosen]
