import threading
from collections.abc import Iterator
from typing import Literal

import pytest
from pydantic import BaseModel, Field

from agent.adapters.models.endpoint import OpenAIChat
from agent.domain.errors import ModelError
from agent.ports.chat import Chat, Prompt
from tests.helpers.openai_server import OpenAIServer, Reply, fails, says
from tests.helpers.scripted_chat import ScriptedChatModel

PROMPT = Prompt(id="test@0", system="You write quiz questions.", user="Ask about KV caches.")
GOOD = '{"question": "What grows?", "kind": "core"}'
WRONG_KIND = '{"question": "What grows?", "kind": "hard"}'


class Wording(BaseModel):
    question: str = Field(max_length=40)
    kind: Literal["core", "term"]


EXPECTED = Wording(question="What grows?", kind="core")


def chat_at(server: OpenAIServer, timeout: float = 20.0) -> OpenAIChat:
    return OpenAIChat(server.base_url, api_key="sk-test", model="m", timeout=timeout, backoff=(0, 0))


def ask(chat: OpenAIChat, streams: bool) -> None:
    if streams:
        list(chat.stream(PROMPT, max_tokens=10))
    else:
        chat.structured(PROMPT, Wording, max_tokens=10)


@pytest.mark.parametrize(
    ("script", "expected", "requests"),
    [
        pytest.param([says(GOOD)], EXPECTED, 1, id="constrained"),
        pytest.param([says(f"Sure!\n```json\n{GOOD}\n```")], EXPECTED, 1, id="fenced"),
        pytest.param([says("I would ask what grows."), says(GOOD)], EXPECTED, 2, id="fails open, then fits"),
        pytest.param([says("I would ask what grows.")], None, 2, id="fails open twice"),
        pytest.param([says(WRONG_KIND)], None, 2, id="enum ignored"),
        pytest.param([says('{"question": "%s", "kind": "core"}' % ("x" * 41))], None, 2, id="too long"),
        pytest.param([says("")], None, 2, id="empty"),
        pytest.param([says('{"question": "What gr', finish="length")], None, 1, id="truncated"),
        pytest.param([says(GOOD, finish="length")], None, 1, id="truncated after fitting json"),
        pytest.param([says("", finish="content_filter")], None, 1, id="filtered"),
        pytest.param([Reply(refusal="I cannot help with that.")], None, 1, id="refuses"),
        pytest.param([fails(429), says(GOOD)], EXPECTED, 2, id="429 then ok"),
        pytest.param([fails(503), fails(500), says(GOOD)], EXPECTED, 3, id="5xx twice then ok"),
    ],
)
def test_structured_reply(script: list[Reply], expected: Wording | None, requests: int) -> None:
    with OpenAIServer(*script) as server:
        chat = chat_at(server)
        assert chat.structured(PROMPT, Wording, max_tokens=80) == expected
        chat.close()
    assert len(server.requests) == requests


@pytest.mark.parametrize("streams", [False, True], ids=["structured", "stream"])
@pytest.mark.parametrize(
    ("script", "sentence", "requests"),
    [
        pytest.param([fails(401, "Incorrect API key: sk-test")], "STUDY_API_KEY", 1, id="401"),
        pytest.param([fails(403)], "STUDY_API_KEY", 1, id="403"),
        pytest.param([fails(404)], "STUDY_CHAT", 1, id="404"),
        pytest.param([fails(400, "context too long")], "context too long", 1, id="400"),
        pytest.param([fails(429)], "over its limit", 3, id="429 for ever"),
        pytest.param([fails(500)], "answered 500", 3, id="500 for ever"),
    ],
)
def test_failure_is_one_sentence(script: list[Reply], sentence: str, requests: int, streams: bool) -> None:
    with OpenAIServer(*script) as server:
        chat = chat_at(server)
        with pytest.raises(ModelError, match=sentence) as raised:
            ask(chat, streams)
        chat.close()
    assert len(server.requests) == requests
    assert "sk-test" not in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "body", [b"<html>It works!</html>", b"", b"[]", b'{"choices": null}', b'{"choices": []}', b"\xff\xfe"]
)
def test_garbage_is_a_model_error(body: bytes) -> None:
    with OpenAIServer(Reply(raw=body)) as server:
        chat = chat_at(server)
        with pytest.raises(ModelError):
            chat.structured(PROMPT, Wording, max_tokens=10)
        with pytest.raises(ModelError):
            list(chat.stream(PROMPT, max_tokens=10))
        chat.close()


@pytest.mark.parametrize("streams", [False, True], ids=["structured", "stream"])
def test_timeout_hangs_up(streams: bool) -> None:
    with OpenAIServer(Reply(hang=True)) as server:
        chat = chat_at(server, timeout=1.0)
        with pytest.raises(ModelError, match="STUDY_TIMEOUT"):
            ask(chat, streams)
        assert server.hung_up.wait(10)
        chat.close()
    assert len(server.requests) == 1


def test_nothing_listens() -> None:
    with OpenAIServer(says(GOOD)) as server:
        url = server.base_url
    chat = OpenAIChat(url, model="m", backoff=(0, 0))
    with pytest.raises(ModelError, match="no connection"):
        chat.structured(PROMPT, Wording, max_tokens=10)
    chat.close()


