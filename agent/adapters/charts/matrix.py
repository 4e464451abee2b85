"""The skill matrix: a cell a topic, a row a module, the tracks in two columns."""

from collections.abc import Iterator

from agent.adapters.charts.svg import MARGIN, TOP, WIDTH, picture, rect, text
from agent.domain.dashboard import Dashboard
from agent.domain.level import Level
from agent.domain.roadmap import Track

CELL, GAP, ROW = 32, 4, 28
LABEL = 168
COLUMN = (WIDTH - 3 * MARGIN) / 2
PER_ROW = int((COLUMN - LABEL) // (CELL + GAP))
HEAD, SPACE = 30, 22


def matrix(board: Dashboard) -> str:
    """Draw the levels of all topics."""
    topics = board.roadmap.topics
    reached = sum(topic.level >= Level.L1 for topic in topics)
    columns: list[list[Track]] = [[], []]
    heights = [0.0, 0.0]
    for track in board.roadmap.tracks:
        place = 0 if heights[0] <= heights[1] else 1
        columns[place].append(track)
        heights[place] += _height(track)
    body = [part for place, tracks in enumerate(columns) for part in _column(place, tracks)]
    subtitle = f"{reached} of {len(topics)} topics at L1 or above"
    return picture("Skill matrix", subtitle, TOP + max([*heights, HEAD]) + MARGIN - SPACE + 6, body)


def _lines(count: int) -> int:
    return -(-count // PER_ROW)


def _height(track: Track) -> float:
    return HEAD + sum(ROW * _lines(len(module.topics)) for module in track.modules) + SPACE


def _column(place: int, tracks: list[Track]) -> Iterator[str]:
    left, y = MARGIN + place * (COLUMN + MARGIN), float(TOP)
    for track in tracks:
        reached = sum(topic.level >= Level.L1 for topic in track.topics)
        yield text(left, y + 8, f"{track.number:02d}  {track.title}", "b ink", room=COLUMN - 46)
        yield text(left + COLUMN, y + 8, f"{reached}/{len(track.topics)}", "m soft", anchor="end")
        y += HEAD
        for module in track.modules:
            yield text(left, y + 11, module.title or "(no module)", "m soft", room=LABEL - 8)
            for number, topic in enumerate(module.topics):
                x = left + LABEL + (number % PER_ROW) * (CELL + GAP)
                top = y + (number // PER_ROW) * ROW
                tip = f"{topic.text}: {topic.level}"
                yield rect(x, top, CELL, ROW - 6, str(topic.level), radius=5, tip=tip)
                yield text(x + CELL / 2, top + 11.5, str(topic.level), f"x t{int(topic.level)}", anchor="middle")
            y += ROW * _lines(len(module.topics))
        y += SPACE
