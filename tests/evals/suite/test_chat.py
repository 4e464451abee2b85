"""The measured chat over real sockets: what is counted, cached, retried, and told apart."""

import json
import threading
import time
from pathlib import Path

import pytest
from pydantic import BaseModel

from agent.domain.errors import ModelError
from agent.ports import Prompt
from evals.suite.chat import Draw, MeasuredChat
from evals.suite.drill import recognise
from evals.suite.endpoint import Served, StochasticModel
from evals.suite.store import FileStore, MemoryStore
from evals.suite.transport import HttpTransport, Infrastructure, RateLimit, Replay, TimedOut
from tests.helpers.openai_server import OpenAIServer, Reply, fails, says

PROMPT = Prompt("drill@1", "Answer.", "Question: drill-1-1?")


class Answer(BaseModel):
    words: list[str]


def transport(server: OpenAIServer, **fields: object) -> HttpTransport:
    return HttpTransport(server.base_url, "scripted", {"model": "scripted"}, timeout=0.5, **fields)  # type: ignore[arg-type]


def chat(to: HttpTransport, draw: Draw | None = None, store: MemoryStore | FileStore | None = None) -> MeasuredChat:
    return MeasuredChat(to, store or MemoryStore(), draw or Draw(seed=7), retries=(0.0, 0.0))


def test_a_reply_is_asked_once_a_draw_and_kept_on_disk(tmp_path: Path) -> None:
    with OpenAIServer(says("one"), says("two"), says("three")) as server:
        for expected, draw in (("one", Draw()), ("one", Draw()), ("two", Draw(repeat=1)), ("three", Draw(salt="x"))):
            store = FileStore(tmp_path / "replies.sqlite")  # opened anew, as after a kill
            mine = chat(transport(server, extra={"cache_prompt": False}), draw, store)
            assert list(mine.stream(PROMPT, max_tokens=5)) == [expected]
            assert mine.calls[0].status == "ok"
            assert "Question: drill-1-1?" in store.trace(mine.calls[0].key)["request"]
            store.close()
        assert len(server.requests) == 3
        assert server.requests[0].body["cache_prompt"] is False
        assert server.requests[0].body["temperature"] == 0


def test_a_reply_that_does_not_fit_is_asked_for_once_more_then_given_up() -> None:
    with OpenAIServer(says("no"), says('{"words": ["a"]}')) as server:
        mine = chat(transport(server))
        assert mine.structured(PROMPT, Answer, max_tokens=9) == Answer(words=["a"])
        assert [call.status for call in mine.calls] == ["unfit", "ok"]
        assert mine.unparsed == ""
        assert len(server.requests[1].body["messages"]) == 4
    with OpenAIServer(says("no")) as server:
        mine = chat(transport(server))
        assert mine.structured(PROMPT, Answer, max_tokens=9) is None
        assert "does not fit the schema" in mine.unparsed
    with OpenAIServer(says('{"words"', finish="length")) as server:
        mine = chat(transport(server))
        assert mine.structured(PROMPT, Answer, max_tokens=9) is None
        assert "length" in mine.unparsed


def test_failures_of_the_endpoint_are_retried_then_raised_and_counted() -> None:
    with OpenAIServer(fails(500), fails(429), says("fine")) as server:
        mine = chat(transport(server))
        assert list(mine.stream(PROMPT, max_tokens=5)) == ["fine"]
        assert (mine.spent.requests, mine.spent.shaky, mine.calls[0].asked) == (1, 1, 3)
    with OpenAIServer(fails(429), says("fine")) as server:
        mine = chat(transport(server))
        list(mine.stream(PROMPT, max_tokens=5))
        assert mine.spent.shaky == 0, "a rate limit is no sign of a broken endpoint"
    for broken in (fails(503), Reply(raw=b"<html>"), Reply(raw=b'{"choices": []}'), fails(401)):
        with OpenAIServer(broken) as server:
            mine = chat(transport(server))
            with pytest.raises(Infrastructure):
                list(mine.stream(PROMPT, max_tokens=5))
            assert mine.calls[0].status == "infrastructure"
            assert len(server.requests) == (1 if broken.status == 401 else 3), "a refused key is not tried again"


def test_a_time_out_is_the_models_failure_and_not_retried() -> None:
    with OpenAIServer(Reply(hang=True)) as server:
        mine = chat(transport(server))
        with pytest.raises(TimedOut):
            list(mine.stream(PROMPT, max_tokens=5))
        assert mine.calls[0].status == "timed out"
        assert len(server.requests) == 1


