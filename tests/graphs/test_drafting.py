"""Drafting with a scripted model: what it reads, and what becomes of its lines."""

from agent.domain.session_draft import compose
from graphs.session.drafting import CONTEXT_CHARS, MAX_SENTENCES, draft_lines, draft_session
from tests.helpers.days import asked, day
from tests.helpers.scripted_chat import ScriptedChat

REPLY = """Here is the day:
[2] I passed the quiz on kv-cache-scaling with 9 answers and explained 4 of 4 core claims.
[2] The change of kv-cache-scaling from L0 to L1 was approved.
[3] I passed the quiz on paged-attention."""


def test_only_supported_lines_get_into_the_draft() -> None:
    chat = ScriptedChat(REPLY)
    draft = draft_session(chat, day())
    assert [s.text for s in draft.statements if s.by == "model"] == [
        "I passed the quiz on kv-cache-scaling with 9 answers and explained 4 of 4 core claims.",
        "The change of kv-cache-scaling from L0 to L1 was approved.",
    ]
    assert [item.text for item in draft.dropped] == ["I passed the quiz on paged-attention."]
    assert draft.versions["draft"].startswith("session/draft@")
    assert (
        "[1] Noted: “read the GQA paper, sections 1 to 3”\n[2] Quiz on kv-cache-scaling: passed" in chat.asked[0].user
    )


def test_without_a_model_the_draft_is_the_codes_own() -> None:
    assert draft_session(None, day()) == compose(day(), (), {"chat": "none"})


def test_a_model_reads_no_more_than_it_can_in_a_minute() -> None:
    chat = ScriptedChat("")
    draft_session(chat, day(*(asked(n, f"what about {'x' * 900} {n}?", f"topic-{n % 20}") for n in range(500))))
    assert len(chat.asked[0].user) < CONTEXT_CHARS + 200


def test_a_model_that_does_not_stop_is_cut_off() -> None:
    endless = "\n".join(f"[2] I passed the quiz on kv-cache-scaling, line {n}." for n in range(100))
    assert len(list(draft_lines(ScriptedChat(endless), day()))) == MAX_SENTENCES


def test_a_reply_of_nonsense_costs_nothing() -> None:
    draft = draft_session(ScriptedChat("\x1b[2J" + "[" * 5000 + "1" * 5000), day())
    assert not [s for s in draft.statements if s.by == "model"]


def test_a_sentence_that_the_token_limit_cut_off_is_not_told() -> None:
    whole, cut = "[1] I passed the quiz on rope.", "[2] I approved rope from L1 to L2 and L2 to L"
    assert [said.text for said in draft_lines(ScriptedChat(f"{whole}\n{cut}"), day())] == ["I passed the quiz on rope."]
