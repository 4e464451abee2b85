"""The session graph: drafted, verified, asked once about what lies on disk, and never written on a misunderstanding."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from langgraph.types import Command

from agent.adapters.checkpoints import open_threads
from agent.adapters.checkpoints.sqlite import Threads, config
from agent.domain.errors import ModelError
from agent.domain.session_draft import compose
from agent.domain.span import span_of
from agent.ports.sessions import Waiting
from agent.workspace.day_material import DayMaterial
from agent.workspace.sessions import SessionStore
from agent.workspace.workspace import Workspace
from graphs.session import SessionContext, build_session
from tests.graphs.test_reply import GARBAGE
from tests.helpers.days import DATE, MORNING, noted, usual
from tests.helpers.fakes import FakeClock
from tests.helpers.scripted_chat import ScriptedChat
from tests.helpers.workspaces import make_app, make_workspace, tree

THREAD = "0d1f4d0e-7f0f-5f43-8f43-2a9f2d9b5a02"
DAY = DATE.isoformat()
LINES = "[2] I passed the quiz on kv-cache-scaling with 9 answers.\n[3] I passed the quiz on paged-attention."


@dataclass
class Bench:
    """One thread on one workspace."""

    workspace: Workspace
    threads: Threads
    context: SessionContext

    def run(self, given: Any, context: SessionContext | None = None) -> list[dict[str, Any]]:
        graph = self.threads.compile(build_session())
        options: Any = {"context": context or self.context, "stream_mode": "custom", "durability": "sync"}
        return list(graph.stream(given, config(THREAD), **options))

    @property
    def state(self) -> Any:
        return self.threads.compile(build_session()).get_state(config(THREAD))

    @property
    def asked(self) -> Any:
        (interrupt,) = self.state.interrupts
        return interrupt

    def reply(self, value: Any, context: SessionContext | None = None) -> dict[str, Any]:
        self.run(Command(resume={self.asked.id: value}), context)
        outcome: dict[str, Any] = self.state.values["outcome"]
        return outcome

    def session(self) -> str:
        (path,) = (p for p in tree(self.workspace.root) if p.startswith("sessions/"))
        return (self.workspace.root / path).read_text(encoding="utf-8")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    from agent.app.summarize import WorkspaceSessions

    workspace = make_workspace(tmp_path)
    for event in usual():
        workspace.events.add(event)
    app = make_app(tmp_path, clock=FakeClock(MORNING))
    with open_threads(tmp_path) as threads:
        yield Bench(workspace, threads, SessionContext(WorkspaceSessions(app)))


def test_a_day_is_drafted_and_asked_about(bench: Bench) -> None:
    events = bench.run({"day": DAY})
    assert [event["event"] for event in events] == ["condensed", "drafted"]
    value = bench.asked.value
    assert value["action_requests"][0]["name"] == "write_session"
    assert value["description"] == bench.session()
    assert "status: draft" in bench.session()


def test_what_the_model_says_is_verified_before_it_is_written(bench: Bench) -> None:
    events = bench.run({"day": DAY}, replace(bench.context, chat=ScriptedChat(LINES)))
    assert [event["event"] for event in events] == ["condensed", "line", "line", "drafted"]
    assert [item["text"] for item in events[-1]["dropped"]] == ["I passed the quiz on paged-attention."]
    assert "I passed the quiz on kv-cache-scaling with 9 answers." in bench.session()
    assert "I passed the quiz on paged-attention" not in bench.session()


def test_a_model_that_fails_costs_nothing_but_its_sentences(bench: Bench) -> None:
    bench.run({"day": DAY}, replace(bench.context, chat=ScriptedChat(ModelError("It is down."))))
    assert "It is down." in bench.asked.value["notice"]
    assert "kv-cache-scaling: passed" in bench.session()


@pytest.mark.parametrize(
    "reply", [{"type": "approve"}, [{"type": "accept", "args": None}], {"decisions": [{"type": "approve"}]}]
)
def test_approval_in_every_clients_form(bench: Bench, reply: Any) -> None:
    bench.run({"day": DAY})
    outcome = bench.reply(reply)
    assert outcome["decision"] == "approved"
    assert "status: draft" not in bench.session()
    assert not bench.state.interrupts


@pytest.mark.parametrize("reply", GARBAGE, ids=repr)
def test_what_is_not_understood_leaves_the_question(bench: Bench, reply: Any) -> None:
    bench.run({"day": DAY})
    before = tree(bench.workspace.root)
    with pytest.raises(Exception):  # noqa: B017, PT011
        bench.reply(reply)
    assert bench.asked
    assert tree(bench.workspace.root) == before


def test_an_edit_is_shown_again(bench: Bench) -> None:
    bench.run({"day": DAY})
    bench.reply({"type": "edit", "edited": {"text": "# Mine\n"}})
    assert bench.asked.value["description"].endswith("# Mine\n")
    assert bench.reply({"type": "approve"})["decision"] == "approved"
    assert bench.session().endswith("# Mine\n")


@pytest.mark.parametrize("text", ["", "  ", None, 3, ["x"]])
def test_an_edit_without_a_text_changes_nothing(bench: Bench, text: Any) -> None:
    bench.run({"day": DAY})
    before = bench.session()
    bench.reply({"type": "edit", "edited": {"text": text}})
    assert bench.asked
    assert bench.session() == before


def test_a_file_edited_while_it_was_asked_about_is_shown_again(bench: Bench) -> None:
    bench.run({"day": DAY})
    (path,) = (p for p in tree(bench.workspace.root) if p.startswith("sessions/"))
    (bench.workspace.root / path).write_text(bench.session() + "\nby hand\n", encoding="utf-8")
    bench.reply({"type": "approve"})
    assert "edited meanwhile" in bench.asked.value["description"]
    assert "by hand" in bench.asked.value["description"]
    assert bench.reply({"type": "approve"})["decision"] == "approved"


def test_without_authentication_nothing_is_decided(bench: Bench) -> None:
    context = replace(bench.context, channel="unauthenticated")
    bench.run({"day": DAY}, context)
    before = tree(bench.workspace.root)
    for value in ({"type": "approve"}, {"type": "reject"}, {"type": "edit", "edited": {"text": "x"}}):
        assert bench.reply(value, context)["decision"] == "unconfirmed"
        bench.run({"day": DAY}, context)
    assert tree(bench.workspace.root) == before


def test_an_empty_day_says_so_and_asks_nobody(bench: Bench) -> None:
    assert bench.run({"day": "2026-03-13"}) == []
    assert bench.state.values["outcome"]["decision"] == "empty"
    assert "Nothing was recorded" in bench.state.values["outcome"]["message"]


def test_the_same_day_twice(bench: Bench) -> None:
    chat = ScriptedChat(LINES)
    bench.run({"day": DAY}, replace(bench.context, chat=chat))
    first = bench.session()
    bench.run({"day": DAY}, replace(bench.context, chat=chat))
    assert (bench.session(), len(chat.asked)) == (first, 1)
    bench.reply({"type": "approve"})
    bench.run({"day": DAY})
    assert "has all 10 events" in bench.state.values["outcome"]["message"]
    bench.workspace.events.add(noted(300, "one more thing"))
    bench.run({"day": DAY})
    assert "one more thing" in bench.asked.value["description"]
    assert "GQA paper" not in bench.asked.value["description"]


def test_a_checkpoint_holds_no_event_and_no_secret(bench: Bench) -> None:
    bench.run({"day": DAY})
    values = bench.state.values
    assert values["events"] == [event.id for event in usual()]
    assert set(values) <= {"day", "since", "flow_version", "events", "said", "versions", "draft", "outcome", "notice"}


def test_a_draft_written_by_a_process_that_died_is_taken_up(bench: Bench) -> None:
    store = SessionStore(bench.workspace, FakeClock(MORNING).now)
    made = DayMaterial(bench.workspace, span_of(DAY, "", MORNING)).day()
    waiting: Waiting = store.keep(compose(made))
    chat = ScriptedChat()
    bench.run({"day": DAY}, replace(bench.context, chat=chat))
    assert bench.asked.value["action_request"]["args"]["path"] == waiting.path
    assert chat.asked == []
