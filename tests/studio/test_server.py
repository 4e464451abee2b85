"""A real `langgraph dev`, driven by `langgraph_sdk` and by plain requests."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient

from agent.app.review import Asked, review
from agent.domain.happened import logged
from agent.workspace.session_file import is_draft
from agent.workspace.workspace import Workspace
from evals.chaos.process import run_child
from evals.chaos.scenarios import quiz
from evals.chaos.world import MESSAGES, TOPIC, make_workspace, scripted_app
from tests.studio.server import TOKEN, Server, missing

pytestmark = [
    pytest.mark.studio,
    pytest.mark.skipif(bool(missing()), reason=missing() or "installed"),
    pytest.mark.timeout(600),
]
EVIL = "https://evil.example"


def served(folder: Path, *, token: str = "") -> Iterator[tuple[Server, Path]]:
    """Serve a new workspace."""
    root = make_workspace(folder / "workspace")
    with Server(folder / "server", root, token=token) as server:
        yield server, root


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A server with a token."""
    yield from served(tmp_path_factory.mktemp("guarded"), token=TOKEN)


@pytest.fixture(scope="module")
def unguarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A server without one."""
    yield from served(tmp_path_factory.mktemp("unguarded"))


def client(server: Server, token: str = TOKEN) -> SyncLangGraphClient:
    return get_sync_client(url=server.url, headers={"Authorization": f"Bearer {token}"} if token else {})


def take_quiz(sdk: SyncLangGraphClient) -> dict[str, Any]:
    """Take a quiz to its end; give the state."""
    thread = sdk.threads.create()["thread_id"]
    state: Any = sdk.runs.wait(thread, "quiz", input={"topic": TOPIC})
    for message in MESSAGES:
        assert state["phase"] == "asking"
        state = sdk.runs.wait(thread, "quiz", input={"message": message})
    assert state["phase"] == "closed"
    return dict(state)


def ask(sdk: SyncLangGraphClient, proposal: str) -> tuple[str, dict[str, Any]]:
    """Open an approval; give its thread and the interrupt."""
    thread = sdk.threads.create()["thread_id"]
    sdk.runs.wait(thread, "promotion", input={"proposal": proposal})
    (task,) = sdk.threads.get_state(thread)["tasks"]
    (interrupt,) = task["interrupts"]
    return thread, dict(interrupt)


def answer(sdk: SyncLangGraphClient, thread: str, interrupt: dict[str, Any], reply: Any) -> dict[str, Any]:
    state: Any = sdk.runs.wait(thread, "promotion", command={"resume": {interrupt["id"]: reply}})
    return dict(state)


def pending(root: Path) -> str:
    """Give the id of the one pending proposal, making one where there is none."""
    workspace = Workspace(root)
    if not workspace.proposals.files():
        ran = run_child(quiz(root))
        assert ran.crash == ""
    return workspace.proposals.all()[-1].id


def test_a_quiz_a_proposal_and_a_decision(guarded: tuple[Server, Path]) -> None:
    server, root = guarded
    state = take_quiz(client(server))
    assert state["result"]["passed"]
    assert [turn["text"] for turn in state["turns"]] == [m.removeprefix("/appeal ") for m in MESSAGES]
    workspace = Workspace(root)
    (proposal,) = workspace.proposals.all()
    assert proposal.attempt == state["quiz_id"]
    thread, interrupt = ask(client(server), proposal.id)
    assert str(workspace.topic(TOPIC).level) == "L0"
    outcome = answer(client(server), thread, interrupt, {"decisions": [{"type": "approve"}]})["outcome"]
    assert outcome["decision"] == "approved"
    assert str(workspace.topic(TOPIC).level) == "L1"
    (entry,) = workspace.ledger.all()
    assert entry.attempt == proposal.attempt
    assert not is_draft((root / entry.change.evidence[0].path).read_text(encoding="utf-8"))


def test_a_question_and_a_follow_up(guarded: tuple[Server, Path]) -> None:
    server, _ = guarded
    sdk = client(server)
    thread = sdk.threads.create()["thread_id"]
    state: Any = sdk.runs.wait(thread, "ask", input={"question": "What does decoding with a cache wait for?"})
    assert state["outcome"] in ("passages", "abstained")
    state = sdk.runs.wait(thread, "ask", input={"question": "And why?"})
    assert state["query"].endswith("And why?")


def day(sdk: SyncLangGraphClient, **given: str) -> tuple[str, dict[str, Any]]:
    """Open a day's session; give its thread and the interrupt."""
    thread = sdk.threads.create()["thread_id"]
    sdk.runs.wait(thread, "session", input=given)
    (task,) = sdk.threads.get_state(thread)["tasks"]
    (interrupt,) = task["interrupts"]
    return thread, dict(interrupt)


