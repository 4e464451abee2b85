"""The edge without a server: what `langgraph.json` names, who may call, and the bound context. Needs no extra."""

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from langgraph_sdk import Auth

from agent.app import App
from agent.app.review import WorkspacePromotions
from agent.domain.happened import logged
from agent.studio import auth, graphs
from agent.studio.bound import BoundGraph, bound
from agent.workspace.workspace import Workspace
from graphs.promotion import PromotionContext, build_promotion
from tests.helpers.fakes import FakeClock
from tests.helpers.study import REPO
from tests.helpers.workspaces import TOPIC, make_store, make_workspace, record_pass

TOKEN = "a-token-of-this-test-0123456789"
CONFIG = json.loads((REPO / "langgraph.json").read_text(encoding="utf-8"))


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """The workspace that the server's process would serve."""
    monkeypatch.setenv("STUDY_ROOT", str(tmp_path))
    monkeypatch.setenv("STUDY_CHAT", "none")
    monkeypatch.setenv("STUDY_GRADER", "lexical")
    graphs.workspace_app.cache_clear()
    yield make_workspace(tmp_path)
    graphs.workspace_app.cache_clear()


class TestConfiguration:
    @pytest.mark.parametrize("name", [*CONFIG["graphs"].values(), CONFIG["auth"]["path"]])
    def test_what_it_names_exists(self, name: str) -> None:
        module, attribute = name.split(":")
        assert getattr(import_module(module), attribute) is not None

    def test_defaults_that_would_open_the_door_are_off(self) -> None:
        assert CONFIG["auth"]["disable_studio_auth"] is True
        assert CONFIG["http"]["cors"]["allow_origins"] == []  # absent, the library puts `*` there
        assert all(CONFIG["http"][f"disable_{name}"] for name in ("mcp", "store", "ui", "webhooks"))
        assert CONFIG["env"]["LANGSMITH_TRACING"] == "false"

    @pytest.mark.parametrize(
        ("origin", "allowed"),
        [
            ("http://localhost:3000", True),
            ("https://127.0.0.1:8443", True),
            ("http://[::1]:1", True),
            ("http://localhost.evil.example", False),
            ("https://evil.example/localhost", False),
            ("http://localhost:3000.evil.example", False),
            ("http://localhost@evil.example", False),
            ("http://evil@localhost", False),
            ("null", False),
        ],
    )
    def test_the_pattern_of_origins(self, origin: str, *, allowed: bool) -> None:
        assert bool(re.fullmatch(CONFIG["http"]["cors"]["allow_origin_regex"], origin)) is allowed
        assert auth.is_loopback(origin) is allowed


def authenticate(headers: dict[str, str]) -> dict[str, Any]:
    raw = {name.lower().encode(): value.encode() for name, value in ({"Host": "127.0.0.1:2024"} | headers).items()}
    user = asyncio.run(auth.authenticate(authorization=headers.get("Authorization"), headers=raw))
    return dict(user)


