"""Fresh wordings from a chat model: used only when they neither leak nor drift, and never in the way."""

import threading
from collections.abc import Iterator

import pytest

from agent.app.wordings import ModelWordings, NoWordings
from agent.domain.attempt import Question
from agent.domain.errors import ModelError
from tests.helpers.fakes import HeldChat, until
from tests.helpers.notes import block
from tests.helpers.sittings import quiz_note

NOTE = quiz_note(
    claims=block(
        "(core) Each token adds one key and one value vector per layer and per KV head.",
        "c0",
        "What does one more token cost in the cache?",
        "What is kept of each token?",
    )
    + "\n"
    + block("(core) Decoding waits for memory bandwidth.", "c1", "What does decoding wait for most?", "What bounds it?")
)
ASKED = Question(claim="c0", kind="ask", text="What does one more token cost in the cache?")
NEXT = Question(claim="c1", kind="ask", text="What does decoding wait for most?")
GOOD = "How much does one more token cost in the cache?"
LEAK = "Which key and value vector per layer and head does one more token cost in the cache?"
DRIFT = "How do bananas ripen in the warm sun?"
FAILING = ModelError("no answer")


@pytest.fixture
def chat() -> HeldChat:
    return HeldChat()


@pytest.fixture
def wordings(chat: HeldChat) -> Iterator[ModelWordings]:
    made = ModelWordings(chat, lambda: NOTE)
    yield made
    made.close()


def prepared(wordings: ModelWordings, chat: HeldChat, *questions: Question) -> None:
    """Prepare these and wait until the model has been asked for each."""
    wanted = len(chat.asked) + len(questions)
    before = len(wordings.rejected)
    wordings.prepare(questions)
    until(lambda: len(chat.asked) >= wanted)
    until(lambda: not [t for t in threading.enumerate() if t.name == "wordings"] or len(wordings.rejected) > before)


def test_a_good_one_is_used_once(wordings: ModelWordings, chat: HeldChat) -> None:
    chat.replies = [{"question": GOOD}]
    prepared(wordings, chat, ASKED)
    assert wordings.reworded(ASKED) == GOOD
    assert wordings.reworded(ASKED) is None


def test_it_is_for_one_question_only(wordings: ModelWordings, chat: HeldChat) -> None:
    chat.replies = [{"question": GOOD}]
    prepared(wordings, chat, ASKED)
    assert wordings.reworded(NEXT) is None
    assert wordings.reworded(ASKED.model_copy(update={"index": 1})) is None


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (LEAK, "gives the answer away"),
        (DRIFT, "asks something else"),
        ("Say it: it costs 2 vectors.", "not one question"),
    ],
)
def test_one_that_leaks_or_drifts_is_not(wordings: ModelWordings, chat: HeldChat, reply: str, fault: str) -> None:
    chat.replies = [{"question": reply}]
    prepared(wordings, chat, ASKED)
    assert wordings.reworded(ASKED) is None
    assert wordings.rejected == [(reply, fault)]


@pytest.mark.parametrize("reply", [FAILING, {"question": ""}, {"question": "x" * 401}, {"answer": "no"}, "text"])
def test_a_model_that_fails_or_talks_garbage(wordings: ModelWordings, chat: HeldChat, reply: object) -> None:
    chat.replies = [reply, {"question": "What does decoding wait for the most?"}]  # type: ignore[list-item]
    prepared(wordings, chat, ASKED, NEXT)
    assert wordings.reworded(ASKED) is None
    assert wordings.reworded(NEXT) == "What does decoding wait for the most?"


def test_after_three_failures_in_a_row_it_is_left_alone(wordings: ModelWordings, chat: HeldChat) -> None:
    for _ in range(3):
        prepared(wordings, chat, ASKED)
    chat.replies = [{"question": GOOD}]
    wordings.prepare([ASKED])
    until(lambda: not [t for t in threading.enumerate() if t.name == "wordings"])
    assert len(chat.asked) == 3
    assert wordings.reworded(ASKED) is None