def test_request_asks_for_the_schema_and_limits_tokens_under_both_names() -> None:
    with OpenAIServer(says(GOOD)) as server:
        chat = chat_at(server)
        chat.structured(PROMPT, Wording, max_tokens=77)
        chat.close()
    (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer sk-test"
    assert request.body["max_tokens"] == request.body["max_completion_tokens"] == 77
    assert request.body["temperature"] == 0
    assert [message["role"] for message in request.body["messages"]] == ["system", "user"]
    assert request.body["response_format"]["json_schema"]["schema"] == {
        "type": "object",
        "properties": {"question": {"type": "string"}, "kind": {"type": "string", "enum": ["core", "term"]}},
        "required": ["question", "kind"],
        "additionalProperties": False,
    }


def test_second_ask_carries_the_reply_and_its_problem() -> None:
    with OpenAIServer(says(WRONG_KIND), says(GOOD)) as server:
        chat = chat_at(server)
        assert chat.structured(PROMPT, Wording, max_tokens=80) == EXPECTED
        chat.close()
    assert [message["role"] for message in server.requests[1].body["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    assert server.requests[1].body["messages"][2]["content"] == WRONG_KIND
    assert "kind: Input should be 'core' or 'term'" in server.requests[1].body["messages"][3]["content"]


@pytest.mark.parametrize(
    ("message", "dropped", "kept"),
    [
        (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens'.",
            "max_tokens",
            "max_completion_tokens",
        ),
        ("Unrecognized request argument: max_completion_tokens", "max_completion_tokens", "max_tokens"),
        ("'temperature' does not support 0 with this model", "temperature", "max_tokens"),
        ("response_format of type json_schema is not supported", "response_format", "temperature"),
    ],
)
def test_parameter_that_the_endpoint_does_not_know_is_left_out_from_then_on(
    message: str, dropped: str, kept: str
) -> None:
    with OpenAIServer(fails(400, message), says(GOOD)) as server:
        chat = chat_at(server)
        assert chat.structured(PROMPT, Wording, max_tokens=80) == EXPECTED
        assert chat.structured(PROMPT, Wording, max_tokens=80) == EXPECTED
        chat.close()
    assert dropped in server.requests[0].body
    for request in server.requests[1:]:
        assert dropped not in request.body
        assert kept in request.body
    assert len(server.requests) == 3


def test_stream_gives_the_pieces() -> None:
    with OpenAIServer(says("KV ", "caches ", "grow.")) as server:
        chat = chat_at(server)
        assert list(chat.stream(PROMPT, max_tokens=10)) == ["KV ", "caches ", "grow."]
        chat.close()
    assert server.requests[0].body["max_tokens"] == 10


def test_stream_is_repeated_only_before_its_first_piece() -> None:
    with OpenAIServer(fails(503), says("fine")) as server:
        chat = chat_at(server)
        assert "".join(chat.stream(PROMPT, max_tokens=10)) == "fine"
        chat.close()
    assert len(server.requests) == 2


@pytest.mark.parametrize("reply", [Reply(["KV ", "ca"], broken=True), Reply([""])], ids=["breaks off", "says nothing"])
def test_stream_that_is_no_reply(reply: Reply) -> None:
    with OpenAIServer(reply) as server:
        chat = chat_at(server)
        with pytest.raises(ModelError, match="broke off"):
            list(chat.stream(PROMPT, max_tokens=10))
        chat.close()
    assert len(server.requests) == 1


@pytest.mark.parametrize("streams", [False, True], ids=["structured", "stream"])
def test_cancel_from_another_thread_hangs_up(streams: bool) -> None:
    failures: list[str] = []

    def ask_in_vain() -> None:
        try:
            ask(chat, streams)
        except ModelError as error:
            failures.append(str(error))

    with OpenAIServer(Reply(hang=True), says(GOOD)) as server:
        chat = chat_at(server)
        thread = threading.Thread(target=ask_in_vain)
        thread.start()
        while not server.requests:
            thread.join(0.01)
        chat.cancel()
        thread.join(10)
        assert server.hung_up.wait(10)
        assert chat.structured(PROMPT, Wording, max_tokens=10) == EXPECTED  # and the chat goes on
        chat.close()
    assert failures == ["The reply was cancelled."]


def test_proxy_settings_do_not_carry_loopback_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with OpenAIServer(says(GOOD)) as server:
        chat = chat_at(server)
        assert chat.structured(PROMPT, Wording, max_tokens=10) == EXPECTED
        chat.close()


@pytest.fixture
def scripted() -> Iterator[tuple[OpenAIChat, ScriptedChatModel]]:
    model = ScriptedChatModel(replies=["nonsense", GOOD, "one two"])
    chat = OpenAIChat(None, model="scripted", client=model)
    yield chat, model
    chat.close()


def test_any_langchain_model_can_take_the_place_of_the_endpoint(
    scripted: tuple[OpenAIChat, ScriptedChatModel],
) -> None:
    chat, model = scripted
    port: Chat = chat
    assert port.name == "scripted"
    assert port.structured(PROMPT, Wording, max_tokens=10) == EXPECTED
    assert list(port.stream(PROMPT, max_tokens=10)) == ["one", "two"]
    assert [len(messages) for messages, _ in model.asked] == [2, 4, 2]


class Nested(BaseModel):
    inner: Wording


def test_nested_schema_is_refused_before_anything_is_sent() -> None:
    with OpenAIServer(says(GOOD)) as server:
        chat = chat_at(server)
        with pytest.raises(TypeError, match="not flat"):
            chat.structured(PROMPT, Nested, max_tokens=10)
        chat.close()
    assert server.requests == []