def test_an_option_that_the_endpoint_does_not_know_is_left_out() -> None:
    with OpenAIServer(fails(400, "Unrecognized request argument supplied: seed"), says("fine")) as server:
        assert list(chat(transport(server)).stream(PROMPT, max_tokens=5)) == ["fine"]
        assert "seed" in server.requests[0].body
        assert "seed" not in server.requests[1].body


LIMIT = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
HEAT = "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported."


def refuses(message: str, param: str, code: str) -> Reply:
    """A refusal as OpenAI sends it."""
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return Reply(status=400, raw=json.dumps({"error": error}).encode())


@pytest.mark.parametrize("named", [True, False], ids=["with a param", "message only"])
def test_a_newer_openai_model_is_sent_its_own_limit_and_no_temperature(named: bool) -> None:
    script = (
        [refuses(LIMIT, "max_tokens", "unsupported_parameter"), refuses(HEAT, "temperature", "unsupported_value")]
        if named
        else [fails(400, LIMIT), fails(400, HEAT)]
    )
    with OpenAIServer(*script, says("fine")) as server:
        to = transport(server)
        assert list(chat(to).stream(PROMPT, max_tokens=5)) == ["fine"]
        last = server.requests[-1].body
        assert (last["model"], last["max_completion_tokens"]) == ("scripted", 5)
        assert not {"max_tokens", "temperature"} & set(last)
        list(chat(to, Draw(seed=8)).stream(PROMPT, max_tokens=5))
        assert len(server.requests) == 4, "what was learnt holds for the next request"


def test_an_endpoint_that_takes_neither_limit_is_asked_without_one() -> None:
    other = "Unknown parameter: 'max_completion_tokens'."
    with OpenAIServer(fails(400, LIMIT), fails(400, other), says("fine")) as server:
        assert list(chat(transport(server)).stream(PROMPT, max_tokens=5)) == ["fine"]
        assert not {"max_tokens", "max_completion_tokens"} & set(server.requests[-1].body)


def test_a_refusal_in_another_form_is_understood() -> None:
    detail = [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted", "input": 7}]
    refusal = Reply(status=422, raw=json.dumps({"detail": detail}).encode())
    with OpenAIServer(refusal, says("fine")) as server:
        assert list(chat(transport(server)).stream(PROMPT, max_tokens=5)) == ["fine"]
        assert "seed" not in server.requests[-1].body


@pytest.mark.parametrize(
    "message",
    [
        "The model 'scripted' is not supported.",
        "Unsupported value: 'messages[0].role' does not support 'system'.",
        HEAT,
    ],
)
def test_a_refusal_that_nothing_can_be_left_out_for_ends(message: str) -> None:
    with OpenAIServer(fails(400, message)) as server:
        with pytest.raises(Infrastructure):
            list(chat(transport(server)).stream(PROMPT, max_tokens=5))
        assert len(server.requests) <= 5


def test_an_empty_reply_is_a_failure_of_the_model() -> None:
    with OpenAIServer(says("")) as server:
        mine = chat(transport(server))
        with pytest.raises(ModelError, match="broke off"):
            list(mine.stream(PROMPT, max_tokens=5))
        assert mine.calls[0].status == "unfit"


def test_replay_asks_nobody() -> None:
    store = MemoryStore()
    with OpenAIServer(says("kept")) as server:
        to = transport(server)
        list(chat(to, store=store).stream(PROMPT, max_tokens=5))
        again = MeasuredChat(Replay(to), store, Draw(seed=7), retries=())
        assert list(again.stream(PROMPT, max_tokens=5)) == ["kept"]
        with pytest.raises(Infrastructure, match="--replay"):
            list(MeasuredChat(Replay(to), store, Draw(seed=8), retries=()).stream(PROMPT, max_tokens=5))
        assert len(server.requests) == 1


def test_requests_keep_their_distance() -> None:
    limit, began = RateLimit(per_minute=1200), time.monotonic()
    threads = [threading.Thread(target=limit.wait) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began >= 4 * 0.05 - 0.01


def test_our_own_endpoint_says_the_same_over_a_socket() -> None:
    model = StochasticModel(recognise)
    body = {
        "model": "m",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": PROMPT.user}],
        "temperature": 0,
        "seed": 3,
    }
    with Served(model) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        to = HttpTransport(served.base_url, "m", {})
        assert to.post(body).text == model.post(body).text
        drawn = {to.post({**body, "seed": seed}).text for seed in range(40)}
        assert drawn == {"ANSWER: right", "ANSWER: wrong"}
        to.close()
        served.shutdown()
        thread.join()
