"""Prints what the SDK and a stranger get from a real server: `python -m tests.studio.transcript` (extra `studio`)."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx
from langgraph_sdk import get_sync_client

from agent.workspace.workspace import Workspace
from evals.chaos.world import MESSAGES, TOPIC, make_workspace
from tests.studio.server import TOKEN, Server, missing


def main() -> None:
    """Serve a workspace with a token, then without one."""
    if missing():
        sys.exit(missing())
    with tempfile.TemporaryDirectory() as folder:
        root = make_workspace(Path(folder) / "workspace")
        with Server(Path(folder) / "guarded", root, token=TOKEN) as server:
            guarded(server, root)
        other = make_workspace(Path(folder) / "other")
        with Server(Path(folder) / "quizzed", other, token=TOKEN) as server:
            quizzed(server, shown=False)
        with Server(Path(folder) / "unguarded", other) as server:
            unguarded(server, other)


def say(line: str, value: Any = "") -> None:
    """Print a line, and what it gave."""
    text = json.dumps(value, ensure_ascii=False) if value != "" else ""
    print(line, f"\n    -> {text}" if text else "", sep="")


def status(server: Server, what: str, **options: Any) -> None:
    """Print how a plain request fares."""
    response = httpx.post(f"{server.url}/threads", json={}, timeout=60, **options)
    say(what, [response.status_code, response.json().get("detail", "a thread")])


def quizzed(server: Server, *, shown: bool) -> dict[str, Any]:
    """Take a quiz."""
    sdk = get_sync_client(url=server.url, headers={"Authorization": f"Bearer {TOKEN}"})
    thread = sdk.threads.create()["thread_id"]
    given: dict[str, Any] = {"topic": TOPIC}
    state: Any = {}
    for message in [None, *MESSAGES]:
        if message is not None:
            given = {"message": message}
        state = sdk.runs.wait(thread, "quiz", input=given)
        question = state["question"]["text"] if state["question"] else state["phase"]
        if shown:
            say(f"runs.wait(thread, 'quiz', input={given})", question)
    return dict(state["result"])


def guarded(server: Server, root: Path) -> None:
    """Show a quiz, a proposal and a decision; and who is refused."""
    print("# STUDY_STUDIO_TOKEN is set")
    status(server, "no token")
    status(server, "wrong token", headers={"Authorization": "Bearer wrong"})
    status(server, "the scheme that LangGraph Studio uses", headers={"x-auth-scheme": "langsmith"})
    elsewhere = {"Authorization": f"Bearer {TOKEN}", "Origin": "https://evil.example"}
    status(server, "the token, from a page of https://evil.example", headers=elsewhere)
    result = quizzed(server, shown=True)
    say("result", {key: result[key] for key in ("state", "passed", "reasons")})
    (proposal,) = Workspace(root).proposals.all()
    sdk = get_sync_client(url=server.url, headers={"Authorization": f"Bearer {TOKEN}"})
    thread = sdk.threads.create()["thread_id"]
    sdk.runs.wait(thread, "promotion", input={"proposal": proposal.id})
    (interrupt,) = sdk.threads.get_state(thread)["tasks"][0]["interrupts"]
    say("runs.wait(thread, 'promotion', input={'proposal': …}) stops at", list(interrupt["value"]))
    print("    " + str(interrupt["value"]["description"]).replace("\n", "\n    "))
    reply = {interrupt["id"]: {"decisions": [{"type": "approve"}]}}
    state: Any = sdk.runs.wait(thread, "promotion", command={"resume": reply})
    say("command={'resume': {interrupt: {'decisions': [{'type': 'approve'}]}}}", state["outcome"]["message"])


def unguarded(server: Server, root: Path) -> None:
    """Show that a decision is only recorded."""
    print("\n# no token is set")
    (proposal,) = Workspace(root).proposals.all()
    sdk = get_sync_client(url=server.url)
    thread = sdk.threads.create()["thread_id"]
    sdk.runs.wait(thread, "promotion", input={"proposal": proposal.id})
    (interrupt,) = sdk.threads.get_state(thread)["tasks"][0]["interrupts"]
    body = {"assistant_id": "promotion", "command": {"resume": {interrupt["id"]: {"type": "approve"}}}}
    for kind in ("application/json", "text/plain"):
        headers = {"Origin": "https://evil.example", "Content-Type": kind}
        response = httpx.post(f"{server.url}/threads/{thread}/runs/wait", json=body, headers=headers, timeout=60)
        say(f"a page of https://evil.example resumes ({kind})", [response.status_code, response.json()["detail"]])
    state: Any = sdk.runs.wait(thread, "promotion", command={"resume": {interrupt["id"]: [{"type": "accept"}]}})
    say("command={'resume': {interrupt: [{'type': 'accept'}]}} (Agent Inbox)", state["outcome"]["message"])
    workspace = Workspace(root)
    say("the row", str(workspace.topic(TOPIC).level))
    kept = workspace.proposals.all()[0].unconfirmed
    say("kept with the proposal", kept.model_dump(mode="json", exclude={"at"}) if kept else None)


if __name__ == "__main__":
    main()
