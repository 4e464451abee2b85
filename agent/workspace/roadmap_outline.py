"""The block structure of `roadmap.md`: which lines are topic rows, under which track, and which are list items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.domain.errors import WorkspaceError
from agent.domain.level import Level
from agent.domain.slug import split_track
from agent.workspace import table
from agent.workspace.inline import blocks, plain_text
from agent.workspace.lines import BOM, line_spans, refuse_damage

if TYPE_CHECKING:
    from markdown_it.token import Token


@dataclass(frozen=True, slots=True)
class TopicRow:
    """A row of a topic table: its cells' places in the text, and where each known column stands."""

    track: int
    row: table.Row
    columns: Mapping[str, int]

    def cell(self, text: str, name: str) -> str:
        """Read the markdown of a cell by its column's name; "" where there is no such column or cell."""
        return table.cell_source(text, self.row, self.columns[name]) if name in self.columns else ""


@dataclass(frozen=True, slots=True)
class Item:
    """A list item below a heading: its own first paragraph, and its lines as they are."""

    heading: str
    section: str
    content: str
    raw: str
    line: int
    depth: int


@dataclass(slots=True)
class Outline:
    """What the block structure says, in the order of the file; `tracks` are headings as written."""

    tracks: list[str]
    rows: list[TopicRow]
    items: list[Item]


def read_outline(text: str, path: str) -> Outline:
    """Find topic rows and list items; `path` stands for the file in messages.

    Raises:
        WorkspaceError: naming the line that cannot be understood.
    """
    refuse_damage(text, path)
    offset = len(BOM) if text.startswith(BOM) else 0
    return _Reader(text, path, offset).read(blocks().parse(text[offset:]))


class _Reader:
    """Walks the block tokens once, keeping track of the headings above."""

    def __init__(self, text: str, path: str, offset: int) -> None:
        self.text, self.path = text, path
        self.spans = line_spans(text)
        if offset:
            self.spans[0] = (offset, self.spans[0][1])
        self.headings: list[tuple[int, str]] = []
        self.out = Outline(tracks=[], rows=[], items=[])

    def read(self, tokens: Sequence["Token"]) -> Outline:
        """Collect tracks, rows and list items from the top level of the document."""
        for place, token in enumerate(tokens):
            if token.type == "heading_open" and token.level == 0:
                self._heading(int(token.tag[1]), plain_text(tokens[place + 1].content))
            elif token.type == "table_open" and token.level == 0:
                self._table(tokens, place)
            elif token.type == "list_item_open":
                self._item(tokens, place)
            elif token.level == 0 and token.type in {"paragraph_open", "code_block"}:
                self._stray(token)
        return self.out

    def _heading(self, rank: int, title: str) -> None:
        while self.headings and self.headings[-1][0] >= rank:
            self.headings.pop()
        self.headings.append((rank, title))

    def _track(self) -> int:
        """Index of the track that the headings above name: the nearest `Track N`, else the nearest of all."""
        titles = [title for _, title in self.headings] or ["Topics"]
        named = [title for title in titles if split_track(title)[0] is not None]
        title = (named or titles)[-1]
        if title not in self.out.tracks:
            self.out.tracks.append(title)
        return self.out.tracks.index(title)

    def _row(self, line: int) -> table.Row:
        return table.split_row(self.text, *self.spans[line], line + 1)

    def _table(self, tokens: Sequence["Token"], place: int) -> None:
        first, last = _map(tokens[place])
        header = self._row(first)
        columns = self._columns(header)
        if columns is None:
            return
        for line in range(first + 2, last):
            row = TopicRow(track=-1, row=self._row(line), columns=columns)
            topic, level = row.cell(self.text, "topic"), row.cell(self.text, "level")
            if not topic and not level:
                continue
            self._check_row(row.row, topic, len(header.cells))
            self.out.rows.append(TopicRow(track=self._track(), row=row.row, columns=columns))

    def _columns(self, header: table.Row) -> dict[str, int] | None:
        """Places of the known columns; None where the table is no topic table."""
        titles = [plain_text(table.cell_source(self.text, header, i)) for i in range(len(header.cells))]
        try:
            columns = table.column_names(titles)
        except ValueError as error:
            raise WorkspaceError(f"{self.path}:{header.line}: {error}; rename one of them.") from None
        return columns if {"topic", "level"} <= columns.keys() else None

    def _check_row(self, row: table.Row, topic: str, width: int) -> None:
        where = f"{self.path}:{row.line}"
        if not plain_text(topic):
            raise WorkspaceError(f"{where}: the row has a level but no topic; name the topic.")
        if any(self.text[start:end].strip() for start, end in row.cells[width:]):
            raise WorkspaceError(
                f"{where}: {len(row.cells)} cells where the header has {width}; write a | inside a cell as \\|."
            )

    def _stray(self, token: "Token") -> None:
        """Refuse table rows that markdown does not see as part of a table: their topics would be lost."""
        for line in range(*_map(token)):
            row = self._row(line)
            if len(row.cells) < 2:
                continue
            cells = [plain_text(table.cell_source(self.text, row, i)) for i in range(len(row.cells))]
            if {"topic", "level"} <= {cell.casefold() for cell in cells}:
                raise WorkspaceError(
                    f"{self.path}:{line + 1}: a topic table needs a line of dashes with as many cells "
                    f"below its header ({len(cells)})."
                )
            if len(cells) >= 4 and sum(cell.upper() in Level.__members__ for cell in cells) == 1:
                raise WorkspaceError(
                    f"{self.path}:{line + 1}: this row stands outside its table; remove the blank line "
                    f"or the indentation that cuts it off."
                )

    def _item(self, tokens: Sequence["Token"], place: int) -> None:
        first, last = _map(tokens[place])
        content = tokens[place + 2].content if tokens[place + 1].type == "paragraph_open" else ""
        titles = [title for _, title in self.headings] or [""]
        section = next((title for rank, title in self.headings if rank >= 2), titles[0])
        self.out.items.append(
            Item(
                heading=titles[-1],
                section=section,
                content=content,
                raw="\n".join(self.text[slice(*span)] for span in self.spans[first:last]).strip(),
                line=first + 1,
                depth=tokens[place].level - 1,
            )
        )


def _map(token: "Token") -> tuple[int, int]:
    if token.map is None:  # pragma: no cover - block tokens always carry their lines
        raise WorkspaceError("The markdown parser gave no line numbers; reinstall markdown-it-py.")
    return token.map[0], token.map[1]
