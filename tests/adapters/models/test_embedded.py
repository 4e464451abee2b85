import json
import math
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from pydantic import BaseModel

from agent.adapters.models.embedded import EmbeddedChat, EmbeddedServer
from agent.domain.errors import ModelError
from agent.ports.chat import Chat, Prompt
from tests.helpers.fakes import until
from tests.helpers.openai_server import OpenAIServer, Reply, fails, says

PROMPT = Prompt(id="test@0", system="s", user="u")

TOP = [(15, 0.5), (20, 0.25), (9, 0.0)]
PROBS = {"completion_probabilities": [{"top_probs": [{"id": id, "prob": value} for id, value in TOP]}]}


class Wording(BaseModel):
    question: str


def program(tmp_path: Path, body: str) -> Path:
    """A stand-in for serve.py: same protocol on its pipes, no native library."""
    path = tmp_path / "fake_serve.py"
    prelude = "import json, os, sys, time\nrequest = json.loads(sys.stdin.readline())\n"
    path.write_text(prelude + textwrap.dedent(body), encoding="utf-8")
    return path


def serving(tmp_path: Path, url: str) -> EmbeddedServer:
    body = f"print(json.dumps({{'url': {url!r}}}), flush=True)\nsys.stdin.read()\n"
    return EmbeddedServer(tmp_path / "m.gguf", name="tiny", program=program(tmp_path, body))


def origin(server: OpenAIServer) -> str:
    return server.base_url.removesuffix("/v1")


def test_scores_of_given_next_tokens_in_the_order_asked(tmp_path: Path) -> None:
    with OpenAIServer(Reply(raw=json.dumps(PROBS).encode())) as http, serving(tmp_path, origin(http)) as server:
        scores = server.next_token_scores("Score:", [20, 9, 15])
    assert scores[:1] + scores[2:] == pytest.approx([math.log(0.25), math.log(0.5)])
    assert -100 < scores[1] < -50  # so unlikely that a float holds no more of it
    (request,) = http.requests
    assert request.path == "/completion"
    assert request.headers["authorization"] == f"Bearer {server.api_key}"
    assert request.body["prompt"] == "Score:"
    assert (request.body["n_probs"], request.body["n_predict"]) == (3, 1)
    assert request.body["cache_prompt"] is True
    assert {token for token, _ in request.body["logit_bias"]} == {20, 9, 15}
    assert len({bias for _, bias in request.body["logit_bias"]}) == 1  # the differences stay what they are


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (fails(400, "the request exceeds the available context size"), "context size"),
        (Reply(raw=b"<html>"), "did not answer"),
        (Reply(raw=b"{}"), "did not answer"),
        (Reply(raw=b'{"completion_probabilities": []}'), "did not answer"),
        (Reply(raw=b'{"completion_probabilities": [{"top_probs": [{"id": 1, "prob": 1}]}]}'), "did not answer"),
    ],
)
def test_scores_that_do_not_come(tmp_path: Path, reply: Reply, sentence: str) -> None:
    with (
        OpenAIServer(reply) as http,
        serving(tmp_path, origin(http)) as server,
        pytest.raises(ModelError, match=sentence),
    ):
        server.next_token_scores("Score:", [15, 20])


def test_what_a_prompt_begins_with_is_computed_in_the_background(tmp_path: Path) -> None:
    with OpenAIServer(says("")) as http, serving(tmp_path, origin(http)) as server:
        server.warm("A long beginning:")
        until(lambda: bool(http.requests))
        (request,) = http.requests
    assert request.path == "/completion"
    assert request.body == {"prompt": "A long beginning:", "n_predict": 0, "cache_prompt": True}


