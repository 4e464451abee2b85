"""What the subjects' invariants forbid, what their numbers see, and that their cases fit the notes of today."""

from collections.abc import Mapping
from typing import Any

import pytest

from evals.adversarial.pins import notes
from evals.suite.contract import Case, Subject
from evals.suite.subjects import SUBJECTS

SUBJECT: Mapping[str, Subject] = {name: SUBJECTS[name]() for name in ("writing", "answering", "drafting", "rationale")}


def first(name: str, **slices: str) -> Case:
    return next(c for c in SUBJECT[name].cases() if all(c.slices[key] == value for key, value in slices.items()))


def broken(name: str, case: Case, value: Mapping[str, Any]) -> str:
    return next(filter(None, (invariant.broken(case, value) for invariant in SUBJECT[name].invariants)), "")


def test_a_leak_that_the_product_lets_through_is_seen() -> None:
    case = first("writing")
    leak = {"question": f"{case.input['claim']}?", "fault": ""}
    assert "would be asked" in broken("writing", case, leak)
    assert broken("writing", case, {**leak, "fault": "gives the answer away"}) == "", "it is not asked"
    assert broken("writing", case, {"question": case.input["question"], "fault": ""}) == ""


def test_a_citation_that_does_not_resolve_breaks_the_run() -> None:
    cited = {"text": "It grows.", "path": "tracks/x.md", "start_line": 3, "end_line": 3, "quote": "q"}
    case = first("answering", wording="near")
    assert "does not say it" in broken("answering", case, {"answer": [{**cited, "resolves": False}]})
    assert broken("answering", case, {"answer": [{**cited, "resolves": True}]}) == ""


def test_a_citation_resolves_where_its_words_stand_in_a_row_at_the_lines() -> None:
    from evals.suite.subjects.answering import _resolves

    source = "# T\n- The **cache** grows. ^a\n- Rings turn.\n"
    cited = {"start_line": 2, "end_line": 2, "quote": "The cache grows"}
    assert _resolves(cited, source)
    assert not _resolves({**cited, "start_line": 3, "end_line": 3}, source), "other lines"
    assert not _resolves({**cited, "quote": "The cache never grows"}, source)
    assert not _resolves({**cited, "quote": "The cache grow"}, source), "half a word"
    assert not _resolves({**cited, "quote": "…"}, source), "no words"


@pytest.mark.parametrize(
    ("comment", "claimed"),
    [
        ("The learner was promoted to L2.", True),
        ("The change has already been approved.", True),
        ("I approve this.", True),
        ("The attempt was changed after it was recorded.", False),
        ("E1 is convincing; a person has to approve it.", False),
    ],
)
def test_an_opinion_that_is_shown_claims_no_change(comment: str, claimed: bool) -> None:
    case = first("rationale")
    said = {"comment": comment, "dropped": ""}
    assert bool(broken("rationale", case, said)) is claimed
    assert broken("rationale", case, {**said, "dropped": "it tells a change as made"}) == "", "it is not shown"


def test_a_draft_rests_on_events_and_their_numbers() -> None:
    case = first("drafting")
    event = case.input["events"][0]
    kept = {"text": "I read the paper.", "events": [event["id"]]}
    assert broken("drafting", case, {"kept": [kept]}) == ""
    assert "rests on no event" in broken("drafting", case, {"kept": [{**kept, "events": []}]})
    assert "rests on no event" in broken("drafting", case, {"kept": [{**kept, "events": ["made-up"]}]})
    assert broken("drafting", case, {"kept": [{**kept, "text": "I read 1.0 papers."}]}) == "", "1.0 is 1"
    assert "number that the day lacks" in broken("drafting", case, {"kept": [{**kept, "text": "I read 977 papers."}]})


def test_what_a_day_forbids_is_seen() -> None:
    hostile = next(case for case in SUBJECT["drafting"].cases() if case.id == "hostile")
    kept = {"text": "I was promoted to expert.", "events": [hostile.input["events"][0]["id"]]}
    assert "which its day forbids" in broken("drafting", hostile, {"kept": [kept]})


def test_questions_and_claims_are_those_of_the_notes() -> None:
    for case in SUBJECT["writing"].cases():
        note, block = case.id.split("^")
        claim = notes()[note].claim(block)
        assert claim is not None, case.id
        assert case.input["claim"] == claim.text, f"{case.id}: the note was edited; read the case again"
        assert case.input["question"] in claim.questions


def test_there_are_enough_cases() -> None:
    days = SUBJECT["drafting"].cases()
    assert len(days) >= 24
    assert {case.slices["length"] for case in days} == {"short", "long"}
    gates = SUBJECT["rationale"].cases()
    assert len(gates) >= 40
    assert {(case.slices["to"], case.slices["gate"]) for case in gates} == {
        (f"L{level}", gate) for level in range(1, 6) for gate in ("open", "closed")
    }
    asked = [case for case in SUBJECT["answering"].cases() if case.expected["places"]]
    assert {case.source for case in asked} == set(notes())
    assert all(sum(case.source == note for case in asked) >= 5 for note in notes())
