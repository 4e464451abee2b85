"""A process that dies inside the database: after each single write, the next one goes on where it stood."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from agent.adapters.checkpoints.saver import LastWrittenSaver
from agent.app.quiz import quiz_run
from tests.helpers.sittings import say
from tests.helpers.workspaces import TOPIC, make_app, make_workspace


class DiedError(BaseException):
    """Stands for the kill: nothing catches it."""


def die_at(monkeypatch: pytest.MonkeyPatch, number: int, method: str, *, after: bool) -> None:
    """Die before or after the so-many-th call of a method of the saver."""
    original: Callable[..., Any] = getattr(LastWrittenSaver, method)
    calls = 0

    def dying(self: LastWrittenSaver, *args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number and not after:
            raise DiedError
        result = original(self, *args, **kwargs)
        if calls == number:
            raise DiedError
        return result

    monkeypatch.setattr(LastWrittenSaver, method, dying)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("method", ["put", "put_writes"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_every_write_of_a_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, method: str, *, after: bool
) -> None:
    app = make_app(make_workspace(tmp_path).root)
    with quiz_run(app, topic=TOPIC) as run:
        list(run.begin(TOPIC))
        with monkeypatch.context() as patch, suppress(DiedError):  # a turn may have fewer writes than that
            die_at(patch, number, method, after=after)
            list(run.send(say("c0")))
    with quiz_run(app, topic=TOPIC) as run:
        events = list(run.resume())
        turns = [turn["text"] for turn in run.state["turns"]]
        assert turns in ([], [say("c0")])
        assert events[-1]["event"] == "question"
        assert events[-1]["claim"] == ("c0" if not turns else "c1")
        # An answer whose verdict nobody has seen is shown now, unless the whole turn was done before.
        whole_turn = turns != [] and [event["event"] for event in events] == ["question"]
        assert whole_turn or [event["event"] for event in events] in (["question"], ["judged", "question"])
        events = list(run.send(say("c1") if turns else say("c0")))
        assert [event["event"] for event in events][:1] == ["judged"]
        assert [turn["text"] for turn in run.state["turns"]] == ([say("c0"), say("c1")] if turns else [say("c0")])
