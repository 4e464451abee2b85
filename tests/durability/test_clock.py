"""A clock that goes back, time zones and daylight saving: nothing is lost, files sort, days are the user's own."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from langgraph.checkpoint.base import id as checkpoint_ids
from langgraph.checkpoint.sqlite import SqliteSaver

from agent.adapters.checkpoints import saver as savers
from agent.app.quiz import quiz_run
from agent.domain.attempt import Attempt
from agent.workspace.session_file import local_day, session_path
from agent.workspace.workspace import Workspace
from tests.helpers.fakes import START, FakeClock
from tests.helpers.sittings import say
from tests.helpers.workspaces import TOPIC, make_app, make_store, make_workspace, record_pass

HOUR = 3600 * 10**9


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Lets a test set the machine's time zone."""
    yield monkeypatch
    monkeypatch.undo()
    time.tzset()


def live_in(zone: pytest.MonkeyPatch, name: str) -> None:
    zone.setenv("TZ", name)
    time.tzset()


def new_process(monkeypatch: pytest.MonkeyPatch, *, hours_back: int = 0) -> None:
    """Make checkpoints as a fresh process would whose clock is so far back."""
    monkeypatch.setattr(checkpoint_ids, "_last_v6_timestamp", None)
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() - hours_back * HOUR)


class TestClockBack:
    def answers_after(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Answer once, set the clock back, answer once more in a new process, and look from a third."""
        app = make_app(root)
        new_process(monkeypatch)
        with quiz_run(app, topic=TOPIC) as run:
            list(run.begin(TOPIC))
            list(run.send(say("c0")))
        monkeypatch.undo()
        new_process(monkeypatch, hours_back=3)
        with quiz_run(app, topic=TOPIC) as run:
            list(run.resume())
            list(run.send(say("c1")))
        monkeypatch.undo()
        with quiz_run(app, topic=TOPIC) as run:
            return [turn["text"] for turn in run.state["turns"]]

    def test_no_answer_is_lost(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        root = make_workspace(tmp_path).root
        assert self.answers_after(root, monkeypatch) == [say("c0"), say("c1")]

    def test_the_librarys_own_saver_would_lose_one(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Once this fails, the library orders checkpoints by something better, and ours can go."""
        root = make_workspace(tmp_path).root
        with monkeypatch.context() as patch:
            patch.setattr(savers.LastWrittenSaver, "get_tuple", SqliteSaver.get_tuple)
            assert self.answers_after(root, monkeypatch) == [say("c0")]

    def test_a_decision_may_come_before_its_proposal(self, tmp_path: Path) -> None:
        workspace, clock = make_workspace(tmp_path), FakeClock()
        attempt = record_pass(workspace)
        store = make_store(workspace, clock)
        proposal = store.propose_from_attempt(attempt.id)
        assert proposal is not None
        clock.advance(hours=-30)
        from agent.domain.proposal import Decision

        assert store.decide(proposal.id, Decision(type="approve")).decision == "approved"
        assert store.decide(proposal.id, Decision(type="approve")).decision == "already"


@pytest.mark.parametrize(
    ("name", "utc", "day"),
    [
        ("Pacific/Kiritimati", "2026-11-23T11:00:00", "2026-11-24"),  # UTC+14
        ("Pacific/Niue", "2026-11-23T10:59:00", "2026-11-22"),  # UTC-11
        ("Europe/Berlin", "2026-10-24T21:59:00", "2026-10-24"),  # the evening before the clocks go back
        ("Europe/Berlin", "2026-10-24T22:30:00", "2026-10-25"),
        ("Europe/Berlin", "2026-10-25T22:59:00", "2026-10-25"),  # the day with 25 hours
        ("Europe/Berlin", "2026-10-25T23:00:00", "2026-10-26"),
        ("America/New_York", "2026-03-08T06:59:00", "2026-03-08"),  # a minute before the clocks go forward
        ("America/New_York", "2026-03-09T03:59:00", "2026-03-08"),  # the day with 23 hours
        ("America/New_York", "2026-03-09T04:00:00", "2026-03-09"),
        ("Asia/Kathmandu", "2026-11-23T18:15:00", "2026-11-24"),  # UTC+5:45
        ("UTC", "2026-12-31T23:59:59", "2026-12-31"),
    ],
)
def test_the_day_is_the_users(zone: pytest.MonkeyPatch, name: str, utc: str, day: str) -> None:
    live_in(zone, name)
    assert local_day(datetime.fromisoformat(utc).replace(tzinfo=UTC)) == day


def test_records_sort_by_time_through_the_hour_that_comes_twice(zone: pytest.MonkeyPatch, tmp_path: Path) -> None:
    live_in(zone, "Europe/Berlin")
    workspace = Workspace(tmp_path)
    first = datetime(2026, 10, 25, 0, 10, tzinfo=UTC)  # 02:10 summer time; an hour later it is 02:10 again
    times = [first + timedelta(minutes=20 * step) for step in range(6)]
    paths = [workspace.attempts.path(at, f"id-{number}") for number, at in enumerate(times)]
    assert paths == sorted(paths)
    assert len({path[:40] for path in paths}) == len(paths)


class TestTravel:
    """A session's name holds the local day; between two steps the learner may be in another zone."""

    def there_and_back(self, zone: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Workspace, Attempt]:
        live_in(zone, "Pacific/Kiritimati")
        workspace = make_workspace(tmp_path)
        attempt = record_pass(workspace)
        live_in(zone, "America/Los_Angeles")
        assert not (workspace.root / session_path(attempt)).exists()
        return workspace, attempt

    def test_recording_again_drafts_no_second_session(self, zone: pytest.MonkeyPatch, tmp_path: Path) -> None:
        workspace, attempt = self.there_and_back(zone, tmp_path)
        _, session = workspace.record(attempt)
        assert [path.name for path in (tmp_path / "sessions").iterdir()] == [Path(session).name]

    def test_the_proposal_rests_on_the_session_that_is_there(self, zone: pytest.MonkeyPatch, tmp_path: Path) -> None:
        workspace, attempt = self.there_and_back(zone, tmp_path)
        proposal = make_store(workspace).propose_from_attempt(attempt.id)
        assert proposal is not None
        (evidence,) = proposal.change.evidence
        assert (tmp_path / evidence.path).is_file()


def test_two_attempts_whose_short_ids_are_equal_have_a_session_each(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    one = record_pass(workspace)
    other = one.model_copy(update={"id": one.id[:4] + "1111-0000-4000-8000-000000000000", "sha256": ""}).sealed()
    paths = [workspace.record(attempt)[1] for attempt in (one, other, one, other)]
    assert paths[:2] == paths[2:]
    assert len(set(paths)) == 2
    assert [workspace.session_of(attempt) for attempt in (one, other)] == paths[:2]


def test_times_are_stored_in_utc(tmp_path: Path, zone: pytest.MonkeyPatch) -> None:
    live_in(zone, "Asia/Kathmandu")
    app = make_app(make_workspace(tmp_path).root)
    with quiz_run(app, topic=TOPIC) as run:
        list(run.begin(TOPIC))
        list(run.send(say("c0")))
        list(run.send("/quit"))
    (attempt,) = app.workspace.attempts.all()
    assert attempt.started.utcoffset() == timedelta(0)
    assert timedelta(0) <= attempt.started - START < timedelta(minutes=1)
    assert app.workspace.attempts.files()[0].startswith("progress/attempts/20261123T11")
