"""The scorer of session drafts: it separates drafts that are known to be good from ones known to be bad."""

from dataclasses import replace

import pytest

from agent.domain.session_draft import SessionDraft, Statement, compose
from evals.sessions.cases import read_cases
from evals.sessions.report import table, totals
from evals.sessions.score import score

CASES = {case.name: case for case in read_cases()}
CASE = CASES["near-numbers"]
RUN, QUIZ = CASE.key[0].event, CASE.key[3].event
PASSED = CASE.key[5].event


def with_sentence(text: str, *events: str, by: str = "model") -> SessionDraft:
    plain = compose(CASE.day())
    extra = Statement("summary", text, events, by=by)  # type: ignore[arg-type]
    return replace(plain, statements=(*plain.statements, extra))


def test_there_are_twelve_days_of_every_kind() -> None:
    assert len(CASES) == 12
    assert len(CASES["long-day"].events) == 500
    assert {event["kind"] for case in CASES.values() for event in case.events} == {
        "note",
        "quiz",
        "ask",
        "lab-run",
        "decision",
        "change",
    }


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_plain_draft_of_each_day_holds_and_tells_all_of_it(case: object) -> None:
    from evals.sessions.cases import DayCase

    assert isinstance(case, DayCase)
    found = score(case, compose(case.day()))
    assert found.faults == ()
    assert (found.told, found.key_told) == (found.events, found.key)
    assert found.exact == found.checked > 0


def test_a_day_is_the_learners_own() -> None:
    for name in ("over-midnight", "clock-change"):
        case = CASES[name]
        assert case.outside
        assert not case.outside & {event.id for event in case.day().events}


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ("I ran rag-baseline with bm25 for 41.2 seconds and its recall was 0.71.", (RUN,)),
        ("I ran rag-baseline with bm25 for 41.20 seconds and its recall was 0.710.", (RUN,)),
        ("I did not pass the quiz on retrieval-baseline yet and explained 3 of 4 core claims.", (QUIZ,)),
        ("I passed the quiz on query-rewrite with 15 answers.", (PASSED,)),
        ("I ran rag-baseline and took 1 quiz on retrieval-baseline.", (RUN, QUIZ)),
    ],
)
def test_known_good_sentences(text: str, events: tuple[str, ...]) -> None:
    assert score(CASE, with_sentence(text, *events)).faults == ()


@pytest.mark.parametrize(
    ("text", "events", "kind"),
    [
        ("I ran rag-baseline with bm25 for 42.1 seconds.", (RUN,), "exact"),
        ("I did not pass the quiz on retrieval-baseline yet and explained 4 of 5 core claims.", (QUIZ,), "exact"),
        ("I passed the quiz on retrieval-baseline.", (QUIZ,), "unsupported"),
        ("I did not pass the quiz on query-rewrite.", (PASSED,), "unsupported"),
        ("I passed the quiz on query-rewrite and reached L1.", (PASSED,), "exact"),
        ("I noted “recall is what matters” in the quiz on query-rewrite.", (PASSED,), "exact"),
        ("I compared three retrievers and understood their tradeoffs deeply.", (RUN,), "unsupported"),
        ("I mastered the quiz on query-rewrite.", (PASSED,), "unsupported"),
        ("I took the quiz on query-rewrite in commit deadbee1.", (PASSED,), "exact"),
        ("I ran rag-baseline with bm25.", ("no such event",), "unsupported"),
        ("I ran rag-baseline with bm25.", (), "unsupported"),
        ("The run took 42.1 s with bm25 in it.", (CASE.key[1].event,), "never"),
    ],
)
def test_known_bad_sentences(text: str, events: tuple[str, ...], kind: str) -> None:
    found = score(CASE, with_sentence(text, *events))
    assert kind in {fault.kind for fault in found.faults}, found.faults


def test_what_a_draft_leaves_out_is_counted() -> None:
    plain = compose(CASE.day())
    short = replace(plain, statements=plain.statements[:3])
    found = score(CASE, short)
    assert (found.told, found.key_told) == (2, 2)
    assert totals([found]).met is False


def test_a_headline_alone_tells_nothing() -> None:
    plain = compose(CASE.day())
    assert score(CASE, replace(plain, statements=plain.statements[:1])).told == 0


def test_targets_are_met_only_by_all_of_them() -> None:
    good = score(CASE, compose(CASE.day()))
    assert totals([good]).met
    assert not totals([good, replace(good, exact=good.exact - 1)]).met
    assert not totals([]).met
    assert "unmeasured of the model's" in table([good])
