"""Topics at each level over time, from the ledger: a staircase, the highest levels at its foot."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise

from agent.adapters.charts.axis import day_ticks, nice_top
from agent.adapters.charts.svg import MARGIN, TOP, WIDTH, line, picture, polygon, text
from agent.domain.dashboard import Dashboard, counts_by_day
from agent.domain.level import Level

HEIGHT = 320
LEFT, RIGHT, BOTTOM = MARGIN + 24, WIDTH - MARGIN - 64, HEIGHT - 44
SHORTEST = 13  # days at least
LABEL = 16  # what a label needs, so that two never lie on each other
LEVELS = [level for level in reversed(Level) if level > Level.L0]


def history(board: Dashboard) -> str:
    """Draw how many topics were at which level at the end of each day."""
    counts = counts_by_day(board.steps)
    if not counts:
        empty = text(WIDTH / 2, TOP + 30, "The first approved level begins the staircase.", "m soft", anchor="middle")
        return picture("Level history", "No level was decided on yet", TOP + 80, [empty], legend=False)
    first, last = counts[0][0], counts[-1][0]
    decisions = f"{len(board.steps)} decision{'s' * (len(board.steps) != 1)}"
    span = f"on {first}" if first == last else f"from {first} to {last}"
    return picture("Level history", f"{decisions} {span}", HEIGHT, _parts(counts))


def _parts(counts: Sequence[tuple[date, dict[Level, int]]]) -> Iterator[str]:
    last = counts[-1][0]
    first = min(counts[0][0] - timedelta(days=1), last - timedelta(days=SHORTEST))
    top = nice_top(max(sum(levels.values()) for _, levels in counts))
    days = (last - first).days + 1  # the last one takes room as well
    day_width = max((RIGHT - LEFT) / days, 6.0)

    def x(day: date) -> float:
        return LEFT + (RIGHT - LEFT - day_width) * (day - first).days / (days - 1)

    def y(count: float) -> float:
        return BOTTOM - (BOTTOM - TOP - 6) * count / top

    for tick in range(0, top + 1, max(top // 4, 1)):
        yield line(LEFT, y(tick), RIGHT, y(tick))
        yield text(LEFT - 8, y(tick), str(tick), "x soft", anchor="end")
    base, free = [0] * len(counts), BOTTOM + LABEL / 2.0
    for level in LEVELS:
        upper = [below + levels[level] for below, (_, levels) in zip(base, counts, strict=True)]
        if upper != base:
            xs = [*(x(d) for d, _ in counts), RIGHT]
            yield polygon(_stairs(xs, [y(c) for c in base], [y(c) for c in upper]), str(level))
            if upper[-1] > base[-1]:
                free = min(free - LABEL, (y(upper[-1]) + y(base[-1])) / 2)
                yield text(RIGHT + 12, free, f"{level}: {upper[-1] - base[-1]}", "m ink")
        base = upper
    for day, label in day_ticks(first, last):
        yield text(x(day), BOTTOM + 18, label, "x soft", anchor="middle")
    yield line(LEFT, BOTTOM, RIGHT, BOTTOM, "s-edge")


def _stairs(xs: Sequence[float], lower: Sequence[float], upper: Sequence[float]) -> list[tuple[float, float]]:
    """Outline one level's area; each day's count holds until the next day with a decision, the last to the end."""
    spans = list(pairwise(xs))
    over = [point for (x, end), y in zip(spans, upper, strict=True) for point in ((x, y), (end, y))]
    under = [point for (x, end), y in zip(spans, lower, strict=True) for point in ((x, y), (end, y))]
    return [*over, *reversed(under)]
