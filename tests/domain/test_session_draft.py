"""A day's draft: complete without a model, and with one only what its facts support in front of that."""

from agent.domain.day import Explained, Gap, settled
from agent.domain.session_draft import SessionDraft, compose
from agent.domain.support import Said
from tests.helpers.days import KV, PAGED, approved, day, noted, quizzed, ran, usual

EXPLAINED = Explained(
    "e50", KV, "per-token", "Each token adds a key.", "every token costs me a key", "tracks/a.md#^per-token"
)
GAP = Gap("e80", PAGED, "blocks", "Not explained: Blocks need not be adjacent.", "tracks/b.md#^blocks")


def texts(draft: SessionDraft, section: str) -> list[str]:
    return [statement.text for statement in draft.statements if statement.section == section]


def test_without_a_model_it_is_complete_and_in_order() -> None:
    draft = compose(day(explained=(EXPLAINED,), gaps=(GAP,)))
    assert texts(draft, "summary") == [
        "3 quizzes, 2 lab runs, 1 change of notes and labs, 2 questions to the notes, 1 noted line and 1 decision, on "
        "grouped-query-attention, kv-cache-scaling, paged-attention, continuous-batching."
    ]
    assert len(texts(draft, "did")) == 8
    assert texts(draft, "explained") == ["Each token adds a key."]
    assert texts(draft, "gaps") == [
        "Not explained: Blocks need not be adjacent.",
        "Find out why this failed: Run of serving-bench: exit code 1 after 41.2 s.",
    ]
    assert texts(draft, "decisions") == ["Approved: kv-cache-scaling from L0 to L1."]


def test_every_statement_names_its_events_and_every_event_is_in_one() -> None:
    draft = compose(day())
    ids = {event.id for event in usual()}
    assert all(statement.events and set(statement.events) <= ids for statement in draft.statements)
    told = [s for s in draft.statements if s.section in ("did", "decisions")]
    assert {id for statement in told for id in statement.events} == ids


def test_what_a_model_says_stands_in_front_where_the_facts_support_it() -> None:
    good = Said("I passed the quiz on kv-cache-scaling with 9 answers.", (2,))
    bad = Said("I passed the quiz on kv-cache-scaling with 90 answers.", (2,))
    draft = compose(day(), [good, bad, good])
    assert texts(draft, "summary")[1:] == [good.text]
    assert draft.section("summary")[1].events == ("e20", "e50")
    assert draft.section("summary")[1].by == "model"
    assert [item.reason for item in draft.dropped] == ["the number 90 is in no cited fact", "it was said before"]
    assert texts(draft, "did") == texts(compose(day()), "did")


def test_next_steps_follow_from_what_was_left() -> None:
    steps = texts(
        compose(day(quizzed(1, "paused", attempt="abcdef0123"), quizzed(2, "passed", PAGED, attempt="b"))), "gaps"
    )
    assert steps == [
        "Go on with the quiz on kv-cache-scaling: study resume abcdef01",
        "The quiz on paged-attention was passed and no decision was made: study review",
    ]
    assert texts(compose(day(quizzed(1, "passed"), approved(2))), "gaps") == []
    assert texts(compose(day(quizzed(1, "paused"), quizzed(2, "not_passed"))), "gaps") == []
    assert len(texts(compose(day(ran(1, 1), ran(2, 1))), "gaps")) == 1
    assert len(texts(compose(day(quizzed(1, "passed", attempt="a"), quizzed(2, "passed", attempt="b"))), "gaps")) == 1


def test_a_day_of_one_line() -> None:
    draft = compose(day(noted(1, "tired, read nothing")))
    assert texts(draft, "summary") == ["1 noted line."]
    assert texts(draft, "did") == ["Noted: “tired, read nothing”"]


def test_what_was_explained_in_the_evening_is_no_gap() -> None:
    morning = Gap("e1", KV, "per-token", "Not explained: Each token adds a key.", "x")
    assert settled([EXPLAINED], [morning, GAP]) == ((EXPLAINED,), (GAP,))
