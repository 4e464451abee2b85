"""The progress page and its pictures: generated, idempotent, small diffs, and current after every decision."""

import difflib
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from agent.adapters.charts import history, matrix, memory
from agent.adapters.charts.axis import MAX_TICKS, day_ticks, nice_top
from agent.app import App
from agent.app.progress import PAGE, dashboard, refresh, stale
from agent.app.review import catch_up, review
from agent.domain.dashboard import Dashboard, Step, counts_by_day
from agent.domain.level import Level
from agent.domain.progress_page import progress_page
from agent.workspace.check import check_workspace
from agent.workspace.files import read_text
from agent.workspace.link_check import dead_links
from tests.helpers.fakes import FakeClock
from tests.helpers.sittings import attempt, quiz_note, right
from tests.helpers.study import study
from tests.helpers.workspaces import ROW, TOPIC, git, make_app, make_repository, make_workspace, record_pass, tree

FILES = [PAGE, "progress/matrix.svg", "progress/history.svg", "progress/memory.svg"]
HOSTILE = 'Cache <script>alert(1)</script> | `x` & "q" [l](u) \u202egnol 缓存缓存缓存缓存缓存缓存缓存缓存缓存'


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def app(tmp_path: Path, clock: FakeClock) -> App:
    workspace = make_workspace(tmp_path)
    make_repository(tmp_path)
    return make_app(workspace.root, clock=clock)


def approve(app: App) -> None:
    record_pass(app.workspace, attempt(quiz_note(), [right] * 9))
    catch_up(app)
    for proposal in app.promotions.pending():
        with review(app, proposal.id) as thread:
            asked = thread.ask()
            thread.reply(asked, {"type": "approve"})  # type: ignore[arg-type]


def texts(app: App) -> dict[str, str]:
    return {path: (app.settings.root / path).read_text(encoding="utf-8") for path in FILES}


class TestPage:
    def test_twice_changes_nothing_and_neither_does_time(self, app: App, clock: FakeClock) -> None:
        assert refresh(app) == FILES
        before = tree(app.settings.root)
        clock.advance(days=400)
        assert stale(app) == []
        assert refresh(app) == []
        assert tree(app.settings.root) == before

    def test_current_after_an_approved_decision_and_in_its_commit(self, app: App) -> None:
        approve(app)
        assert stale(app) == []
        committed = git(app.settings.root, "show", "--name-only", "--format=", "HEAD").splitlines()
        assert set(FILES) <= set(committed)
        assert git(app.settings.root, "status", "--porcelain") == ""
        page = texts(app)[PAGE]
        session = app.workspace.topic(TOPIC).evidence[0].target
        assert "1 of 3 topics of [the roadmap](../roadmap.md) are at L1 or above" in page
        assert f"- 2026-11-23 KV cache scaling (batch/seq/heads): L0 → L1 on [2026-11-23 quiz](../{session})" in page
        assert "| 2026-11-25 | [KV cache scaling (batch/seq/heads)](../tracks/" in page
        assert "- **KV cache scaling (batch/seq/heads)**, L1 → L2: a lab folder: no file of a folder below" in page

    def test_one_decision_is_a_small_diff(self, app: App) -> None:
        refresh(app)
        before = texts(app)[PAGE]
        approve(app)
        after = texts(app)[PAGE]
        changed = [x for x in difflib.ndiff(before.splitlines(), after.splitlines()) if x[0] in "+-"]
        assert len(changed) < 24, changed

    def test_every_link_opens(self, app: App) -> None:
        approve(app)
        assert dead_links(app.settings.root, PAGE, read_text(app.settings.root, PAGE)) == []

    def test_what_was_decided_but_edited_in_the_ledger_is_no_history(self, app: App) -> None:
        approve(app)
        (path,) = app.workspace.ledger.files()
        file = app.settings.root / path
        file.write_text(file.read_text(encoding="utf-8").replace('"L1"', '"L4"'), encoding="utf-8")
        assert dashboard(app).steps == ()

    def test_a_conflicted_page_is_written_anew(self, app: App) -> None:
        refresh(app)
        (app.settings.root / PAGE).write_text("<<<<<<< HEAD\na\n=======\nb\n>>>>>>> x\n", encoding="utf-8")
        assert refresh(app) == [PAGE]
        assert "<<<<" not in texts(app)[PAGE]

    def test_hostile_text_stays_text(self, app: App) -> None:
        topic = replace(app.workspace.topic(TOPIC), text=HOSTILE)
        roadmap = app.workspace.roadmap()
        track = roadmap.tracks[1]
        module = replace(track.modules[0], title=HOSTILE, topics=(topic,))
        roadmap = replace(roadmap, tracks=(replace(track, title=HOSTILE, modules=(module,)),))
        board = replace(dashboard(app), roadmap=roadmap)
        page = progress_page(board)
        assert "<script>" not in page
        (row,) = (line for line in page.splitlines() if line.startswith("| **"))
        assert len(re.findall(r"(?<!\\)\|", row)) == 6
        drawn = matrix(board)
        ET.fromstring(drawn)
        assert "<script" not in drawn
        assert "\u202e" not in drawn