def jot(root: Path, text: str) -> None:
    """Leave an event of today."""
    Workspace(root).events.add(logged(str(uuid4()), datetime.now(UTC), text))


class TestDay:
    def test_drafted_edited_and_approved(self, guarded: tuple[Server, Path]) -> None:
        server, root = guarded
        sdk = client(server)
        jot(root, "read the GQA paper")
        thread, interrupt = day(sdk)
        path = interrupt["value"]["action_requests"][0]["args"]["path"]
        assert is_draft((root / path).read_text(encoding="utf-8"))
        edit = {"type": "edit", "edited_action": {"name": "write_session", "args": {"text": "# My day\n"}}}
        sdk.runs.wait(thread, "session", command={"resume": {interrupt["id"]: {"decisions": [edit]}}})
        (again,) = sdk.threads.get_state(thread)["tasks"][0]["interrupts"]
        reply: Any = {"resume": {again["id"]: {"decisions": [{"type": "approve"}]}}}
        state: Any = sdk.runs.wait(thread, "session", command=reply)
        assert state["outcome"]["decision"] == "approved"
        text = (root / path).read_text(encoding="utf-8")
        assert not is_draft(text)
        assert text.endswith("# My day\n")

    @pytest.mark.parametrize("kind", ["approve", "reject"])
    def test_without_a_token_nothing_is_decided(self, unguarded: tuple[Server, Path], kind: str) -> None:
        server, root = unguarded
        jot(root, f"a line before {kind}")
        sdk = client(server, "")
        thread, interrupt = day(sdk)
        path = root / interrupt["value"]["action_requests"][0]["args"]["path"]
        before = path.read_bytes()
        reply: Any = {"resume": {interrupt["id"]: {"decisions": [{"type": kind}]}}}
        state: Any = sdk.runs.wait(thread, "session", command=reply)
        assert state["outcome"]["decision"] == "unconfirmed"
        assert path.read_bytes() == before


class TestUnguarded:
    """Without a token anybody on this machine can call: what they decide is shown to a person, and no more."""

    @pytest.mark.parametrize(
        ("reply", "kind"),
        [
            ({"decisions": [{"type": "approve"}]}, "approve"),  # Agent Chat UI
            ([{"type": "accept", "args": None}], "approve"),  # Agent Inbox
            ([{"type": "ignore", "args": None}], "later"),
            ({"type": "reject", "reason": "not yet"}, "reject"),
        ],
    )
    def test_a_decision_is_only_recorded(self, unguarded: tuple[Server, Path], reply: object, kind: str) -> None:
        server, root = unguarded
        id = pending(root)
        before = (root / "roadmap.md").read_bytes()
        sdk = client(server, token="")
        outcome = answer(sdk, *ask(sdk, id), reply)["outcome"]
        assert outcome["decision"] == "unconfirmed"
        assert "`study review`" in outcome["message"]
        workspace = Workspace(root)
        assert (root / "roadmap.md").read_bytes() == before
        assert workspace.ledger.files() == []
        found = workspace.proposals.find(id)
        assert found is not None
        assert found[1].unconfirmed is not None
        assert found[1].unconfirmed.type == kind

    def test_review_shows_it_and_asks_to_confirm(self, unguarded: tuple[Server, Path], tmp_path: Path) -> None:
        server, root = unguarded
        id = pending(root)
        sdk = client(server, token="")
        answer(sdk, *ask(sdk, id), {"type": "approve"})
        with scripted_app(root) as app, review(app, id) as thread:
            asked = thread.ask()
            assert isinstance(asked, Asked)
            assert asked.description.startswith("A decision arrived over a channel without authentication on ")
            assert ": approve.\n" in asked.description
            assert "confirm it" in asked.description
        assert str(Workspace(root).topic(TOPIC).level) == "L0"

    def test_an_unknown_reply_leaves_the_question_open(self, unguarded: tuple[Server, Path]) -> None:
        server, root = unguarded
        sdk = client(server, token="")
        thread, interrupt = ask(sdk, pending(root))
        before = Workspace(root).proposals.all()
        unknown: list[Any] = [{"type": "yes"}, "approve", True, None, {"decisions": []}]
        for reply in unknown:
            with suppress(Exception):  # how the server says so is its own affair
                answer(sdk, thread, interrupt, reply)
        assert Workspace(root).proposals.all() == before
        (task,) = sdk.threads.get_state(thread)["tasks"]
        assert [item["id"] for item in task["interrupts"]] == [interrupt["id"]]