class TestAuthentication:
    def test_the_token_makes_the_owner(self, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("STUDY_STUDIO_TOKEN", TOKEN)
        assert authenticate({"Authorization": f"Bearer {TOKEN}"})["identity"] == "owner"

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({}, 401),
            ({"Authorization": "Bearer "}, 401),
            ({"Authorization": f"Bearer {TOKEN}x"}, 401),
            ({"Authorization": "Bearer \u00e9"}, 401),
            ({"Authorization": f"Bearer {TOKEN}", "Origin": "https://evil.example"}, 403),
            ({"Authorization": f"Bearer {TOKEN}", "Origin": "null"}, 403),
            ({"Authorization": f"Bearer {TOKEN}", "Host": "evil.example"}, 403),
            ({"Authorization": f"Bearer {TOKEN}", "Host": ""}, 403),
            ({"Authorization": f"Bearer {TOKEN}", "Host": "["}, 403),
        ],
    )
    def test_refused(
        self, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], status: int
    ) -> None:
        monkeypatch.setenv("STUDY_STUDIO_TOKEN", TOKEN)
        with pytest.raises(Auth.exceptions.HTTPException) as refused:
            authenticate(headers)
        assert refused.value.status_code == status

    def test_a_page_elsewhere_is_refused_without_a_token_too(self, workspace: Workspace) -> None:
        assert authenticate({})["identity"] == "anybody on this machine"
        with pytest.raises(Auth.exceptions.HTTPException):
            authenticate({"Origin": "https://evil.example"})

    def test_a_short_token_is_refused_by_the_settings(
        self, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from agent.domain.errors import UsageError

        monkeypatch.setenv("STUDY_STUDIO_TOKEN", "short")
        with pytest.raises(UsageError, match="STUDY_STUDIO_TOKEN"):
            authenticate({})

    @pytest.mark.parametrize(
        "kwargs",
        [
            {"command": {"goto": "apply"}},
            {"command": {"update": {}}},
            {"config": {"configurable": {"checkpoint_id": "x"}}},
        ],
    )
    def test_runs_that_jump(self, kwargs: dict[str, Any]) -> None:
        with pytest.raises(Auth.exceptions.HTTPException):
            asyncio.run(auth.refuse_jumps(ctx=None, value={"kwargs": kwargs}))  # type: ignore[arg-type]

    @pytest.mark.parametrize("kwargs", [{"input": {"message": "x"}}, {"command": {"resume": {"a": 1}}}, {}])
    def test_runs_that_go_on(self, kwargs: dict[str, Any]) -> None:
        assert asyncio.run(auth.refuse_jumps(ctx=None, value={"kwargs": kwargs})) is None  # type: ignore[arg-type]


class TestBound:
    def test_a_requests_context_is_replaced_and_copies_keep_it(self, workspace: Workspace) -> None:
        graph = asyncio.run(graphs.quiz())
        copy = graph.copy(update={"checkpointer": InMemorySaver()})  # as the server does
        assert isinstance(copy, BoundGraph)
        config: Any = {"configurable": {"thread_id": "1"}}
        forged: Any = {"grader": "mine"}
        state = asyncio.run(copy.ainvoke({"topic": TOPIC}, config, context=forged))
        assert state["question"]["claim"] == "c0"

    @pytest.mark.parametrize("token", [TOKEN, ""])
    def test_the_channel_follows_the_token(
        self, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, token: str
    ) -> None:
        if token:
            monkeypatch.setenv("STUDY_STUDIO_TOKEN", token)
        for factory in (graphs.promotion, graphs.session):
            graph = asyncio.run(factory())
            assert graph.bound_context().channel == ("api" if token else "unauthenticated")

    def test_the_index_is_open_only_while_it_is_searched(self, workspace: Workspace) -> None:
        graph = asyncio.run(graphs.ask()).copy(update={"checkpointer": InMemorySaver()})
        question = {"question": "What does decoding wait for, memory bandwidth or arithmetic?"}
        state = asyncio.run(graph.ainvoke(question, {"configurable": {"thread_id": "1"}}))
        assert state["outcome"] == "passages"
        with App.load(workspace.root) as app, app.index() as index:  # a command beside the server can write
            index.sync()


def test_without_authentication_a_decision_is_only_kept(workspace: Workspace) -> None:
    clock = FakeClock()
    store = make_store(workspace, clock)
    proposal = store.propose_from_attempt(record_pass(workspace).id)
    assert proposal is not None
    context = PromotionContext(WorkspacePromotions(store, clock), by="", channel="unauthenticated")
    graph = bound(build_promotion(), "promotion", lambda: context).copy(update={"checkpointer": InMemorySaver()})
    config: Any = {"configurable": {"thread_id": "1"}}
    before = (workspace.root / "roadmap.md").read_bytes()

    async def drive() -> dict[str, Any]:
        await graph.ainvoke({"proposal": proposal.id}, config)
        (interrupt,) = (await graph.aget_state(config)).interrupts
        reply = {"type": "approve", "reason": "\x1b[31mtrust me"}
        return dict(await graph.ainvoke(Command(resume={interrupt.id: reply}), config))

    assert asyncio.run(drive())["outcome"]["decision"] == "unconfirmed"
    assert (workspace.root / "roadmap.md").read_bytes() == before
    assert workspace.ledger.files() == []
    shown = WorkspacePromotions(store, clock).describe(store.load(proposal.id))
    assert shown.startswith("A decision arrived over a channel without authentication")
    assert "\x1b" not in shown


def test_without_authentication_a_session_stays_a_draft(workspace: Workspace) -> None:
    workspace.events.add(logged("e1", datetime.now(UTC), "read the GQA paper"))
    graph = asyncio.run(graphs.session()).copy(update={"checkpointer": InMemorySaver()})
    config: Any = {"configurable": {"thread_id": "1"}}

    async def drive() -> dict[str, Any]:
        await graph.ainvoke({}, config)
        (interrupt,) = (await graph.aget_state(config)).interrupts
        return dict(await graph.ainvoke(Command(resume={interrupt.id: {"type": "approve"}}), config))

    assert asyncio.run(drive())["outcome"]["decision"] == "unconfirmed"
    (file,) = (workspace.root / "sessions").glob("*-study-*.md")
    assert "status: draft" in file.read_text(encoding="utf-8")