class TestPictures:
    def test_each_is_a_picture_by_itself(self, app: App) -> None:
        refresh(app)
        approve(app)
        for path in FILES[1:]:
            text = texts(app)[path]
            root = ET.fromstring(text)
            assert root.tag == "{http://www.w3.org/2000/svg}svg"
            assert "@media (prefers-color-scheme:dark)" in text
            assert root.find("{http://www.w3.org/2000/svg}title") is not None
            # Nothing that a code host would strip or a reader's machine would fetch.
            assert not re.search(r"<script|<image|<foreignObject|@import|url\(|href|on\w+=", text)

    def test_a_cell_for_every_topic(self, app: App) -> None:
        root = ET.fromstring(matrix(dashboard(app)))
        tips = [t.text for t in root.iterfind(".//{http://www.w3.org/2000/svg}rect/{http://www.w3.org/2000/svg}title")]
        assert [tip.rsplit(": ", 1)[1] for tip in tips if tip] == ["L0", "L0", "L0"]

    def test_everything_stays_on_the_card(self, app: App) -> None:
        """Many modules, long names, many decisions: no part leaves the picture."""
        roadmap = app.workspace.roadmap()
        track = roadmap.tracks[1]
        topic = track.topics[0]
        module = replace(track.modules[0], title="A very long module's name " * 4, topics=(topic,) * 23)
        roadmap = replace(roadmap, tracks=(replace(track, title="Long " * 40, modules=(module,) * 9),) * 3)
        days = [date(2026, 1, 1) + timedelta(days=9 * n) for n in range(90)]
        steps = tuple(Step(day, f"t{n}", "T", Level(n % 3), Level(n % 3 + 1), ()) for n, day in enumerate(days))
        board = Dashboard(roadmap, steps, (), (), (), {})
        for drawn in (matrix(board), history(board), memory(board)):
            root = ET.fromstring(drawn)
            width, height = float(root.attrib["width"]), float(root.attrib["height"])
            for part in root.iter():
                for x, y in _corners(part.attrib):
                    assert 0 <= x <= width, part.attrib
                    assert 0 <= y <= height, part.attrib

    def test_the_staircase(self) -> None:
        day = date(2026, 1, 1)
        one, two = timedelta(days=1), timedelta(days=2)
        steps = [
            Step(day, "a", "A", Level.L0, Level.L1, ()),
            Step(day, "b", "B", Level.L0, Level.L1, ()),
            Step(day + two, "a", "A", Level.L1, Level.L2, ()),
            Step(day + one, "b", "B", Level.L1, Level.L0, ()),  # a clock that went backwards
        ]
        counts = [(d, {k: v for k, v in c.items() if v}) for d, c in counts_by_day(steps)]
        assert counts == [(day, {Level.L1: 2}), (day + two, {Level.L2: 1})]

    @pytest.mark.parametrize("days", [1, 2, 8, 30, 200, 400, 4000, 40000])
    def test_few_days_are_labelled_and_the_last_is(self, days: int) -> None:
        first = date(2026, 1, 1)
        last = first + timedelta(days=days)
        ticks = day_ticks(first, last)
        assert 2 <= len(ticks) <= MAX_TICKS + 1
        assert ticks[-1][0] == last
        assert all(first <= day <= last for day, _ in ticks)

    @pytest.mark.parametrize(("value", "top"), [(0, 4), (1, 4), (4, 4), (5, 8), (26, 28), (41, 60), (1500, 2000)])
    def test_round_tops(self, value: int, top: int) -> None:
        assert nice_top(value) == top


def _corners(attributes: dict[str, str]) -> list[tuple[float, float]]:
    if "points" in attributes:
        pairs = (pair.split(",") for pair in attributes["points"].split())
        return [(float(x), float(y)) for x, y in pairs]
    if "x1" in attributes:
        return [(float(attributes[f"x{n}"]), float(attributes[f"y{n}"])) for n in (1, 2)]
    if "x" in attributes:
        x, y = float(attributes["x"]), float(attributes["y"])
        return [(x, y), (x + float(attributes.get("width", 0)), y + float(attributes.get("height", 0)))]
    return []


class TestCommand:
    def test_written_checked_and_out_of_date(self, app: App) -> None:
        root = app.settings.root
        assert study(root, "progress", "--check").code == 1
        assert not (root / PAGE).exists()
        assert study(root, "progress", "--json").events == [{"written": FILES}]
        assert study(root, "progress", "--check").code == 0
        assert study(root, "progress").out == "progress/README.md and its pictures are up to date.\n"
        text = (root / "roadmap.md").read_text(encoding="utf-8")
        (root / "roadmap.md").write_text(text.replace(ROW, ROW.replace("Planned", "Soon")), encoding="utf-8")
        ran = study(root, "progress", "--check")
        assert (ran.code, ran.out.splitlines()[0]) == (1, "out of date: progress/README.md")

    def test_a_page_that_cannot_be_written_undoes_no_decision(self, app: App) -> None:
        (app.settings.root / PAGE).mkdir(parents=True)
        (app.settings.root / PAGE / "x").write_text("x", encoding="utf-8")
        approve(app)
        assert app.workspace.topic(TOPIC).level == Level.L1
        assert not [p for p in check_workspace(app.workspace) if p.severity == "error"]