@pytest.mark.parametrize(
    "body", ["print(json.dumps({'error': 'missing'}))", "time.sleep(600)"], ids=["none", "stopped"]
)
def test_a_beginning_that_cannot_be_computed_is_nobodys_error(
    tmp_path: Path, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    server = EmbeddedServer(tmp_path / "m.gguf", name="tiny", program=program(tmp_path, body))
    server.warm("A long beginning:")
    until(lambda: server.pid is not None)
    server.stop()
    until(lambda: not [t for t in threading.enumerate() if t.name == "warm-prompt"])
    assert told == []


def test_chat_starts_the_server_when_first_used(tmp_path: Path) -> None:
    with OpenAIServer(says('{"question": "Why?"}')) as http:
        server = serving(tmp_path, origin(http))
        chat = EmbeddedChat(server)
        port: Chat = chat
        assert port.name == "tiny"
        assert not server.ready
        assert port.structured(PROMPT, Wording, max_tokens=10) == Wording(question="Why?")
        assert "".join(port.stream(PROMPT, max_tokens=10)) == '{"question": "Why?"}'
        chat.close()
        server.stop()
    assert {request.body["model"] for request in http.requests} == {"tiny"}
    assert {request.headers["authorization"] for request in http.requests} == {f"Bearer {server.api_key}"}


def test_start_does_not_wait_and_stop_ends_a_load(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path, name="tiny", program=program(tmp_path, "time.sleep(600)"))
    server.start()
    server.start()
    assert not server.ready
    with pytest.raises(ModelError, match="took more than"):
        server.wait_ready(0.01)
    pid = server.pid
    assert pid is not None
    server.stop()
    server.stop()
    assert server.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(ModelError, match="was stopped"):
        server.wait_ready()


def test_who_waits_for_a_load_learns_that_it_was_stopped(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path, name="tiny", program=program(tmp_path, "time.sleep(600)"))
    failures: list[str] = []

    def wait() -> None:
        try:
            server.wait_ready()
        except ModelError as error:
            failures.append(str(error))

    server.start()
    thread = threading.Thread(target=wait)
    thread.start()
    server.stop()
    thread.join(10)
    assert failures == ["The embedded model 'tiny' was stopped."]


def test_wording_cancelled_during_the_load_never_runs(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with OpenAIServer(says('{"question": "Why?"}')) as http:
        body = f"""
            while not os.path.exists({str(gate)!r}):
                time.sleep(0.01)
            print(json.dumps({{"url": {origin(http)!r}}}), flush=True)
            sys.stdin.read()
            """
        with EmbeddedServer(tmp_path, name="tiny", program=program(tmp_path, body)) as server:
            chat = EmbeddedChat(server)
            failures: list[str] = []

            def ask() -> None:
                try:
                    chat.structured(PROMPT, Wording, max_tokens=10)
                except ModelError as error:
                    failures.append(str(error))

            thread = threading.Thread(target=ask)
            thread.start()
            thread.join(0.2)
            chat.cancel()
            gate.touch()
            thread.join(10)
            assert failures == ["The reply was cancelled."]
            assert http.requests == []
            assert chat.structured(PROMPT, Wording, max_tokens=10) == Wording(question="Why?")
            chat.close()


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("print(json.dumps({'error': 'missing'}))", "extra `local`"),
        ("print(json.dumps({'error': 'unloadable'}))", "study model rm tiny"),
        ("os.abort()", "study model rm tiny"),
        ("print('llama_model_load: error')", "study model rm tiny"),
    ],
    ids=["no xllamacpp", "cannot load", "crash", "noise"],
)
def test_failed_load_is_one_sentence(tmp_path: Path, body: str, sentence: str) -> None:
    with (
        EmbeddedServer(tmp_path / "m.gguf", name="tiny", program=program(tmp_path, body)) as server,
        pytest.raises(ModelError, match=sentence),
    ):
        server.wait_ready(60)


def test_process_that_ended_meanwhile(tmp_path: Path) -> None:
    with serving(tmp_path, "http://127.0.0.1:9") as server:
        server.wait_ready(60)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        while server.ready:
            pass
        with pytest.raises(ModelError, match="has ended"):
            server.next_token_scores("Score:", [15, 20])


def test_key_is_in_no_argument_and_no_variable(tmp_path: Path) -> None:
    body = """
        seen = sys.argv + [f"{key}={value}" for key, value in os.environ.items()]
        leaked = any(request["api_key"] in text for text in seen)
        print(json.dumps({"url": str(leaked) + " " + os.environ["OMP_WAIT_POLICY"]}), flush=True)
        sys.stdin.read()
        """
    with EmbeddedServer(tmp_path, name="tiny", program=program(tmp_path, body)) as server:
        assert server.base_url == "False passive/v1"
        assert len(server.api_key) >= 32


def test_server_ends_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    script = program(
        tmp_path,
        f"""
        print(json.dumps({{"url": "http://127.0.0.1:9"}}), flush=True)
        sys.stdin.read()
        open({str(ended)!r}, "w").close()
        """,
    )
    parent = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        from agent.adapters.models.embedded import EmbeddedServer

        EmbeddedServer(Path("m"), name="tiny", program=Path(sys.argv[1])).wait_ready()
        print("ready", flush=True)
        time.sleep(600)
        """
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-c", parent, str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.kill()
    pause = threading.Event()
    for _ in range(1000):
        if ended.exists():
            break
        pause.wait(0.01)
    assert ended.exists()


def test_file_that_is_no_model(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("xllamacpp")
    (tmp_path / "m.gguf").write_bytes(b"this is no model")
    with (
        EmbeddedServer(tmp_path / "m.gguf", name="tiny") as server,
        pytest.raises(ModelError, match="study model pull tiny"),
    ):
        server.wait_ready(60)
    assert capfd.readouterr() == ("", "")