def test_the_interrupt_speaks_to_both_clients(unguarded: tuple[Server, Path]) -> None:
    server, root = unguarded
    _, interrupt = ask(client(server, token=""), pending(root))
    value = interrupt["value"]
    (request,), (config,) = value["action_requests"], value["review_configs"]
    assert request["name"] == config["action_name"] == value["action_request"]["action"]
    assert set(config["allowed_decisions"]) == {"approve", "edit", "reject", "respond"}
    assert {f"allow_{name}" for name in ("accept", "edit", "respond", "ignore")} == set(value["config"])
    assert "+| **Serving** | KV cache scaling (batch/seq/heads) | L1 |" in request["description"]


ROUTES = [
    ("POST", "/assistants/search", {}),
    ("POST", "/threads", {}),
    ("POST", "/threads/search", {}),
    ("POST", "/runs/wait", {"assistant_id": "quiz", "input": {"topic": TOPIC}}),
    ("POST", "/runs/stream", {"assistant_id": "promotion", "input": {"proposal": "x"}}),
    ("GET", "/threads/11111111-1111-4111-8111-111111111111/state", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES, ids=[route[1] for route in ROUTES])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": TOKEN[:-1]},
        {"x-auth-scheme": "langsmith"},
        {"x-auth-scheme": "langsmith-agent", "x-api-key": "x"},
        {"Authorization": f"Bearer {TOKEN}", "Origin": EVIL},
        {"Authorization": f"Bearer {TOKEN}", "Origin": "null"},
        {"Authorization": f"Bearer {TOKEN}", "Origin": "https://localhost.evil.example"},
        {"Authorization": f"Bearer {TOKEN}", "Host": "evil.example"},
    ],
    ids=["none", "wrong", "short", "studio", "agent", "origin", "null", "lookalike", "rebound"],
)
def test_refused(guarded: tuple[Server, Path], method: str, path: str, body: object, headers: dict[str, str]) -> None:
    response = httpx.request(method, guarded[0].url + path, json=body, headers=headers, timeout=60)
    assert response.status_code in (401, 403), response.text


