"""Files that a kill, a full disk or a broken endpoint left behind: what is whole counts, the rest is done again."""

from pathlib import Path

import pytest

from evals.suite.drill import Drill, harmless
from evals.suite.endpoint import StochasticModel
from evals.suite.folders import append_rows, read_rows
from evals.suite.samples import FileJournal, Sample
from evals.suite.transport import Body, Reply
from tests.helpers.suite import figures, home, model, promoted, session, variants


def test_a_row_after_a_torn_line_stands_on_its_own(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n{"a": 2, "b": {"c": 3}', encoding="utf-8")
    append_rows(path, [{"a": 3}])
    append_rows(path, [{"a": "ä"}])
    assert read_rows(path) == [{"a": 1}, {"a": 3}, {"a": "ä"}]
    assert read_rows(tmp_path / "none.jsonl") == []


def test_a_file_in_which_a_row_was_glued_to_a_torn_one_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": 2, "b{"a": 3}\n\xff\xfe\n7\n{"a": 4}\n')
    assert read_rows(path) == [{"a": 1}, {"a": 4}]


def test_a_torn_history_does_not_break_the_next_run(tmp_path: Path) -> None:
    place, endpoint = home(tmp_path), model(greedy=True)
    promoted(place, endpoint)
    with (place.folder / "history.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"at": "2026-11-24", "run": ')
    latest = session(place, endpoint).run()
    assert [row["run"] for row in place.history()][1:] == [latest.id]


def test_a_journal_takes_up_what_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    first = FileJournal(path)
    first.add(Sample("a", "a", 0, "ok", value={"answer": "right"}))
    first.add(Sample("b", "b", 0, "unmeasured"))
    first.add(Sample("c", "c", 0, "timed out"))
    first.close()
    with path.open("a", encoding="utf-8") as file:
        file.write('{"key": "d", "ca')
    again = FileJournal(path)
    assert [again.get(key) is not None for key in "abcd"] == [True, False, True, False]
    again.add(Sample("d", "d", 0, "ok"))
    again.close()
    assert FileJournal(path).get("d") is not None


class _Down(StochasticModel):
    """Answers, then is down, until somebody presses Ctrl-C."""

    def post(self, body: Body) -> Reply:
        if self.tries == 700:
            raise KeyboardInterrupt
        self.fails = float(self.tries >= 600)
        return StochasticModel.post(self, body)


def test_what_a_broken_endpoint_left_unmeasured_is_asked_for_once_it_is_mended(tmp_path: Path) -> None:
    results = []
    for name in ("down", "undisturbed"):
        place = home(tmp_path / name)
        promoted(place, model())
        if name == "down":
            down = _Down(model().recognise)
            with pytest.raises(KeyboardInterrupt):
                session(place, down, options=variants(Drill(), harmless())).run()
        running = session(place, model(), options=variants(Drill(), harmless()))
        results.append(running.run())
        assert running.resumed == (name == "down")
    assert results[0].verdict == "not worse"
    assert figures(results[0]) == figures(results[1])
