"""Re-checks ahead: for each verified topic how long what was explained is expected to last."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from agent.adapters.charts.axis import day_ticks
from agent.adapters.charts.svg import MARGIN, TOP, WIDTH, circle, line, picture, rect, text
from agent.domain.dashboard import Dashboard, Recheck
from agent.domain.slug import short_title

ROW, MAX_ROWS = 26, 18
LEFT, RIGHT = MARGIN + 250, WIDTH - MARGIN - 96


def memory(board: Dashboard) -> str:
    """Draw a bar a topic, from its last review to the day when a re-check is due; the soonest first."""
    rows = board.rechecks[:MAX_ROWS]
    if not rows:
        empty = text(WIDTH / 2, TOP + 30, "A verified topic gets its first re-check.", "m soft", anchor="middle")
        return picture("Re-checks ahead", "No topic is verified yet", TOP + 80, [empty], legend=False)
    rest = len(board.rechecks) - len(rows)
    more = f"; {rest} later ones are not shown" if rest else ""
    subtitle = f"From the last review to the day when the chance to recall falls to 90 %{more}"
    return picture("Re-checks ahead", subtitle, TOP + ROW * len(rows) + 52, _parts(rows))


def _parts(rows: Sequence[Recheck]) -> Iterator[str]:
    first = min(row.since for row in rows)
    last = max(max(row.day for row in rows), first + timedelta(days=1))
    bottom = TOP + ROW * len(rows) + 4

    def x(day: date) -> float:
        return LEFT + (RIGHT - LEFT) * (day - first).days / (last - first).days

    for day, label in day_ticks(first, last):
        yield line(x(day), TOP - 4, x(day), bottom)
        yield text(x(day), bottom + 14, label, "x soft", anchor="middle")
    for place, row in enumerate(rows):
        y = TOP + ROW * place + ROW / 2
        yield text(MARGIN, y, short_title(row.topic.text), "m ink", room=LEFT - MARGIN - 16)
        start, end = x(row.since), x(row.day)
        level = row.topic.level
        yield rect(start, y - 5, max(end - start, 1), 10, str(level), radius=5, tip=f"{row.topic.text}: due {row.day}")
        yield circle(end, y, 5, "L5" if level < 3 else "ink")
        yield text(end + 11, y, f"{row.day.day} {row.day:%b}", "x soft")