def test_being_cancelled_is_no_failure(wordings: ModelWordings, chat: HeldChat) -> None:
    """Whoever answers faster than the model writes must not lose it for the rest of the quiz."""
    for _ in range(4):
        chat.held = threading.Event()
        chat.started.clear()
        wordings.prepare([ASKED, NEXT])
        assert chat.started.wait(10)
        wordings.pause()
        until(lambda: not [t for t in threading.enumerate() if t.name == "wordings"])
        assert wordings.reworded(ASKED) is None
    chat.held = None
    chat.replies = [{"question": GOOD}]
    prepared(wordings, chat, ASKED)
    assert wordings.reworded(ASKED) == GOOD


def test_preparing_returns_at_once_and_newer_wishes_replace_older_ones(wordings: ModelWordings, chat: HeldChat) -> None:
    chat.held = threading.Event()
    chat.replies = [{"question": GOOD}, {"question": "What does decoding wait for the most?"}]
    wordings.prepare([ASKED, ASKED.model_copy(update={"index": 1})])
    assert chat.started.wait(10)
    wordings.prepare([NEXT])
    chat.held.set()
    until(lambda: len(chat.asked) == 2)
    until(lambda: not [t for t in threading.enumerate() if t.name == "wordings"])
    assert wordings.reworded(NEXT) == "What does decoding wait for the most?"
    assert [NEXT.text in prompt.user for prompt in chat.asked] == [False, True]


def test_closing_stops_what_is_being_written(wordings: ModelWordings, chat: HeldChat) -> None:
    chat.held = threading.Event()
    wordings.prepare([ASKED, NEXT])
    assert chat.started.wait(10)
    wordings.close()
    assert chat.cancelled == 1
    assert [t for t in threading.enumerate() if t.name == "wordings"] == []


def test_the_prompt_names_template_and_topic(wordings: ModelWordings, chat: HeldChat) -> None:
    prepared(wordings, chat, ASKED)
    (prompt,) = chat.asked
    assert prompt.id.startswith("quiz/reword@")
    assert ASKED.text in prompt.user
    assert NOTE.topic in prompt.user


def test_terminal_escapes_of_a_model_are_neutralised(wordings: ModelWordings, chat: HeldChat) -> None:
    chat.replies = [{"question": f"\x1b[2J{GOOD}"}]
    prepared(wordings, chat, ASKED)
    text = wordings.reworded(ASKED)
    assert text is None or "\x1b" not in text


class TestHints:
    @pytest.mark.parametrize(
        ("reply", "shown"),
        [
            ({"question": "What would you have to keep to go on from here?"}, True),  # may ask something else
            ({"question": GOOD}, True),
            ({"question": LEAK}, False),
            ({"question": "Is it one key and one value vector per layer?"}, False),
            ({"question": "It is a key and a value vector."}, False),
            ({"question": "Is it more than 2 of something, do you think?"}, False),
            ({"question": ""}, False),
            (FAILING, False),
        ],
    )
    def test_only_a_question_that_leaks_nothing(
        self, wordings: ModelWordings, chat: HeldChat, reply: object, shown: bool
    ) -> None:
        chat.replies = [reply]  # type: ignore[list-item]
        assert (wordings.hint(ASKED, "no idea") is not None) is shown

    def test_the_model_sees_what_was_said_so_far_cut(self, wordings: ModelWordings, chat: HeldChat) -> None:
        wordings.hint(ASKED, "y" * 5000)
        wordings.hint(ASKED, "")
        assert [prompt.user.count("y" * 600) for prompt in chat.asked] == [1, 0]
        assert "y" * 601 not in chat.asked[0].user
        assert "nothing yet" in chat.asked[1].user

    def test_none_for_a_misconception(self, wordings: ModelWordings, chat: HeldChat) -> None:
        assert wordings.hint(Question(claim="m1", kind="probe", text="What do you answer?"), "") is None
        assert chat.asked == []


def test_without_a_model_there_is_none() -> None:
    assert NoWordings().reworded(ASKED) is None
    assert NoWordings().hint(ASKED, "") is None