class TestPageOfAnotherOrigin:
    """A browser sends a page's request here and names the page's origin; the token it does not have."""

    def resume(self, server: Server, thread: str, interrupt: dict[str, Any], headers: dict[str, str]) -> httpx.Response:
        body = {"assistant_id": "promotion", "command": {"resume": {interrupt["id"]: {"type": "approve"}}}}
        return httpx.post(f"{server.url}/threads/{thread}/runs/wait", json=body, headers=headers, timeout=60)

    def test_cannot_resume_a_run(self, unguarded: tuple[Server, Path]) -> None:
        server, root = unguarded
        thread, interrupt = ask(client(server, token=""), pending(root))
        before = Workspace(root).proposals.all()
        for kind in ("application/json", "text/plain"):  # the second one needs no preflight
            response = self.resume(server, thread, interrupt, {"Origin": EVIL, "Content-Type": kind})
            assert response.status_code == 403
            assert "access-control-allow-origin" not in response.headers
        assert Workspace(root).proposals.all() == before

    def test_gets_no_leave_from_the_preflight(self, guarded: tuple[Server, Path]) -> None:
        asked = {"Origin": EVIL, "Access-Control-Request-Method": "POST"}
        response = httpx.options(f"{guarded[0].url}/threads", headers=asked, timeout=60)
        assert "access-control-allow-origin" not in response.headers

    @pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1:8000"])
    def test_one_of_this_machine_may_with_the_token(self, guarded: tuple[Server, Path], origin: str) -> None:
        headers = {"Origin": origin, "Authorization": f"Bearer {TOKEN}"}
        response = httpx.post(f"{guarded[0].url}/threads", json={}, headers=headers, timeout=60)
        assert response.status_code == 200
        assert response.headers["access-control-allow-origin"] == origin


class TestState:
    """Verdicts come from the graph's nodes alone, also for whoever has the token."""

    @pytest.fixture
    def thread(self, guarded: tuple[Server, Path]) -> str:
        thread = str(client(guarded[0]).threads.create()["thread_id"])
        client(guarded[0]).runs.wait(thread, "quiz", input={"topic": TOPIC})
        return thread

    @pytest.mark.parametrize(
        "body",
        [
            {"command": {"goto": "close"}},
            {"command": {"update": {"turns": []}}},
            {"command": {"update": {"turns": []}, "resume": "x"}},
            {"input": {"message": "x"}, "config": {"configurable": {"checkpoint_id": "x"}}},
            {"input": {"message": "x"}, "checkpoint": {"checkpoint_id": "x"}},
            {"input": {"message": "x"}, "checkpoint_id": "11111111-1111-6111-8111-111111111111"},
        ],
    )
    def test_runs_that_jump_are_refused(self, guarded: tuple[Server, Path], thread: str, body: dict[str, Any]) -> None:
        response = httpx.post(
            f"{guarded[0].url}/threads/{thread}/runs/wait",
            json={"assistant_id": "quiz"} | body,
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=60,
        )
        assert response.status_code == 403, response.text

    def test_writing_it_is_refused(self, guarded: tuple[Server, Path], thread: str) -> None:
        with pytest.raises(Exception, match=r"written by its graph alone|403"):
            client(guarded[0]).threads.update_state(thread, {"turns": [], "phase": "closed"})

    def test_an_input_cannot_bring_turns_or_move_the_quiz(self, guarded: tuple[Server, Path], thread: str) -> None:
        sdk = client(guarded[0])
        before: Any = sdk.threads.get_state(thread)["values"]
        forged: Any = {
            "turns": [{"action": "answer"}],
            "topic": "paged-attention",
            "quiz_id": "../../x",
            "phase": "closed",
        }
        sdk.runs.wait(thread, "quiz", input={"message": "a vague answer", **forged})
        after: Any = sdk.threads.get_state(thread)["values"]
        assert [turn["text"] for turn in after["turns"]] == ["a vague answer"]
        assert (after["topic"], after["quiz_id"], after["phase"]) == (TOPIC, before["quiz_id"], "asking")

    @pytest.mark.parametrize("quiz_id", ["../../../tracks/x", "x", 7])
    def test_an_id_that_is_no_uuid_begins_nothing(self, guarded: tuple[Server, Path], quiz_id: str | int) -> None:
        server, root = guarded
        files = sorted(path for path in root.rglob("*") if ".study" not in path.parts)
        sdk = client(server)
        thread = sdk.threads.create()["thread_id"]
        with pytest.raises(Exception, match="UsageError"):  # newer servers keep the sentence to their log
            raise RuntimeError(sdk.runs.wait(thread, "quiz", input={"topic": TOPIC, "quiz_id": quiz_id}))
        assert sorted(path for path in root.rglob("*") if ".study" not in path.parts) == files


def test_nothing_left_this_machine(guarded: tuple[Server, Path], unguarded: tuple[Server, Path]) -> None:
    assert guarded[0].left == []
    assert unguarded[0].left == []
